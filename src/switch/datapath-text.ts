/** The datapath as dpctl shows it: ports and cached flows. */
import { type DpFlowText, type DpTextContext, formatDpFlow } from '../datapath/text/flow.js';
import { finish, mix } from '../flowtable/mini.js';
import { get32 } from '../lib/bytes.js';
import { DP_KEY_BYTES, K } from '../packet/key.js';
import type { DpFlow } from '../upcall/megaflows.js';
import type { Core } from './core.js';

/** The one datapath's name, as `dpctl/dump-dps` prints it. */
export const DATAPATH_NAME = 'netdev@ovs-netdev';

const NO_HITS = { packets: 0, bytes: 0, tcpFlags: 0 } as const;

/** Datapath flows, a line each, in the text of dpctl/dump-flows. `names`: port names in place of numbers. */
export function datapathFlowLines(core: Core, verbose = false, names = false): string[] {
  const kernel = slotsInKernel(core);
  return core.upcalls.flows.all.map((flow) => datapathFlowLine(core, flow, verbose, names, kernel));
}

/** The same as dpif/dump-flows has it, of the flows whose packets come from one of these ports. */
export function bridgeFlowLines(core: Core, vports: ReadonlySet<number>, verbose: boolean, names: boolean): string[] {
  const { flows } = core.upcalls;
  return flows.all.flatMap((flow) => {
    if (!vports.has(get32(flows.expand(flow).key, K.inPort.offset))) return [];
    const ufid = verbose ? `ufid:${flowUfid(core, flow)} ` : '';
    return `${ufid}${formatDpFlow(textOf(core, flow), contextOf(core, verbose, names))}`;
  });
}

function contextOf(core: Core, verbose: boolean, names: boolean): DpTextContext {
  const optionsOf = (vport: number) => core.underlay.optionsOf(vport);
  return { verbose, optionsOf, portName: names ? (vport) => core.vportName(vport) : undefined };
}

/** Slots of the flows that the kernel repeats by itself: as Open vSwitch says it of flows that its datapath gave to the kernel's traffic control. */
export function slotsInKernel(core: Core): ReadonlySet<number> {
  return core.dp.shortcuts?.slots() ?? new Set();
}

export function datapathFlowLine(
  core: Core,
  flow: DpFlow,
  verbose: boolean,
  names: boolean,
  kernel: ReadonlySet<number>,
): string {
  const ufid = verbose ? flowUfid(core, flow) : undefined;
  const layer = kernel.has(flow.slot) ? 'tc' : 'ovs';
  const text = { ...textOf(core, flow), ufid, layer: verbose ? layer : undefined };
  return formatDpFlow(text, contextOf(core, verbose, names));
}

function textOf(core: Core, flow: DpFlow): DpFlowText {
  const { flows } = core.upcalls;
  const { key, mask } = flows.shown(flow);
  const c = flows.counters(flow);
  // As in OVS, hits: the packets for which the flow was made met none.
  const packets = Math.max(0, c.packets - flow.missedPackets);
  const hits = packets === 0 ? NO_HITS : { packets, bytes: c.bytes - flow.missedBytes, tcpFlags: c.tcpFlags };
  const age = packets === 0 ? undefined : Math.max(0, core.now() - c.usedMs) / 1000;
  return { key, mask, ...hits, age, actions: flow.actions };
}

/** A name of 128 bits for a flow, the same as long as it is there: hashes of its key and mask. */
export function flowUfid(core: Core, flow: DpFlow): string {
  const { key, mask } = core.upcalls.flows.expand(flow);
  const digits = [0, 1, 2, 3].map((seed) => {
    let h = seed;
    for (const bytes of [key, mask]) for (let i = 0; i < DP_KEY_BYTES; i += 4) h = mix(h, get32(bytes, i));
    return (finish(h) >>> 0).toString(16).padStart(8, '0');
  });
  return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
