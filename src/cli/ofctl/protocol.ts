/** Which wire form of flows to use, and telling an OpenFlow 1.0 switch of it. */
import {
  firstProtocol,
  formatProtocols,
  PROTOCOLS_OF,
  parseProtocols,
  protocolsOfVersions,
} from '../../flow/protocols.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { fromFlowMod } from '../../openflow/messages/flow-mod.js';
import { versionName } from '../../openflow/version.js';
import type { Client } from './client.js';
import type { Settings } from './context.js';

const FLOW_FORMAT = { openflow10: 0, nxm: 2 } as const;
const DEFAULT_VERSIONS = 1 << 1;

/** Forms that -O and -F leave. Throws UserError for a form nobody knows. */
export function allowedProtocols(settings: Pick<Settings, 'versions' | 'flowFormat'>): number {
  const { flowFormat } = settings;
  const forms = flowFormat === undefined ? PROTOCOLS_OF.any : parseProtocols(flowFormat);
  if (forms === undefined) throw new UserError(`${flowFormat}: unknown flow protocol`);
  const versions = settings.versions ?? DEFAULT_VERSIONS;
  const allowed = forms & protocolsOfVersions(versions);
  if (allowed !== 0) return allowed;
  throw new UserError(
    `None of the enabled OpenFlow versions (${versionNames(versions)}) supports any of the enabled flow formats (${formatProtocols(forms)}).  (Use -O to enable additional OpenFlow versions or -F to enable additional flow formats.)`,
  );
}

function versionNames(bitmap: number): string {
  return [1, 2, 3, 4, 5, 6]
    .filter((v) => bitmap & (1 << v))
    .map(versionName)
    .join(', ');
}

/** Does a 1.0 form put tables into commands? */
export function hasTableIds(protocol: number): boolean {
  return (protocol & PROTOCOLS_OF.tableIds) !== 0;
}

/** The name of a form's flow_mod. */
export function flowModName(protocol: number): string {
  return protocol & PROTOCOLS_OF.nxm ? 'NXT_FLOW_MOD' : 'OFPT_FLOW_MOD';
}

/** What a connection was switched to so far. */
export class Protocol {
  /** The form in use; a connection starts with the plainest of its version. */
  private current: number;
  private readonly allowed: number;

  constructor(
    private readonly client: Client,
    settings: Pick<Settings, 'versions' | 'flowFormat'>,
  ) {
    this.allowed = allowedProtocols(settings);
    this.current = firstProtocol(protocolsOfVersions(1 << client.version));
  }

  /** Makes the connection take flows that these forms can say. Throws UserError when no allowed one can. */
  async prepare(usable: number): Promise<void> {
    const left = usable & this.allowed;
    if (left === 0) {
      throw new UserError(
        `none of the usable flow formats (${formatProtocols(usable)}) is among the allowed flow formats (${formatProtocols(this.allowed)})`,
      );
    }
    if (left & this.current) return;
    const next = firstProtocol(left & protocolsOfVersions(1 << this.client.version));
    if (next === 0) throw new UserError(`could not use any of the usable flow formats (${formatProtocols(usable)})`);
    if ((next ^ this.current) & PROTOCOLS_OF.nxm) {
      const format = next & PROTOCOLS_OF.nxm ? FLOW_FORMAT.nxm : FLOW_FORMAT.openflow10;
      await this.client.tell('set_flow_format', { format });
    }
    if (hasTableIds(next) !== hasTableIds(this.current)) {
      await this.client.tell('flow_mod_table_id', { set: hasTableIds(next) ? 1 : 0 });
    }
    this.current = next;
  }

  /** For listing, where the newest form serves best and a table needs no table ids. Returns the name of the wire form's request. */
  async prepareDump(kind: 'FLOW' | 'AGGREGATE', usable: number = PROTOCOLS_OF.any): Promise<string> {
    const named = (usable & PROTOCOLS_OF.of10 & PROTOCOLS_OF.tableIds) >> 1;
    const left = (usable | named) & PROTOCOLS_OF.listing;
    const best = PROTOCOLS_OF.nxmOr11 & left & this.allowed;
    if ((usable & this.allowed) !== 0 && (left & this.allowed) === 0) {
      throw new UserError(`switch does not support any of the usable flow formats (${formatProtocols(usable)})`);
    }
    if ((usable & this.allowed) === 0) await this.prepare(usable);
    await this.prepare(best === 0 ? left : best);
    return this.current & PROTOCOLS_OF.nxm ? `NXST_${kind} request` : `OFPST_${kind} request`;
  }

  get formName(): string {
    return flowModName(this.current);
  }

  message(mod: FlowMod): ReturnType<typeof fromFlowMod> {
    return fromFlowMod(mod, this.client.version, hasTableIds(this.current));
  }
}
