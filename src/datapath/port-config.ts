/** What a port of the datapath is opened with: a part of the typed page (native.ts). */

/** 'tunnel': arrivals of decapsulated packets and counters of a tunnel; it has no device, and takes no frames. 'host': the host's IP stack
 * (native/port/host.cc); its device is a list of what is listened to, as "udp:4789,gre". */
export type PortKind = 'tap' | 'system' | 'xdp' | 'memory' | 'pcap' | 'null' | 'tunnel' | 'host';

export interface PortConfig {
  kind: PortKind;
  /** The name of a device, which of kind tap is made when missing, of system and xdp exists; file name for pcap input ("" for none); host: see PortKind. */
  device: string;
  /** File for pcap output ("" for none). */
  output: string;
  /** What a TAP device is given, and what ports without a device have. 0: nothing is said. */
  mtu: number;
  /** pcap: loop the file for ever, copied into a buffer each time as a NIC would. */
  loop: boolean;
  /** Offer checksum and segmentation offload across this port (IFF_VNET_HDR, PACKET_VNET_HDR). */
  offload: boolean;
  /** Network namespace path to open the device in, or "". */
  netns: string;
  /** system: bytes of memory for frames that arrived and wait, rounded down to a power of two. 0: a share of what is left for all ports. */
  rxBytes: number;
  /** system: small programs of ours may run in the kernel, where it allows them, which makes small frames cheaper. */
  programs: boolean;
  /** tap: the device outlives the program, with its addresses and routes, and is taken up again by the next; portRemove takes it away all the same. */
  keep: boolean;
  /** xdp: how the device is to take our program. */
  xdpMode: XdpMode;
  /** xdp: receive queues of the device that frames are taken from, the first ones. tap: receive queues asked for, 1 to MAX_QUEUES. Others have one. */
  queues: number;
  /** xdp: the kernel is told to look into our rings where it asks for that, and not with each batch. */
  needWakeup: boolean;
  /** tap: frames that come in batches may go by io_uring, where the kernel allows it: a call a batch instead of one a frame. */
  ioUring: boolean;
}

export const XDP_MODES = ['best-effort', 'native-with-zerocopy', 'native', 'generic'] as const;
export type XdpMode = (typeof XDP_MODES)[number];

/** A port of which nothing is said but its kind: with what it has, its own MTU, nothing offered. */
export function plainPort(kind: PortKind): PortConfig {
  const nothing = { device: '', output: '', mtu: 0, loop: false, offload: false, netns: '', rxBytes: 0, keep: false };
  return { kind, ...nothing, programs: true, xdpMode: 'best-effort', queues: 1, needWakeup: true, ioUring: true };
}
