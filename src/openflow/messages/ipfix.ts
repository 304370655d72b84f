/** Counters of the flow exporters that a bridge has: one for the bridge, one for each set of collectors that flows sample to. */
import { nxAsk, nxTell } from '../row.js';
import { counter, listOf, nothing, pad, struct, u32, type ValueOf } from '../schema.js';

const stats = struct({
  totalFlows: counter,
  currentFlows: counter,
  packets: counter,
  ipv4Packets: counter,
  ipv6Packets: counter,
  errorPackets: counter,
  ipv4ErrorPackets: counter,
  ipv6ErrorPackets: counter,
  txPackets: counter,
  txErrors: counter,
  collectorSet: u32,
  _pad: pad(4),
});
export type IpfixStats = ValueOf<typeof stats>;

export const ipfixRows = [
  nxAsk('ipfix_bridge_request', 'NXST_IPFIX_BRIDGE', 3, nothing),
  nxTell('ipfix_bridge_reply', 'NXST_IPFIX_BRIDGE', 3, stats),
  nxAsk('ipfix_flow_request', 'NXST_IPFIX_FLOW', 4, nothing),
  nxTell('ipfix_flow_reply', 'NXST_IPFIX_FLOW', 4, listOf(stats)),
] as const;
