/**
 * Why a packet ended without being sent. One row a reason: the number is the index, which is also the counter's place in a port's
 * block of the counters arena and the C++ enumerator (native/generated/drop_reasons.h). Append only.
 */
export interface DropReason {
  readonly name: string;
  /** One sentence for people. */
  readonly sentence: string;
}

const reasons = [
  ['none', 'not dropped'],
  ['policy', 'The flow table says so: a rule with the action drop or an empty action list.'],
  ['table_miss', 'No rule of the pipeline matched.'],
  ['too_short', 'The frame is shorter than an Ethernet header.'],
  ['too_long', 'The frame is longer than the port or the switch can carry.'],
  ['upcall_queue_full', 'The slow path is busy and its queue is full.'],
  ['upcall_rate', 'The port used up its share of upcalls.'],
  ['pending_full', 'Too many packets of one flow wait for its first decision.'],
  ['pending_timeout', 'No decision came for a waiting packet.'],
  ['translation_error', 'The pipeline stopped: recursion too deep, or too many resubmits.'],
  ['no_such_port', 'The output port does not exist.'],
  ['input_port', 'The output port is the port of arrival, and IN_PORT was not asked for.'],
  ['port_down', 'The output port is down or blocked.'],
  ['tx_full', 'The queue of the output port is full.'],
  ['tx_error', 'The device of the output port refused the frame.'],
  ['mtu', 'The frame exceeds the MTU of the output port and cannot be cut.'],
  ['recirc_limit', 'The packet went round more often than the limit of recirculations.'],
  ['recirc_unknown', 'The recirculation id is no longer known.'],
  ['meter', 'A meter band.'],
  ['ttl', 'The TTL or hop limit ran out.'],
  ['malformed', 'An action met a header that is not as long as it says.'],
  ['no_headroom', 'No room in front of the frame to push a header.'],
  ['no_buffer', 'No packet buffer is free.'],
  ['vlan_filter', 'The VLAN is not allowed on the port of arrival.'],
  ['action_error', 'A datapath action could not be applied.'],
  ['no_recipient', 'Every port that could take the packet is the port of arrival or does not carry its VLAN.'],
  ['shutdown', 'The switch or the port was being removed.'],
  ['sampled_out', 'Only a sample of the packets was asked for, and this was not one.'],
  ['reserved_multicast', 'A bridge does not forward the reserved multicast addresses 01:80:c2:00:00:00 to 0f.'],
  ['cfm_stp_blocked', 'The port is not in forwarding state.'],
  ['stack_empty', 'A pop met an empty stack.'],
  ['no_controller', 'The packet was for a controller and none is connected.'],
  ['tunnel_header', 'The tunnel header is cut short, or not one that the port takes.'],
  ['tunnel_checksum', 'A checksum of the outer headers is wrong.'],
  ['tunnel_fragment', 'A fragment of a tunnel packet where its tunnel ends: what puts them together has not seen it.'],
  ['tunnel_port', 'No tunnel port takes packets with this key from this sender.'],
  ['tunnel_route', "There is no route to the tunnel's other end, or none that carries a tunnel."],
  ['tunnel_neighbor', "The link address of the tunnel's next hop is not known yet."],
  ['tunnel_ecn', 'The tunnel reports congestion to a packet that cannot carry the report.'],
  ['tunnel_mtu', "The packet does not fit the tunnel's way with its header, and may not be cut: its sender was told."],
] as const satisfies readonly (readonly [string, string])[];

export type DropReasonName = (typeof reasons)[number][0];

export const DROP_REASONS: readonly DropReason[] = reasons.map(([name, sentence]) => ({ name, sentence }));

/** Number of a reason by name. */
export const DROP: Readonly<Record<DropReasonName, number>> = Object.fromEntries(
  reasons.map(([name], i) => [name, i]),
) as Record<DropReasonName, number>;

/** Counters a port block reserves for reasons. */
export const DROP_REASON_SLOTS = 64;
