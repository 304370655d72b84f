/** What OpenFlow (src/openflow) sees of a bridge. src/bridge/bridge.ts implements it; tests of src/openflow may use a plain stub. */

import type { Action } from '../action/action.js';
import type { MeterCounters } from '../datapath/datapath.js';
import type { TunTable } from '../flow/tun-table.js';
import type { FlowFilter, FlowMod, RemovedReason, RuleListener } from '../flowtable/flow-mod.js';
import type { Groups } from '../flowtable/groups.js';
import type { Meter, Meters } from '../flowtable/meters.js';
import type { PreparedFlow } from '../flowtable/prepared.js';
import type { Rule } from '../flowtable/rule.js';
import type { TableSettings } from '../flowtable/table-settings.js';
import type { Continuation } from '../upcall/continuation.js';

/** Of a port's device: OFPPF_ bits of 1.3, and kbit/s; 0 unknown. */
export interface LinkFeatures {
  readonly curr: number;
  readonly advertised: number;
  readonly supported: number;
  /** What the other end advertises. */
  readonly peer: number;
  readonly currSpeed: number;
  readonly maxSpeed: number;
}

export interface OfPort {
  /** OpenFlow 1.3 number. */
  readonly number: number;
  readonly name: string;
  /** 6 bytes. */
  readonly hwAddr: Uint8Array;
  readonly link: LinkFeatures;
  /** OFPPC_ bits of 1.3: 1 down, 4 no recv, 0x20 no fwd, 0x40 no packet-in; 0x10 no flood is 1.0 only and kept here too. */
  config: number;
  /** Its device is down by whoever looks after the machine: told as PORT_DOWN, and no reason to try no longer. */
  readonly deviceDown?: boolean;
  /** OFPPS_ bits of 1.3: 1 link down, 2 blocked. Live is what is neither down nor without a link. */
  state: number;
  stats(): OfPortStats;
}

export interface OfPortStats {
  rxPackets: number;
  txPackets: number;
  rxBytes: number;
  txBytes: number;
  /** This and all up to the time: -1 where it is not known. */
  rxDropped: number;
  txDropped: number;
  rxErrors: number;
  txErrors: number;
  rxFrameErrors: number;
  rxOverErrors: number;
  rxCrcErrors: number;
  collisions: number;
  /** Milliseconds since the port was added. */
  durationMs: number;
}

export interface OfTableStats {
  readonly table: number;
  readonly name: string;
  readonly active: number;
  readonly maxEntries: number;
  readonly settings: TableSettings;
  /** Percent that is free. */
  readonly vacancy: number;
  readonly lookups: number;
  readonly matched: number;
}

export interface PacketIn {
  readonly frame: Uint8Array;
  /** Bytes to send at most (max_len of the output). */
  readonly maxLen: number;
  readonly totalLen: number;
  /** OFPR_ of 1.3: 0 no match, 1 action, 2 invalid ttl; OVS's further ones for packet-in2. */
  readonly reason: number;
  readonly table: number;
  readonly cookie: bigint;
  /** KEY_BYTES: in_port, metadata, registers, tunnel fields at the time. */
  readonly key: Uint8Array;
  readonly controllerId: number;
  readonly userdata: Uint8Array;
  /** The packet waits until it comes back with this. */
  readonly continuation?: Continuation;
}

/** A packet that a controller gives back. */
export interface Resumed {
  readonly frame: Uint8Array;
  /** KEY_BYTES: in_port, registers, metadata, tunnel as the controller would have them. */
  readonly key: Uint8Array;
  readonly continuation: Continuation;
}

export interface CtTupleFilter {
  /** 16 bytes, IPv4 addresses mapped; zeros match any. */
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly icmpId: number;
  readonly icmpType: number;
  readonly icmpCode: number;
}

export interface CtFlushRequest {
  /** IP protocol; 0 any. */
  readonly proto: number;
  /** Undefined: every zone. */
  readonly zone: number | undefined;
  readonly orig: CtTupleFilter;
  readonly reply: CtTupleFilter;
}

export interface IpfixCounters {
  totalFlows: number;
  currentFlows: number;
  packets: number;
  ipv4Packets: number;
  ipv6Packets: number;
  errorPackets: number;
  ipv4ErrorPackets: number;
  ipv6ErrorPackets: number;
  txPackets: number;
  txErrors: number;
  collectorSet: number;
}

export interface OfBridgeListener {
  packetIn?(p: PacketIn): void;
  flowRemoved?(rule: Rule, reason: RemovedReason): void;
  /** Every change of a rule, after it is visible. */
  ruleChanged?: RuleListener;
  portStatus?(port: OfPort, reason: 'add' | 'delete' | 'modify'): void;
  /** Less of the table is free than was asked for, or more again. */
  tableStatus?(table: OfTableStats, reason: 'down' | 'up'): void;
}

export interface OfBridge {
  readonly name: string;
  readonly datapathId: bigint;
  /** VLAN tags that keys have. */
  readonly maxVlans: number;
  /** The TLV map: which tunnel options tun_metadata0 to 63 are. Replaced whole; an option that rules use keeps its place. */
  tun: TunTable;
  /** False: flows with ct are refused. */
  readonly takesCt: boolean;
  /** Milliseconds of the switch's clock: what rules' times count in. */
  now(): number;
  ports(): Iterable<OfPort>;
  port(number: number): OfPort | undefined;
  portByName(name: string): OfPort | undefined;
  /** 1.0 config bits, 1.3 numbering. Applies to look-ups at once. */
  portMod(number: number, config: number, mask: number): void;
  /** Throws UserError with ofError set. */
  flowMod(mod: FlowMod): void;
  /** The same of an addition that was prepared. */
  addPrepared(flow: PreparedFlow): void;
  /** Runs flow_mods and group_mods of which all are kept or none: when `run` throws, tables and groups are as they were, and no one hears of it. */
  atomically(run: () => void): void;
  /** Statistics of the rules are as fresh as the last push-back. */
  flows(filter: FlowFilter): Iterable<Rule>;
  tableStats(): Iterable<OfTableStats>;
  /** Sets something of a table, which exists. */
  tableMod(table: number, change: Partial<TableSettings>): void;
  /** `pipeline`: a key with the registers and metadata that the packet begins with. Throws UserError with ofError set (a bad action). */
  packetOut(frame: Uint8Array, inPort: number, actions: readonly Action[], pipeline?: Uint8Array): void;
  /** 16 bytes that no other bridge has: continuations are for it alone. */
  readonly uuid: Uint8Array;
  /** The packet goes on. */
  resume(p: Resumed): void;
  /** Forgets tracked connections; absent where none are tracked. */
  ctFlush?(what: CtFlushRequest): void;
  /** Counters of flow exporters: of the bridge, or of each set of collectors that flows sample to. Absent or empty: not configured. */
  ipfix?(of: 'bridge' | 'flow'): readonly IpfixCounters[];
  readonly groups: Groups;
  readonly meters: Meters;
  meterCounters(meter: Meter): MeterCounters;
  /** Checks ports, tables, groups and consistency of actions against a match's prerequisites, as flow_mod does. Throws. */
  checkActions(actions: readonly Action[], table: number): void;
  /** How many peers hear unasked messages, and whether one of them wants packets that no flow matches (OpenFlow below 1.3). */
  setControllers(listening: number, wantsMisses: boolean): void;
  /** OFPC_FRAG_: 0 normal, 1 drop, 2 reasm, 3 nx-match. */
  fragmentHandling: number;
  /** Returns a function that ends the subscription. */
  listen(listener: OfBridgeListener): () => void;
}
