/** Flows as text to flow_mods. */
import type { Action } from '../../action/action.js';
import { checkActions } from '../../action/check.js';
import type { ParseCtx } from '../../action/context.js';
import { parseActions } from '../../action/list.js';
import { actionContext } from '../../bridge/flow-text.js';
import { expand, Match, type MiniMatch } from '../../flow/match.js';
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
import type { TunTable } from '../../flow/tun-table.js';
import { type FlowFilter, type FlowMod, TABLE_ALL } from '../../flowtable/flow-mod.js';
import { ShapePool } from '../../flowtable/mini.js';
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

/** Flows that all have one match object, which is what each of them says while it is at hand; in between its few words are kept. */
export class FlowList implements Iterable<FlowMod> {
  private readonly flows: { readonly mod: FlowMod; readonly mini: MiniMatch; readonly tun: TunTable | undefined }[] =
    [];
  private readonly shapes = new ShapePool();

  constructor(private readonly match: Match) {}

  /** A flow whose match is the list's. */
  push(mod: FlowMod): void {
    this.flows.push({ mod, mini: this.shapes.minify(this.match, false), tun: this.match.tun });
  }

  /** Each is good until the next is taken. */
  *[Symbol.iterator](): Generator<FlowMod> {
    for (const { mod, mini, tun } of this.flows) {
      expand(mini, this.match);
      if (tun) this.match.tun = tun;
      yield mod;
    }
  }
}

/** Lists of actions whose text is remembered; past it remembering starts over. */
const MAX_TEXTS = 1024;

export class FlowReader {
  /** Forms that can say all that was read so far. */
  readonly usable: Usable = { protocols: PROTOCOLS_OF.any };
  private readonly ctx: ReturnType<typeof lookups>;
  private scratch: Match | undefined;
  private readonly texts = new Map<string, { readonly actions: readonly Action[]; readonly protocols: number }>();

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
    const f = parseFlow(text, command satisfies FlowCommand, { ...this.ctx, usable, scratch: this.scratch });
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
    const { actions, protocols } = this.parsed(text);
    usable.protocols &= protocols;
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

  /** The same few lists stand in most lines of a file. */
  private parsed(text: string): { readonly actions: readonly Action[]; readonly protocols: number } {
    const known = this.texts.get(text);
    if (known) return known;
    const usable: Usable = { protocols: PROTOCOLS_OF.any };
    const actions = parseActions(text, { ...this.actionContext(), usable });
    const parsed = { actions, protocols: usable.protocols };
    if (this.texts.size >= MAX_TEXTS) this.texts.clear();
    this.texts.set(text, parsed);
    return parsed;
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
    return [...this.mods(text, name, fixed)];
  }

  /** The same, for those who are done with one flow before they take the next; kept in a tenth of the memory. */
  fileOnce(text: string, name: string, fixed?: FlowMod['command']): FlowList {
    this.scratch = new Match();
    const list = new FlowList(this.scratch);
    for (const mod of this.mods(text, name, fixed)) list.push(mod);
    this.scratch = undefined;
    return list;
  }

  private *mods(text: string, name: string, fixed?: FlowMod['command']): Generator<FlowMod> {
    let number = 0;
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf('\n', at);
      const raw = text.slice(at, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end + 1;
      number++;
      const hash = raw.indexOf('#');
      const line = hash < 0 ? raw : raw.slice(0, hash);
      if (line.trim() === '') continue;
      const { command, flow } = fixed ? { command: fixed, flow: line } : splitCommand(line);
      try {
        yield this.flowMod(flow, command as FlowMod['command']);
      } catch (e) {
        if (e instanceof UserError) throw new UserError(`${name}:${number}: ${e.message}`, e.ofError);
        throw e;
      }
    }
  }

  actionContext(): ParseCtx {
    return { ...actionContext(this.ctx.ports), table: (text) => parseTable(text, this.ctx) };
  }
}
