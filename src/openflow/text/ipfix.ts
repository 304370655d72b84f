import type { IpfixStats } from '../messages/ipfix.js';
import type { Formatters } from './context.js';

/** `indent`: what the second line begins with. */
function statsText(name: string, indent: number, v: IpfixStats): string {
  return (
    `  ${name}: flows=${v.totalFlows}, current flows=${v.currentFlows}, sampled pkts=${v.packets}, ipv4 ok=${v.ipv4Packets}, ` +
    `ipv6 ok=${v.ipv6Packets}, tx pkts=${v.txPackets}\n${' '.repeat(indent)}` +
    `pkts errs=${v.errorPackets}, ipv4 errs=${v.ipv4ErrorPackets}, ipv6 errs=${v.ipv6ErrorPackets}, tx errs=${v.txErrors}\n`
  );
}

export const ipfixFormatters: Formatters = {
  ipfix_bridge_reply: ({ value }) => `\n${statsText('bridge ipfix', 16, value)}`,
  ipfix_flow_reply: ({ value }) => {
    const each = value.map((v) => statsText(`id ${String(v.collectorSet).padStart(3)}`, 10, v));
    return ` ${value.length} ids\n${each.join('')}`;
  },
};
