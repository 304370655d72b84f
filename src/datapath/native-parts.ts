/** The native boundary beside the datapath (native.ts): traffic generator, sockets of peers, and what plain functions give. */

/** A port for the traffic generator to open: outside any datapath. */
export interface GeneratorPort {
  kind: 'tap' | 'system';
  device: string;
  netns: string;
}

/** Places in the array of PacketGenerator.counters(); then GENERATOR_BUCKETS latency counts (see latencyOfBucket in src/cli/pktgen). */
export const GENERATOR_COUNTERS = [
  'sent',
  'sentBytes',
  'refused', // not taken by the device
  'received',
  'receivedBytes',
  'foreign', // received without our stamp
  'reordered',
  'latencySum', // ns
  'latencyMin',
  'latencyMax',
  'sendNs', // from first to last frame sent
  'done',
] as const;
export const GENERATOR_HEADER = 16;
export const GENERATOR_BUCKETS = 1024;

/** One thread that sends frames and, with an `in` port, receives and judges them. It starts at once. */
export interface PacketGenerator {
  counters(): Float64Array;
  /** Ends the thread and closes the ports. */
  stop(): void;
}

/** Bits of PeerSocket.watch and of its `ready`. */
export const PEER_EVENT = { readable: 1, writable: 2 } as const;

/**
 * A connected stream socket, asked directly. Reads and writes return bytes, -1 when nothing can be had or given now, or -1 - errno. Not after `close`.
 */
export interface PeerSocket {
  /** Into the buffer given at first; 0 is the end. Looks for up to `waitNs` where nothing is there, but not past anything else the event loop has. */
  read(waitNs: number): number;
  write(from: Uint8Array): number;
  /** PEER_EVENT bits: from now on `ready` is called while one of them holds. 0: none. */
  watch(events: number): void;
  /** Nothing more will be written. */
  shut(): void;
  close(): void;
}

/** What happened (output, recirc, drop, ..., by names of Sink), its numbers, then of a packet: frame, offload state, 1 delivered | 2 counted, headroom, key, cookie. */
export type ExecutorEvent = [
  what: string,
  number: number,
  frame: Uint8Array,
  offload: Uint8Array,
  flags: number,
  headroom: number,
  key?: Uint8Array,
  cookie?: Uint8Array,
];

export interface KernelRoute {
  /** 4 or 16 bytes each. */
  prefix: Uint8Array;
  /** Bits. */
  length: number;
  gateway?: Uint8Array;
  source?: Uint8Array;
  /** An address of this machine. */
  local: boolean;
  priority: number;
  /** L3 bytes that the route itself says it takes, or was told; 0: what its device does. */
  mtu: number;
  device: string;
}

export interface DeviceInfo {
  ifindex: number;
  mtu: number;
  /** 6 bytes. */
  mac: Uint8Array;
  /** Administrative state. */
  up: boolean;
  /** Carrier. */
  running: boolean;
}

/** What a device says of its link and its driver; empty where it says nothing. */
export interface DeviceLink {
  /** Mbit/s; 0 unknown. */
  speed: number;
  duplex: 'full' | 'half' | '';
  autonegotiates: boolean;
  connector: 'copper' | 'fiber' | '';
  /** ETHTOOL_LINK_MODE_ bits, 32 a word. */
  supported: Uint32Array;
  advertised: Uint32Array;
  /** What the other end advertises. */
  peer: Uint32Array;
  driver: string;
  version: string;
  firmware: string;
}
