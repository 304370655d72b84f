/**
 * The native boundary: one typed page. TypeScript validates and gives defaults; C++ takes positional, valid data.
 *
 * Between a worker and the JavaScript thread stand two single-producer single-consumer byte rings and the counters arena, memory of the addon that JavaScript sees
 * as ArrayBuffers. Upcalls (and frames for memory ports) come up a ring that JavaScript reads in place; commands go down through `submit`, which copies them.
 *
 * All integers in records are little-endian (host order); keys inside are in network order as in src/packet/key.ts.
 */

import type {
  DeviceInfo,
  DeviceLink,
  ExecutorEvent,
  GeneratorPort,
  KernelRoute,
  PacketGenerator,
  PeerSocket,
} from './native-parts.js';
import type { PortConfig } from './port-config.js';

export * from './native-parts.js';

/** Bump on every change of a record, a command or an op. The addon refuses another version. */
export const LAYOUT_VERSION = 13;

/** An upcall ring record. `size` counts the whole record, a multiple of 8; SIZE_WRAP means "continue at the ring's start". */
export const UPCALL = {
  size: 0, // u32
  type: 4, // u8, UPCALL_TYPE
  worker: 5, // u8
  reason: 6, // u16, for port events
  port: 8, // u32 vport: of arrival, or for `frame` the memory port it leaves by
  pending: 12, // u32 for `miss`: number to give back with `resume`
  frameLen: 16, // u32 bytes of the frame, which is in the record unless it is a miss
  keyLen: 20, // u32: 0, or the bytes of line 0 and of those lines that its `lines` names
  cookieLen: 24, // u32 bytes of cookie (for `action`)
  slot: 28, // u32 flow slot whose action sent it up, or NO_SLOT
  timeNs: 32, // u64 worker clock
  offload: 40, // 12 bytes, OFFLOAD
  hash: 52, // u32 hash of the key
  recircDepth: 56, // u32
  header: 64, // then key, cookie (padded to 8), frame (padded to 8)
} as const;
export const SIZE_WRAP = 0xffffffff;
export const NO_SLOT = 0xffffffff;

export const UPCALL_TYPE = {
  /** No flow matched. The worker holds the packet under `pending`. */
  miss: 1,
  /** A userspace action. Nothing is held. */
  action: 2,
  /** A frame leaves through a memory port. */
  frame: 3,
  /** A port's device went away for good; `reason` is the errno. The port is silent from then on. */
  portEvent: 4,
} as const;

/** Checksum and segmentation state of a frame: the fields of struct virtio_net_hdr (10 bytes), then 2 bytes of our own. */
export const OFFLOAD = {
  flags: 0, // u8: 1 NEEDS_CSUM, 2 DATA_VALID
  gsoType: 1, // u8: 0 none, 1 TCPv4, 3 UDP, 4 TCPv6, 5 UDP_L4, 0x80 ECN
  hdrLen: 2, // u16
  gsoSize: 4, // u16
  csumStart: 6, // u16
  csumOffset: 8, // u16
  bytes: 12,
} as const;

/** Commands, each `u32 size | u32 type | payload`, size a multiple of 8 and counting the whole command. */
export const COMMAND = {
  /**
   * slot u32, maskLines u16 (bit n: line n of key and mask follow, n from 0 to 8), flags u16, actionBytes u32, pending u32;
   * then the key lines, the mask lines (64 bytes each, ascending), then the binary actions.
   * A flow of the same slot is replaced. Flags are of FLOW_PUT.
   */
  flowPut: 1,
  /** slot u32, reserved u32. The worker forgets the flow and every microflow entry that points to it. */
  flowDelete: 2,
  /** slot u32, actionBytes u32, then binary actions: new actions, same key, mask and counters. */
  flowModify: 3,
  /** pending u32, slot u32 (count the packets on this flow; or NO_SLOT), actionBytes u32, reserved u32, then actions: run what waited. */
  resume: 4,
  /**
   * inPort u32, recircId u32, actionBytes u32, frameLen u32, offload 12 bytes, keyLen u32 (0, or DP_KEY_BYTES: metadata of the packet such as
   * tunnel, mark and priority is taken from it), flags u32 (of EXECUTE), reserved u32; then key,
   * actions (padded to 8), frame (padded to 8).
   */
  execute: 5,
  /** port u32, frameLen u32, offload 12 bytes, reserved u32, then the frame: as if it arrived on that memory port. */
  inject: 6,
  /**
   * id u32, flags u32 (1 kbps, 2 pktps; 0 deletes), bands u32 (LIMITS.meterBands at most), reserved u32, then rate u32 and burst u32 of each drop band. The meter begins
   * anew. Workers share meters: to be sent to one of them.
   */
  meter: 7,
  /** Deletes all flows. Payload empty. */
  flush: 8,
  /** port u32, flags u32 (1 up): administrative or blocking state. */
  portState: 9,
  /** port u32, rate u32 (upcalls a second, 0 none), burst u32, reserved u32: the upcall token bucket. */
  upcallLimit: 10,
  /** port u32, mtu u32 (0: frames of any length leave): the device's has changed. */
  portMtu: 11,
  /** tags u32, reserved u32: VLAN tags that are fields of a key from now on. Flows were deleted before. */
  vlanLimit: 12,
} as const;

/** Flags of the command `flowPut`. */
export const FLOW_PUT = {
  /** The worker zeroes the slot's counters. */
  zeroed: 1,
  /** Then what waits under `pending` does the same, as by `resume`. */
  resumes: 2,
} as const;

/** Flags of the command `execute`. */
export const EXECUTE = {
  /** A new frame, counted as received on the block of `inPort`. */
  counted: 1,
} as const;

/** What every datapath keeps to. */
export const LIMITS = {
  /** As Open vSwitch's userspace datapath. */
  recirculations: 6,
  /** A decision takes microseconds; by then it was lost. */
  pendingTimeoutMs: 2000,
  /** When a flow begins it takes what waits for other decisions and is its as well: of so many that wait longest. */
  mostReleased: 64,
  meterBands: 8,
} as const;

/** Worker counters, u64 each, at the start of a worker's arena. */
export const WORKER_COUNTERS = [
  'packets',
  'batches',
  'microflow_hits',
  'megaflow_hits',
  'misses',
  'upcalls',
  'upcalls_lost',
  'subtable_lookups',
  'subtables',
  'flows',
  'commands',
  'busy_cycles',
  'idle_cycles',
  'sleeps',
  'recirculations',
  'pending',
  'copies_dropped', // copies of packets that did not leave; packets themselves are counted at their ports
  'measured_cycles', // of breaths in which cycles were measured queue by queue
  'busy_breaths',
  'idle_breaths',
  'slept_ns',
  'sent_packets', // by this worker, as PORT_COUNTERS.tx_packets
  'sent_batches',
] as const;

/** Receive queues that a port may have; after the blocks of ports, so many u64 a port: cycles of each queue in measured breaths. */
export const MAX_QUEUES = 16;

/** Port counters, u64 each; then DROP_REASON_SLOTS drop counters. rx = forwarded + sum(drops) + held, always, for each port. */
export const PORT_COUNTERS = [
  'rx_packets', // frames taken from the device (or executed in the port's name)
  'rx_bytes',
  'tx_packets', // frames given to the device; a segmented packet counts each segment
  'tx_bytes',
  'forwarded', // of rx: packets that left by at least one port or went up by a userspace action
  'held', // of rx: waiting for a decision now
  'rx_errors', // frames that arrived and were not taken: no room in the ring, no buffer, cut by the kernel
  'tx_dropped', // copies that could not be sent on this port
  'tnl_fragments', // of a tunnel: what packets were cut into that did not fit its way, whole ones no longer counted
  'tnl_too_big', // of a tunnel: senders that were told by ICMP what would fit
] as const;

/** Flow counters, u64 each, by slot. */
export const FLOW_COUNTERS = ['packets', 'bytes', 'used_ns', 'tcp_flags'] as const;

/** Places in the arena of what the kernel forwards by itself: ports and flows beyond have no shortcut (native/port/shortcuts.h). */
export const KERNEL_ARENA = { ports: 256, flows: 16384 } as const;

export { type PortConfig, type PortKind, plainPort, XDP_MODES, type XdpMode } from './port-config.js';

export interface DatapathConfig {
  layoutVersion: number;
  workers: number;
  /** True: no threads; `poll` runs a worker's breath on the caller's thread, and time is what `setClock` said. */
  manual: boolean;
  /** Workers never sleep. */
  busy: boolean;
  maxFlows: number;
  maxPorts: number;
  /** Bytes, a power of two. */
  upcallRingBytes: number;
  commandRingBytes: number;
  microflow: boolean;
  /** How many VLAN tags extraction reads: 1 or 2. */
  maxVlans: number;
  /** Packet buffers a worker owns. */
  buffers: number;
  /** Packets that may wait behind one pending entry. */
  pendingDepth: number;
  /** Seed of the `sample` action. */
  seed: number;
}

/** What the addon's class does. One instance owns its workers. Every call is on the JavaScript thread. */
export interface NativeDatapath {
  /**
   * Makes the device or opens it, with a receive queue for each of `workers`, or as many as it gives; returns how many. Throws an Error with `code` (errno
   * name) and a sentence naming the missing privilege.
   */
  portAdd(vport: number, workers: Uint32Array, config: PortConfig): number;
  /** Their queues are not looked at until the next `steer`. */
  portsPause(vports: Uint32Array): void;
  /**
   * So many workers run from here on, each on the processor of its place (-1: any), and queues go to others: (vport, queue, worker) after one another.
   * Ports that were paused go on. A worker beyond the number keeps its rings and counters. Returns the workers that the kernel did not put on their processor.
   */
  steer(cpus: Int32Array, moves: Uint32Array): Uint32Array;
  /**
   * By which way frames come and go and why not by a better one, in words, "" where a port has only one way; its XDP mode in use and why it is no better one, ""
   * where it has none. Undefined: no such port.
   */
  portPaths(vport: number): [receive: string, send: string, mode: string, shortfall: string] | undefined;
  /** Stops and closes; returns when the workers have let go. Taps made by us are removed: many at once take the kernel a fifteenth of the time each. */
  portsRemove(vports: Uint32Array): void;
  /**
   * Copies `length` bytes of commands, at most half a ring, into a worker's ring. False: the ring is full, nothing was taken. In manual mode commands
   * that wait are applied first when there is no room.
   */
  submit(worker: number, commands: Uint8Array, length: number): boolean;
  /** Number of `submit`s that the worker has applied. */
  applied(worker: number): number;
  /** Manual mode: applies commands and moves what waits at the ports once (up to a batch a port). Returns commands applied and packets moved. */
  poll(worker: number): number;
  /** Manual mode: worker time in nanoseconds. */
  setClock(ns: number): void;
  /** The upcall ring of a worker: data bytes. */
  upcallRing(worker: number): ArrayBuffer;
  /** Two u32: [head (written by the worker), tail (written by us)], byte positions that count up for ever modulo 2^32. */
  upcallIndex(worker: number): Uint32Array;
  /** Called (on the JavaScript thread) when a ring goes from empty to non-empty, and when a delete or flush was applied. */
  onUpcall(callback: () => void): void;
  /** To be called after the ring was read empty: re-arms the doorbell. True when something came meanwhile: read on. */
  rearm(worker: number): boolean;
  /** The counters arena of a worker: WORKER_COUNTERS, padded to 64 u64; maxPorts blocks of PORT_COUNTERS and DROP_REASON_SLOTS u64; maxPorts blocks of MAX_QUEUES u64; maxFlows blocks of 4 u64. */
  counters(worker: number): ArrayBuffer;
  /** The same of what the kernel forwarded by itself, for KERNEL_ARENA. */
  kernelCounters(): ArrayBuffer;
  /** Whether the kernel may repeat flows by itself; ports that were busy before have no part in it until they are opened again. At first it may not. */
  allowShortcuts(yes: boolean): void;
  /** Slots of the flows that it repeats now. */
  shortcuts(): Uint32Array;
  /** Packets and bytes that came to a meter, then those that each of its bands dropped; empty when there is no such meter. */
  meterCounts(id: number): Float64Array;
  setMicroflow(enabled: boolean): void;
  /** Ends workers, closes ports, gives back their memory but the rings and counters that are in view. Any other call throws from here on. */
  close(): void;
}

/** Plain functions of the addon, for tests and tools. */
export interface NativeAddon {
  Datapath: new (config: DatapathConfig) => NativeDatapath;
  /**
   * Per frame: its flow, and the offset of an 18-byte stamp in it (-1: none). rate in frames a second (0: unlimited); count 0 and
   * durationNs 0: no limit; lingerNs: how long to receive after the last.
   */
  PacketGenerator: new (
    out: GeneratorPort,
    into: GeneratorPort | null,
    frames: Uint8Array[],
    flows: Uint32Array,
    stamps: Int32Array,
    nFlows: number,
    rate: number,
    count: number,
    durationNs: number,
    lingerNs: number,
  ) => PacketGenerator;
  /** Takes a share of the descriptor `fd`: closing that one is the caller's. `into` belongs to a read while it runs. Throws an Error. */
  PeerSocket: {
    new (fd: number, into: Uint8Array, ready: (events: number) => void): PeerSocket;
    /** How often the calling thread had to leave a processor to others, ever. */
    displaced(): number;
  };
  layoutVersion(): number;
  /** name → [offset, bytes] of every slot, from C++ offsetof. */
  layout(): Record<string, [number, number]>;
  /** As `extract` of src/packet/extract.ts: the same key, byte for byte. */
  extract(frame: Uint8Array, key: Uint8Array, maxVlans: number): boolean;
  /** What a worker does with a received frame: writes line 0 whole, metadata included, and returns the key's hash (hashKey). For suites. */
  extractReceived(frame: Uint8Array, key: Uint8Array, inPort: number, maxVlans: number): number;
  /** As `crc32c` of src/packet/crc32c.ts. */
  crc32c(seed: number, bytes: Uint8Array): number;
  /** As `hashKey` of src/packet/crc32c.ts. */
  hashKey(key: Uint8Array): number;
  /** As `dpHash` of src/packet/dp-hash.ts; alg 0 l4, 1 sym_l4. */
  dpHash(alg: number, key: Uint8Array, basis: number): number;
  /** As `finishChecksum` of src/packet/offload.ts, in place; `offload` is laid out as OFFLOAD. */
  finishChecksum(frame: Uint8Array, offload: Uint8Array): boolean;
  /** As `segment` of src/packet/offload.ts. */
  segment(frame: Uint8Array, offload: Uint8Array, mtu: number): Uint8Array[] | undefined;
  /**
   * Runs binary actions (src/datapath/encode.ts) on a frame of 14 bytes or more whose extracted key is `key`, with a sink that refuses ports from 100
   * on and those that end in 9, meters divisible by 4 and each third upcall. `draws` are what `sample` gets, round and round. Undefined: the
   * words are not well-formed actions.
   */
  executeForTest(
    frame: Uint8Array,
    offload: Uint8Array,
    key: Uint8Array,
    actions: Uint32Array,
    maxVlans: number,
    draws: Uint32Array,
  ): ExecutorEvent[] | undefined;
  /** A network device, looked up in the namespace at path `netns` ("" is our own). Throws an Error with `code` (an errno name). */
  deviceInfo(name: string, netns: string): DeviceInfo;
  /** What it says of itself; a driver that says nothing is no error. Throws like deviceInfo. */
  deviceLink(name: string, netns: string): DeviceLink;
  /** Sets one thing of a device: up (0 or 1), mtu (bytes), mac (6 bytes). Throws like deviceInfo. */
  deviceSet(name: string, netns: string, what: 'up' | 'mtu', value: number): void;
  deviceSet(name: string, netns: string, what: 'mac', value: Uint8Array): void;
  /** Unicast and local routes of the kernel's main, local and default tables, in our network namespace. Throws an Error with `code`. */
  kernelRoutes(): KernelRoute[];
  /** `length`: bits that are its network's. */
  kernelAddresses(): { device: string; address: Uint8Array; length: number }[];
  /** The way of a packet to an address, 4 or 16 bytes, with a mark, by all the kernel's rules; undefined: there is none. */
  kernelRoute(to: Uint8Array, mark: number): KernelRoute | undefined;
  /** Says whether routes, rules, addresses or links have changed since the last question; yes at the first. */
  RouteWatch: new () => { changed(): boolean };
  /** From here on memory of 2 MiB and more is taken in huge pages, or not: reserved ones where there are enough, else the kernel is asked to make them. */
  wantHugePages(on: boolean): void;
  /** Bytes of caches, buffers, counters and rings of all datapaths: in plain pages, where huge ones were asked for, and in reserved huge ones. */
  heldMemory(): [plain: number, advised: number, reserved: number];
  /** Memory nobody needs goes back to the kernel: what the C library holds free, pages of Node's program, and where `collect` the engine's own after a full collection. */
  trimMemory(collect: boolean): void;
  /** Writes our pid to a file and keeps a lock on it until the process ends. Throws with `code` EAGAIN when another process holds it. */
  lockPidFile(path: string): number;
  /** This thread, and all that it starts, keep of their capabilities only these (numbers of linux/capability.h). Throws with `code`. */
  dropCapabilities(keep: readonly number[]): void;
  /**
   * The program argv[0] takes this process's place, as that user ("" the same) and group ("" the user's own), with these capabilities of those it
   * has. Returns only by throwing, which may leave the process with fewer rights than before.
   */
  becomeUser(
    user: string,
    group: string,
    keep: readonly number[],
    argv: readonly string[],
    env: readonly string[],
  ): void;
  /** A descriptor on which each write is one datagram to the Unix socket at `path`; it does not block. Throws with `code`. */
  openDatagram(path: string): number;
  /** The counter that cycles are given in, now. */
  cycles(): number;
  /** Numbers of the processors that the program may use. */
  processors(): number[];
  /** Ticks a second of the counter that cycles are given in. */
  cyclesPerSecond(): number;
}
