/**
 * What a translation sees of the switch: interfaces that src/bridge implements. A translation reads them and changes nothing; what it
 * would change is a list of side effects that the caller applies.
 */
import type { LearnSpec } from '../action/action.js';
import type { TunnelFormat } from '../datapath/action.js';
import type { DropReasonName } from '../datapath/drop-reasons.js';
import type { TunTable } from '../flow/tun-table.js';
import type { FlowMod } from '../flowtable/flow-mod.js';
import type { Groups } from '../flowtable/groups.js';
import type { Rule } from '../flowtable/rule.js';
import type { Miss } from '../flowtable/table-settings.js';
import type { FlowTables } from '../flowtable/tables.js';
import type { TunnelConfig } from '../tunnel/config.js';
import type { Continuation } from './continuation.js';

export interface PortView {
  /** OpenFlow number. */
  readonly number: number;
  readonly name: string;
  /** Datapath port; 0 for a patch port, which has none. */
  readonly vport: number;
  /** OFPPC_ and OFPPS_ bits, as in OfPort. */
  readonly config: number;
  readonly state: number;
  /** Reserved for mirrors: what comes in by it is dropped, and only mirrors send to it by NORMAL and in floods. */
  readonly mirrorOutput?: boolean;
  /** Of a port that the datapath does not count for. */
  readonly tallies?: { readonly rx: Tally; readonly tx: Tally };
  /** The other end of a patch port. */
  readonly patch?: { readonly bridge: BridgeView; readonly port: PortView };
  /** `vport` is then that of the tunnel's backer, which other tunnels share. */
  readonly tunnel?: TunnelView;
}

export interface TunnelView {
  readonly config: TunnelConfig;
}

/** Finds the bridge and port of a datapath port; tunnels that share one are told apart by the packet's key. */
export type PortFinder = (vport: number, key: Uint8Array) => Arrival | undefined;
export interface Arrival {
  readonly bridge: BridgeView;
  readonly port: Pick<PortView, 'number'>;
  /** See TranslateInput.host. */
  readonly host?: boolean;
}

/** The way to a tunnel's other end. */
export interface UnderlayRoute {
  readonly device: string;
  /** 4 or 16 bytes, as what was asked for. */
  readonly source: Uint8Array;
  /** Whose link address is wanted. */
  readonly nextHop: Uint8Array;
  /** The bridge's port through which it leaves, with its address; undefined: by the host, with the vport that takes whole frames for it. */
  readonly through: { readonly bridge: BridgeView; readonly port: PortView; readonly mac: Uint8Array } | undefined;
  readonly hostVport: number;
  /** L3 bytes of a packet that the route says it takes; 0: it says nothing. */
  readonly mtu: number;
}

/** What a translation sees of what carries tunnels. */
export interface UnderlayView {
  /** Tunnels exist: what goes to a local port may be for one. */
  readonly active: boolean;
  /** Some routes are for packets with a mark only. */
  readonly marksMatter: boolean;
  route(to: Uint8Array, mark: number): UnderlayRoute | undefined;
  neighbor(device: string, address: Uint8Array): Uint8Array | undefined;
  /** Is this one of the device's own addresses? */
  isLocal(device: string, address: Uint8Array): boolean;
  /** Link address of a device that tunnels may end at; undefined for others. */
  macOf(device: string): Uint8Array | undefined;
  /** What takes packets of an IP protocol and UDP port (0 for GRE) off: the backer's vport and format. */
  backer(proto: number, dstPort: number): { readonly vport: number; readonly format: TunnelFormat } | undefined;
  isBacker(vport: number): boolean;
  /** L3 bytes of a packet that a datapath port takes; 0: it is not known. */
  mtuOf(vport: number): number;
  apply(effect: SideEffect, now: number, tcpFlags: number): void;
}

/** OFPPC_ bits. `noFlood` and the stp bits are 1.0's only. */
export const PORT_CONFIG = {
  down: 1,
  noStp: 2,
  noRecv: 4,
  noRecvStp: 8,
  noFlood: 0x10,
  noFwd: 0x20,
  noPacketIn: 0x40,
} as const;
/** Why a packet that comes in by a port is dropped whatever the tables say, in the words of a trace. `first`: from outside, not by a patch port. */
export function refusalOf(port: PortView, first: boolean): string | undefined {
  if (port.config & PORT_CONFIG.noRecv) return '';
  if (!first || !port.mirrorOutput) return undefined;
  return `>>>> dropping packet received on port ${port.name}, which is reserved exclusively for mirroring <<<<`;
}

export const PORT_STATE = { linkDown: 1, blocked: 2, live: 4 } as const;

/** Where an address was last seen. Identity is the object: a moved or removed entry is another one. */
export interface MacEntry {
  readonly vlan: number;
  /** 48 bits. */
  readonly mac: number;
  readonly port: number;
  /** False once it moved, aged out or was flushed: flows that used it are translated again. */
  live: boolean;
}

/**
 * What decided beside rules, so that a flow is not right any more when it changes: an entry of link addresses; the name of an address that was not known
 * (macMissKey) or of a tunnel's next hop (neighborName), whose forms differ; the number of a group, whether it exists or not.
 */
export type Dependency = MacEntry | string | number;

export interface MacView {
  lookup(vlan: number, mac: number): MacEntry | undefined;
  /** Would learning this change the table? Keeps the side effects of ordinary packets empty. */
  wouldLearn(vlan: number, mac: number, port: number, gratuitousArp: boolean): boolean;
}

export interface BridgeView {
  readonly name: string;
  port(number: number): PortView | undefined;
  /** In the order in which floods go out. */
  floodPorts(): Iterable<PortView>;
  readonly tables: Pick<FlowTables, 'lookup'>;
  readonly groups: Groups;
  /** The datapath's number of a meter; undefined when there is no such meter. */
  meterId(id: number): number | undefined;
  /** Would this learned flow be taken? */
  mayLearn(spec: LearnSpec, mod: FlowMod): boolean;
  /** The NORMAL action: the bridge's own learning switch. */
  normal(x: NormalWalk): void;
  /** Copies to mirrors what comes in or went out by a port. */
  mirror?(x: NormalWalk, port: PortView, way: 'in' | 'out'): void;
  /** OFPC_FRAG_ bits: 0 normal, 1 drop, 2 reassemble, 3 nx-match. */
  readonly fragmentHandling: number;
  /** How many VLAN tags keys have. */
  readonly maxVlans: number;
  /** Tunnel options by name, for texts. */
  readonly tun?: TunTable;
  /** A controller wants packets that miss. */
  readonly missToController: boolean;
  /** Controllers that packets can be sent to. */
  readonly controllers: number;

  /** What becomes of packets that no flow of a table matches. */
  missOf?(table: number): Miss;

  // What follows is for the caller of a translation, never called by one.
  /** Packets of a flow were forwarded by this rule; `now` is when the last of them went. */
  credit(rule: Rule, packets: number, bytes: number, now: number): void;
  creditMiss(table: number, packets: number): void;
  /** `tcpFlags` are those of the packets that were forwarded meanwhile. */
  apply(effect: SideEffect, now: number, tcpFlags: number): void;
  packetIn(p: PacketUp): void;
}

/** Somebody who counts the packets of flows. */
export interface Tally {
  credit(packets: number, bytes: number): void;
}

/** A packet on its way to a controller. `frame` is a view, valid only during the call. */
export interface PacketUp {
  readonly frame: Uint8Array;
  /** KEY_BYTES, as the packet was when it was sent up. */
  readonly key: Uint8Array;
  readonly maxLen: number;
  readonly reason: number;
  readonly controllerId: number;
  readonly table: number;
  readonly cookie: bigint;
  readonly userdata: Uint8Array;
  /** The packet waits for the controller to say that it goes on. */
  readonly continuation?: Continuation;
}

/** A walk as the NORMAL action sees it (see Translator for what the OpenFlow actions see). */
export interface NormalWalk {
  /** The current flow and the megaflow mask, KEY_BYTES; NORMAL reads and masks in place. */
  readonly flow: Uint8Array;
  readonly mask: Uint8Array;
  readonly bridge: BridgeView;
  readonly inPort: number;
  /** False where nothing will come of it: a trace of a flow, in which OVS learns nothing. */
  readonly learns: boolean;
  /** Bytes that the next `emit` cuts the frame to; 0: not. */
  cut: number;
  /** Bits of the mirrors that have their copy. */
  mirrored: number;
  count(m: Tally): void;
  /** Sends with the outer tag (and the inner one) as the flow now has them. */
  emit(port: PortView): void;
  /** A MAC entry (or the lack of one) decided: the flow depends on it. */
  usedMac(entry: MacEntry): void;
  missedMac(vlan: number, mac: number): void;
  /** The port where this walk saw the address last, as a source in this bridge. */
  seenHere(vlan: number, mac: number): number | undefined;
  effect(e: SideEffect): void;
  reject(reason: DropReasonName): void;
  /** The packet is looked at in ways that nobody is told of: no other is decided like this one. */
  standsAlone(): void;
  note(text: () => string): void;
}

/** What a translation asks its caller to do, for the packet itself and again whenever packets of the flow were counted. */
export type SideEffect =
  | {
      /** ARP or ND said so. */
      readonly kind: 'neighbor';
      readonly bridge: Pick<UnderlayView, 'apply'>;
      readonly device: string;
      readonly address: Uint8Array;
      readonly mac: Uint8Array;
      /** Of this packet alone: the flow does not look at what it says. */
      readonly fleeting?: true;
    }
  | {
      /** A tunnel sends by it. */
      readonly kind: 'neighbor_used';
      readonly bridge: Pick<UnderlayView, 'apply'>;
      readonly device: string;
      readonly address: Uint8Array;
    }
  | {
      /** What comes in by a port may be longer than fits through a tunnel. */
      readonly kind: 'narrow';
      readonly bridge: Pick<UnderlayView, 'apply'>;
      readonly tunnel: string;
      /** Datapath port of arrival, and what it takes. */
      readonly vport: number;
      readonly mtu: number;
      /** L3 bytes that fit. */
      readonly room: number;
    }
  | {
      /** Somebody should ask who has the address. */
      readonly kind: 'solicit';
      readonly bridge: Pick<UnderlayView, 'apply'>;
      readonly route: UnderlayRoute;
    }
  | {
      readonly kind: 'mac';
      readonly bridge: BridgeView;
      readonly vlan: number;
      readonly mac: number;
      readonly port: number;
      readonly gratuitousArp: boolean;
    }
  | { readonly kind: 'learn'; readonly bridge: BridgeView; readonly spec: LearnSpec; readonly mod: FlowMod }
  | {
      readonly kind: 'fin_timeout';
      readonly bridge: BridgeView;
      readonly rule: Rule;
      readonly idle: number;
      readonly hard: number;
    };
