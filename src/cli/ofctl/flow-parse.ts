/** Flows as text to flow_mods. */
import type { Action } from '../../action/action.js';
import { checkActions } from '../../action/check.js';
import type { ParseCtx } from '../../action/context.js';
import { parseActions } from '../../action/list.js';
import { actionContext } from '../../bridge/flow-text.js';
import { requirePrereqs } from '../../flow/normalize.js';
import {
  ANY_TABLE,
  type FlowCommand,
  type FlowText,
  parseFlow,
  parseTable,
  splitCommand,
} from '../../flow/parse-flow.js';
import { PROTOCOLS_OF, type Usable } from '../../flow/protocols.js';
import { type FlowFilter, type FlowMod, TABLE_ALL } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import type { Names } from './names.js';

const MAX_U64 = 0xffffffffffffffffn;

function lookups(names: Names): {
  ports: (n: string) => number | undefined;
  tables: (n: string) => number | undefined;
} {
  const invert = (m: ReadonlyMap<number, string>) => new Map([...m].map(([number, name]) => [name, number]));
  const ports = invert(names.ports);
  const tables = invert(names.tables);
  return { ports: (n) => ports.get(n), tables: (n) => tables.get(n) };
}

export class FlowReader {
  /** Forms that can say all that was read so far. */
  readonly usable: Usable = { protocols: PROTOCOLS_OF.any };
  private readonly ctx: ReturnType<typeof lookups>;

  /**
   * `refuse`: a condition without its prerequisite ("tp_dst=80" alone) is an error. Otherwise it is left to the encoders, which drop it as
   * ovs-ofctl does: then the flow matches more than was written, so only programs called by that name get it.
   */
  constructor(
    names: Names,
    private readonly refuse = false,
  ) {
    this.ctx = lookups(names);
  }

  /** Throws UserError in ovs-ofctl's words. */
  flowMod(text: string, command: FlowMod['command']): FlowMod {
    const usable: Usable = { protocols: PROTOCOLS_OF.any };
    const f = parseFlow(text, command satisfies FlowCommand, { ...this.ctx, usable });
    if (this.refuse) requirePrereqs(f.match);
    const adds = command === 'add';
    const removes = command.startsWith('delete');
    // A modify that does not look at cookies adds a flow when it meets none; its cookie is then 0.
    const cookie = f.cookie ?? (adds || removes || f.cookieMask === 0n ? 0n : MAX_U64);
    const actions = f.actionsText === undefined ? [] : this.actions(f.actionsText, f, usable);
    this.usable.protocols &= usable.protocols;
    return {
      command,
      table: f.table === ANY_TABLE ? TABLE_ALL : f.table,
      priority: f.priority,
      match: f.match,
      cookie,
      cookieFilter: f.cookieFilter,
      cookieMask: f.cookieMask,
      modifyCookie: !adds && cookie !== MAX_U64,
      idleTimeout: f.idleTimeout,
      hardTimeout: f.hardTimeout,
      flags: f.flags,
      importance: f.importance,
      outPort: f.outPort,
      outGroup: f.outGroup,
      actions,
    };
  }

  /** With the notes that wire forms need. */
  private actions(text: string, flow: FlowText, usable: Usable): readonly Action[] {
    const ofActions: Usable = { protocols: PROTOCOLS_OF.any };
    const actions = parseActions(text, { ...this.actionContext(), usable: ofActions });
    usable.protocols &= ofActions.protocols;
    const table = flow.table === ANY_TABLE ? {} : { table: flow.table };
    try {
      const checked = checkActions(actions, flow.match, { version: 1, usable, ...table });
      if (usable.protocols === 0) throw new UserError('no wire form has it all', 'OFPBAC_MATCH_INCONSISTENT');
      return checked;
    } catch (e) {
      if (!(e instanceof UserError) || !e.ofError) throw e;
      throw new UserError(`actions are invalid with specified match (${e.ofError})`, e.ofError);
    }
  }

  filter(text: string): FlowFilter {
    const f = parseFlow(text, 'dump', { ...this.ctx, usable: this.usable });
    return {
      table: f.table === ANY_TABLE ? TABLE_ALL : f.table,
      match: f.match,
      cookieFilter: f.cookieFilter,
      cookieMask: f.cookieMask,
      outPort: f.outPort,
      outGroup: f.outGroup,
    };
  }

  /** A file of flows, a line each: comments and empty lines do not count, a word in front says what to do. */
  file(text: string, name: string, fixed?: FlowMod['command']): FlowMod[] {
    const mods: FlowMod[] = [];
    text.split('\n').forEach((raw, i) => {
      const line = raw.replace(/#.*/, '');
      if (line.trim() === '') return;
      const { command, flow } = fixed ? { command: fixed, flow: line } : splitCommand(line);
      try {
        mods.push(this.flowMod(flow, command as FlowMod['command']));
      } catch (e) {
        if (e instanceof UserError) throw new UserError(`${name}:${i + 1}: ${e.message}`, e.ofError);
        throw e;
      }
    });
    return mods;
  }

  actionContext(): ParseCtx {
    return { ...actionContext(this.ctx.ports), table: (text) => parseTable(text, this.ctx) };
  }
}
