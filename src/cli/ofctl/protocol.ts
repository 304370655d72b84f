/** Which wire form of flows to use, and telling an OpenFlow 1.0 switch of it. */
import type { Action } from '../../action/action.js';
import { checkActions } from '../../action/check.js';
import { fitsOf10 } from '../../flow/match-of10.js';
import { type FlowMod, TABLE_ALL } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { fromFlowMod } from '../../openflow/messages/flow-mod.js';
import type { Client } from './client.js';

const FLOW_FORMAT = { openflow10: 0, nxm: 2 } as const;

/** What a 1.0 connection was switched to so far. */
export class Protocol {
  private nxm = false;
  private tableIds = false;

  constructor(
    private readonly client: Client,
    /** From -F: "OpenFlow10", "NXM", with or without "+table_id"; undefined: whatever serves. */
    private readonly forced: string | undefined,
  ) {
    if (
      forced !== undefined &&
      !/^(any|openflow1[0-5]|nxm|oxm)(\+table_id)?$|^(nxm|oxm|openflow10)[-+]/i.test(forced)
    ) {
      throw new UserError(`${forced}: unknown flow protocol`);
    }
  }

  /** Makes the connection take these flows. */
  async prepare(mods: readonly FlowMod[]): Promise<void> {
    if (this.client.version !== 1) return;
    const forcedNxm = /^nxm/i.test(this.forced ?? '');
    const forced10 = /^openflow10/i.test(this.forced ?? '');
    const meters = mods.some((m) => m.actions.some((a: Action) => a.type === 'meter'));
    if (meters) throw unusable();
    const nxm =
      forcedNxm || (!forced10 && mods.some((m) => !fitsOf10(m.match) || m.cookieMask !== 0n || needsNxm(m.actions)));
    if (nxm && !this.nxm) await this.setNxm();
    if (mods.some((m) => m.table !== TABLE_ALL) && !this.tableIds) {
      await this.client.tell('flow_mod_table_id', { set: 1 });
      this.tableIds = true;
    }
  }

  private async setNxm(): Promise<void> {
    await this.client.tell('set_flow_format', { format: FLOW_FORMAT.nxm });
    this.nxm = true;
  }

  /** For listing: NXM unless 1.0 is forced. Returns the name of the wire form's request. */
  async prepareDump(kind: 'FLOW' | 'AGGREGATE'): Promise<string> {
    if (this.client.version !== 1 || /^openflow10/i.test(this.forced ?? '')) return `OFPST_${kind} request`;
    if (!this.nxm) await this.setNxm();
    return `NXST_${kind} request`;
  }

  get formName(): string {
    return this.nxm ? 'NXT_FLOW_MOD' : 'OFPT_FLOW_MOD';
  }

  message(mod: FlowMod): ReturnType<typeof fromFlowMod> {
    return fromFlowMod(withNotes(mod, this.client.version), this.client.version, this.tableIds);
  }
}

/** Actions whose text means a newer form of flows. */
function needsNxm(actions: readonly Action[]): boolean {
  return actions.some(
    (a) =>
      a.type === 'write_metadata' ||
      (a.type === 'set_field' &&
        a.form === 'set_field' &&
        (a.dst.field.name === 'metadata' || a.dst.field.tunMetadata !== undefined)),
  );
}

/** Some wire forms need to know what the match says of a field an action sets. */
export function withNotes(mod: FlowMod, version: number): FlowMod {
  if (mod.command.startsWith('delete')) return mod;
  const table = mod.table === TABLE_ALL ? 0 : mod.table;
  try {
    return { ...mod, actions: checkActions(mod.actions, mod.match, { version, table }) };
  } catch (e) {
    if (e instanceof UserError && e.ofError)
      throw new UserError(`actions are invalid with specified match (${e.ofError})`, e.ofError);
    throw e;
  }
}

function unusable(): UserError {
  return new UserError(
    'none of the usable flow formats (OXM-OpenFlow13,OXM-OpenFlow14,OXM-OpenFlow15) is among the allowed flow formats (OpenFlow10,NXM)',
  );
}
