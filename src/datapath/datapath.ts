/**
 * What the slow path asks of a datapath. Two engines implement it: ReferenceDatapath (src/datapath/reference, plain TypeScript, the
 * specification) and NativeDriver (src/datapath/driver, the TypeScript side of the addon's rings). One suite tests both.
 */
import type { DpAction, UserCookie } from './action.js';
import type { PortConfig } from './native.js';

/** Checksum and segmentation state of a frame, as in virtio_net_hdr; all zero for a plain, complete frame. */
export interface Offload {
  readonly flags: number;
  readonly gsoType: number;
  readonly hdrLen: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

/**
 * A packet that needs the slow path. `key`, `frame` are views into memory of the datapath, and with all that is no number valid only during the call. A miss has an empty
 * frame: it is decided by its key, and packets that wait stay where they are.
 */
export interface Upcall {
  readonly type: 'miss' | 'action';
  readonly worker: number;
  /** vport of arrival. */
  readonly port: number;
  /** DP_KEY_BYTES. */
  readonly key: Uint8Array;
  readonly frame: Uint8Array;
  /** Bytes of the packet. */
  readonly frameLength: number;
  readonly offload: Offload;
  /** miss: to be given back with `resume`. */
  readonly pending: number;
  /** action: what the flow put in. */
  readonly cookie?: UserCookie | undefined;
  readonly timeNs: number;
}

export interface DatapathHandlers {
  upcall(u: Upcall): void;
  /** A frame leaves by a memory port. The view is valid only during the call. */
  frame(vport: number, frame: Uint8Array, offload: Offload): void;
  portEvent(vport: number, errno: number): void;
}

export interface FlowCounters {
  packets: number;
  bytes: number;
  /** Milliseconds of the datapath's clock at the last packet; 0 never. */
  usedMs: number;
  tcpFlags: number;
}

/** By names of PORT_COUNTERS, and drops by index of DROP_REASONS. Invariant: rx_packets = forwarded + sum(drops) + held. */
export interface PortCounters {
  rx_packets: number;
  rx_bytes: number;
  tx_packets: number;
  tx_bytes: number;
  forwarded: number;
  held: number;
  rx_errors: number;
  tx_dropped: number;
  tnl_fragments: number;
  tnl_too_big: number;
  drops: number[];
}

/** Counters that an action adds to at a tunnel's way out. */
export type TunnelCounter = 'tnl_fragments' | 'tnl_too_big';

export interface MeterBand {
  /** kbit (1000 bits) or packets a second, by the meter's unit. 1 to 2^32 - 1. */
  readonly rate: number;
  /** In the same unit; 0: what one second gives. */
  readonly burst: number;
}

/**
 * Drop bands, at most 8. A packet is charged to every band that has room for it; without room in some it is dropped, and counted on the fastest of
 * those, the first between equals. Without bands a meter only counts.
 */
export interface MeterSpec {
  readonly unit: 'kbps' | 'pktps';
  readonly bands: readonly MeterBand[];
}

export interface PacketCount {
  readonly packets: number;
  readonly bytes: number;
}

/** What came to a meter, and what each band dropped. */
export interface MeterCounters extends PacketCount {
  readonly bands: readonly PacketCount[];
}

export interface Datapath {
  /** Workers; a flow is installed in each. */
  readonly workers: number;
  /** Flows that the kernel repeats by itself. */
  readonly shortcuts?: { slots(): ReadonlySet<number> };
  setHandlers(h: DatapathHandlers): void;
  /** Throws UserError with the reason. */
  portAdd(vport: number, config: PortConfig): void;
  portRemove(vport: number): void;
  /** All of them different. Takes less long than one after the other. */
  portsRemove(vports: readonly number[]): void;
  portState(vport: number, up: boolean): void;
  /** The device has changed: what it takes now (0: frames of any length). One that turns out to be gone is told of as a port event. */
  portMtu(vport: number, mtu: number): void;
  portCounters(vport: number): PortCounters;
  /**
   * Slots are the caller's to give out, 0 to maxFlows - 1; key and mask are DP_KEY_BYTES or longer. Counters start at zero. Masks have all of packet_type, by
   * which a flow knows how its bytes are counted.
   */
  flowPut(slot: number, key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[]): void;
  /** New actions for the same key, mask and counters. */
  flowModify(slot: number, actions: readonly DpAction[]): void;
  /** `done` gets the last counters once every worker has let go; only then may the slot be used again. */
  flowDelete(slot: number, done: (last: FlowCounters) => void): void;
  flowCounters(slot: number): FlowCounters;
  /** Ends a miss: what waits under `pending` on that worker runs these actions, counted on `slot` unless it is undefined. */
  resume(worker: number, pending: number, slot: number | undefined, actions: readonly DpAction[]): void;
  /**
   * Runs actions on a frame made here. `key` (DP_KEY_BYTES) gives metadata: in_port, recirc_id, tunnel, mark, priority; the rest is extracted.
   * `counted`: the frame is a new one of port in_port's block (packet-out); false: it was counted already (an upcall by action sent back).
   */
  execute(
    key: Uint8Array,
    frame: Uint8Array,
    offload: Offload,
    actions: readonly DpAction[],
    /** Default true. */
    counted?: boolean,
  ): void;
  /** A frame arrives at a memory port. False: the ring is full; nothing was taken. */
  inject(vport: number, frame: Uint8Array, offload?: Offload): boolean;
  /** A meter, its counters at 0, or undefined to take it away. What names a meter that is not there passes. */
  meterSet(id: number, spec: MeterSpec | undefined): void;
  /** Undefined when there is no such meter, or the engine has not heard of it yet. */
  meterCounters(id: number): MeterCounters | undefined;
  /** VLAN tags that keys have from now on, 0 to 2. The caller has deleted all flows: their keys mean something else. */
  vlanLimit(tags: number): void;
  /** Rate of upcalls a second allowed to a port; 0 none. */
  upcallLimit(vport: number, rate: number, burst: number): void;
  /** Engines without threads: moves packets and delivers upcalls until nothing is left to do or `max` breaths passed. Returns packets moved. */
  run(max?: number): number;
  /** Engines without threads: time of the datapath in milliseconds. */
  setClock(ms: number): void;
  close(): void;
}

export const NO_OFFLOAD: Offload = Object.freeze({
  flags: 0,
  gsoType: 0,
  hdrLen: 0,
  gsoSize: 0,
  csumStart: 0,
  csumOffset: 0,
});

export function noMeterCounters(bands: number): MeterCounters {
  const none = { packets: 0, bytes: 0 };
  return { ...none, bands: Array.from({ length: bands }, () => none) };
}
