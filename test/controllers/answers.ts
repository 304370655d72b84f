/** What a controller must read in a switch's answers: by multipart type, contents that the switch was given before. */

/** Versions whose every multipart type is asked for. */
export const VERSIONS = ['13', '14', '15'] as const;
export type Version = (typeof VERSIONS)[number];

/** Arguments of ovs-ofctl, for a bridge whose ports 1 and 2 are `BRIDGE.1` and `BRIDGE.2`. */
export function preparation(bridge: string, version: Version): string[][] {
  const commands = [
    ['add-meter', bridge, 'meter=7,kbps,burst,stats,band=type=drop,rate=900000,burst_size=50000'],
    ['add-group', bridge, 'group_id=5,type=select,bucket=weight:3,output:1,bucket=weight:1,output:2'],
    ['add-group', bridge, 'group_id=6,type=ff,bucket=watch_port:2,output:2'],
    [
      'add-flow',
      bridge,
      'table=9,priority=77,cookie=0xbeef,idle_timeout=600,send_flow_rem,ip,nw_dst=10.9.0.0/16,actions=meter:7,group:5,goto_table:10',
    ],
    ...(version === '13' ? [] : [['mod-table', bridge, '9', 'evict']]),
    ...Array.from({ length: PACKETS }, () => ['packet-out', bridge, `in_port=1,packet=${FRAME},actions=resubmit(,9)`]),
  ];
  return commands.map((c) => ['-O', `OpenFlow${version}`, ...c]);
}

/** TCP from 10.9.0.1 to 10.9.0.2. */
const FRAME =
  '02000000000202000000000108004500002800004000400626bb0a0900010a0900020050005100000000000000005000200000000000';
const PACKETS = 3;
const BYTES = (PACKETS * FRAME.length) / 2;

export interface Answer {
  /** os-ken's class of the reply. */
  readonly kind: string;
  readonly versions?: readonly Version[];
  /** What one of the list has among other things; undefined: the list is empty. */
  readonly has: ((version: Version, bridge: string) => object) | undefined;
}

const counted = { packet_count: PACKETS, byte_count: BYTES };
const flow = {
  table_id: 9,
  priority: 77,
  cookie: 0xbeef,
  idle_timeout: 600,
  hard_timeout: 0,
  flags: 1,
  match: { eth_type: 0x800, ipv4_dst: ['10.9.0.0', '255.255.0.0'] },
};
const toGroup = { type: 4, actions: [{ type: 22, group_id: 5 }] };
const instructions = [{ type: 6, meter_id: 7 }, toGroup, { type: 1, table_id: 10 }];
/** In 1.5 a meter is an action. */
const actions15 = {
  type: 4,
  actions: [
    { type: 29, meter_id: 7 },
    { type: 22, group_id: 5 },
  ],
};
const instructionsOf = (v: Version): object[] => (v === '15' ? [actions15, { type: 1, table_id: 10 }] : instructions);
const of: (...versions: Version[]) => Pick<Answer, 'versions'> = (...versions) => ({ versions });
const EVICTION = 4;
const INITIAL = 0;
const METERS = 262144;
const MAX_GROUPS = 0xffffff00;
const bucket = (port: number, weight: number): object => ({ weight, actions: [{ type: 0, port }] });
/** In 1.5 what a bucket watches is a property: of type 1, a port. */
const bucketOfFailover = (v: Version): object =>
  v === '15'
    ? { actions: [{ type: 0, port: 2 }], properties: [{ type: 1, watch: 2 }] }
    : { watch_port: 2, actions: [{ type: 0, port: 2 }] };

export const ANSWERS: readonly Answer[] = [
  { kind: 'OFPDescStatsReply', has: () => ({ mfr_desc: 'Nicira, Inc.', hw_desc: 'Open vSwitch', serial_num: 'None' }) },
  {
    kind: 'OFPFlowStatsReply',
    ...of('13', '14'),
    has: (v) => ({ ...flow, ...counted, instructions: instructionsOf(v) }),
  },
  {
    kind: 'OFPFlowDescStatsReply',
    ...of('15'),
    has: (v) => ({ ...flow, instructions: instructionsOf(v), stats: { ...counted } }),
  },
  { kind: 'OFPAggregateStatsReply', ...of('13', '14'), has: () => ({ ...counted, flow_count: 1 }) },
  { kind: 'OFPAggregateStatsReply', ...of('15'), has: () => ({ stats: { ...counted, flow_count: 1 } }) },
  { kind: 'OFPTableStatsReply', has: () => ({ table_id: 9, active_count: 1, matched_count: PACKETS }) },
  { kind: 'OFPPortDescStatsReply', has: (_v, bridge) => ({ port_no: 2, name: `${bridge}.2`, config: 0, state: 4 }) },
  { kind: 'OFPQueueStatsReply', has: undefined },
  {
    kind: 'OFPGroupStatsReply',
    has: () => ({ group_id: 5, ref_count: 1, ...counted, bucket_stats: [{}, {}] }),
  },
  {
    // The library cannot read one of two buckets in 1.5: statistics.py.
    kind: 'OFPGroupDescStatsReply',
    ...of('13', '14'),
    has: () => ({ group_id: 5, type: 1, buckets: [bucket(1, 3), bucket(2, 1)] }),
  },
  { kind: 'OFPGroupDescStatsReply', has: (v) => ({ group_id: 6, type: 3, buckets: [bucketOfFailover(v)] }) },
  {
    kind: 'OFPGroupFeaturesStatsReply',
    has: () => ({ types: 15, capabilities: 7, max_groups: [MAX_GROUPS, MAX_GROUPS, MAX_GROUPS, MAX_GROUPS] }),
  },
  {
    kind: 'OFPMeterStatsReply',
    has: () => ({
      meter_id: 7,
      packet_in_count: PACKETS,
      byte_in_count: BYTES,
      band_stats: [{ packet_band_count: 0, byte_band_count: 0 }],
    }),
  },
  ...(['OFPMeterConfigStatsReply', 'OFPMeterDescStatsReply'] as const).map(
    (kind, i): Answer => ({
      kind,
      ...(i === 0 ? of('13', '14') : of('15')),
      has: () => ({ flags: 13, meter_id: 7, bands: [{ type: 1, rate: 900000, burst_size: 50000 }] }),
    }),
  ),
  {
    kind: 'OFPMeterFeaturesStatsReply',
    ...of('13', '14'),
    has: () => ({ max_meter: METERS, band_types: 2, capabilities: 15, max_bands: 8, max_color: 0 }),
  },
  { kind: 'OFPTableDescStatsReply', ...of('14', '15'), has: () => ({ table_id: 9, config: EVICTION }) },
  { kind: 'OFPQueueDescStatsReply', ...of('14', '15'), has: undefined },
  {
    kind: 'OFPFlowMonitorReply',
    ...of('14', '15'),
    has: (v) => ({
      event: INITIAL,
      table_id: 9,
      priority: 77,
      cookie: 0xbeef,
      match: flow.match,
      instructions: instructionsOf(v),
    }),
  },
];

/** Tables that a controller hears of: all but the switch's own. */
export const TABLES = 254;
/** Of the features of table 9. */
export const FEATURES = { table_id: 9, max_entries: 1_000_000 };

/** Is all of `part` in `whole`, lists element by element? */
export function includes(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return whole === part;
  if (typeof whole !== 'object' || whole === null) return false;
  if (Array.isArray(part) && (!Array.isArray(whole) || whole.length !== part.length)) return false;
  const given = new Map(Object.entries(whole));
  return Object.entries(part).every(([key, value]) => includes(given.get(key), value));
}
