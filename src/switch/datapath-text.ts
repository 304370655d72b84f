/** The datapath as dpctl shows it: ports and cached flows. */
import { type DpTextContext, formatDpFlow } from '../datapath/text/flow.js';
import { UserError } from '../lib/errors.js';
import type { Core } from './core.js';

/** The one datapath's name, as `dpctl/dump-dps` prints it. */
export const DATAPATH_NAME = 'netdev@ovs-netdev';

/** Datapath flows, a line each, in the text of dpctl/dump-flows. `names`: port names in place of numbers. */
export function datapathFlowLines(core: Core, verbose = false, names = false): string[] {
  const { flows } = core.upcalls;
  const ctx: DpTextContext = { verbose, portName: names ? (vport) => core.portOf(vport)?.name : undefined };
  const now = core.now();
  return flows.all.map((flow) => {
    const { key, mask } = flows.expand(flow);
    const c = flows.counters(flow);
    const age = c.packets === 0 ? undefined : Math.max(0, now - c.usedMs) / 1000;
    return formatDpFlow(
      { key, mask, packets: c.packets, bytes: c.bytes, age, tcpFlags: c.tcpFlags, actions: flow.actions },
      ctx,
    );
  });
}

/** `dpctl/dump-flows [-m] [--names] [netdev@ovs-netdev] [filter=in_port(N)]`. */
export function dumpFlows(core: Core, args: readonly string[]): string {
  let verbose = false;
  let names = false;
  let wanted = '';
  for (const a of args) {
    if (a === '-m' || a === '--more') verbose = true;
    else if (a === '--names') names = true;
    else if (a === '--no-names') names = false;
    else if (a.startsWith('filter=')) wanted = a.slice('filter='.length);
    else if (a !== DATAPATH_NAME && a !== 'ovs-netdev')
      throw new UserError(`ovs-vswitchd: opening datapath ${a} failed (No such device)`);
  }
  return datapathFlowLines(core, verbose, names)
    .filter((line) => line.includes(wanted))
    .map((line) => `${line}\n`)
    .join('');
}

/** `dpctl/show`: the datapath, its hits and its ports. */
export function showDatapath(core: Core, hits: { hit: number; missed: number; lost: number; masks: number }): string {
  const lines = [
    `${DATAPATH_NAME}:`,
    `  lookups: hit:${hits.hit} missed:${hits.missed} lost:${hits.lost}`,
    `  flows: ${core.upcalls.flows.all.length}`,
    `  masks: total:${hits.masks}`,
  ];
  for (const bridge of core.bridges.values()) {
    for (const port of bridge.ports()) {
      const type = core.typeOf(port.name);
      if (port.vport !== 0) lines.push(`  port ${port.vport}: ${port.name}${type === 'system' ? '' : ` (${type})`}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
