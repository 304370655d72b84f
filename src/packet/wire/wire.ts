/**
 * What every file here has, in this order:
 *
 * 1. Offsets, named once.
 * 2. A view: made by one length check (`xView(bytes, at, end)`, undefined when the header does not lie whole before `end`); after that its
 *    accessors cannot fail. It copies nothing, and setters write through.
 * 3. A value: plain data with legal states only, and a `Wire` that parses, measures and emits it. Numbers that are not known survive the round trip.
 *
 * Lengths that count what follows (IPv4 total length, UDP length) are part of the value: src/packet/build.ts computes them. Checksums are not: `emit`
 * writes those that cover the header alone, `seal` the others once the payload stands.
 */
export interface Wire<V> {
  /** Undefined: not whole before `end`, or not legal. */
  parse(bytes: Uint8Array, at: number, end: number): V | undefined;
  /** Bytes that `emit` writes. */
  length(value: V): number;
  /** Writes every byte of the header. The room is the caller's care. */
  emit(value: V, out: Uint8Array, at: number): void;
  /** Writes the checksum over [at, end). `pseudo` is the sum of the pseudo-header (pseudoSum), which some have. */
  seal?(out: Uint8Array, at: number, end: number, pseudo: number): void;
}

/** EtherTypes by name. */
export const ETH_TYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  teb: 0x6558,
  rarp: 0x8035,
  vlan: 0x8100,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  qinq: 0x88a8,
  lldp: 0x88cc,
  nsh: 0x894f,
} as const;

/** IP protocol numbers by name. */
export const IP_PROTO = {
  hopByHop: 0,
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  gre: 47,
  ah: 51,
  icmpv6: 58,
  none: 59,
  destination: 60,
  sctp: 132,
} as const;

/** A copy of n bytes, which outlives the frame. */
export const take = (bytes: Uint8Array, at: number, n: number): Uint8Array => bytes.slice(at, at + n);
