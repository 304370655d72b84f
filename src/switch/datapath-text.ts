/** The datapath as dpctl shows it: ports and cached flows. */
import { type DpTextContext, formatDpFlow } from '../datapath/text/flow.js';
import { finish, mix } from '../flowtable/mini.js';
import { get32 } from '../lib/bytes.js';
import { DP_KEY_BYTES } from '../packet/key.js';
import type { DpFlow } from '../upcall/megaflows.js';
import type { Core } from './core.js';

/** The one datapath's name, as `dpctl/dump-dps` prints it. */
export const DATAPATH_NAME = 'netdev@ovs-netdev';

/** Datapath flows, a line each, in the text of dpctl/dump-flows. `names`: port names in place of numbers. */
export function datapathFlowLines(core: Core, verbose = false, names = false): string[] {
  return core.upcalls.flows.all.map((flow) => datapathFlowLine(core, flow, verbose, names));
}

export function datapathFlowLine(core: Core, flow: DpFlow, verbose: boolean, names: boolean): string {
  const { flows } = core.upcalls;
  const ctx: DpTextContext = { verbose, portName: names ? (vport) => core.portOf(vport)?.name : undefined };
  const { key, mask } = flows.expand(flow);
  const c = flows.counters(flow);
  const age = c.packets === 0 ? undefined : Math.max(0, core.now() - c.usedMs) / 1000;
  const text = { key, mask, packets: c.packets, bytes: c.bytes, age, tcpFlags: c.tcpFlags, actions: flow.actions };
  const ufid = verbose ? flowUfid(core, flow) : undefined;
  return formatDpFlow({ ...text, ufid, layer: verbose ? 'ovs' : undefined }, ctx);
}

/** A name of 128 bits for a flow, the same as long as it is there: hashes of its key and mask. */
export function flowUfid(core: Core, flow: DpFlow): string {
  const { key, mask } = core.upcalls.flows.expand(flow);
  const digits = [0, 1, 2, 3].map((seed) => {
    let h = seed;
    for (const bytes of [key, mask]) for (let i = 0; i < DP_KEY_BYTES; i += 4) h = mix(h, get32(bytes, i));
    return finish(h).toString(16).padStart(8, '0');
  });
  return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
