/**
 * Frames for tables of tests, made from scratch: every length and checksum is computed whole, by code that shares nothing with the executors'
 * incremental updates.
 */
export type Bytes = number[];

export const hex = (s: string): Bytes => [...Buffer.from(s.replaceAll(/[ :]/g, ''), 'hex')];
export const w16 = (v: number): Bytes => [(v >> 8) & 0xff, v & 0xff];
export const w32 = (v: number): Bytes => [...w16(v >>> 16), ...w16(v & 0xffff)];

/** Ones' complement sum of big-endian words. */
export function sum(bytes: Bytes): number {
  let s = 0;
  bytes.forEach((b, i) => {
    s += i & 1 ? b : b << 8;
  });
  while (s > 0xffff) s = (s & 0xffff) + Math.floor(s / 65536);
  return s;
}
const checksum = (bytes: Bytes): number => ~sum(bytes) & 0xffff;

/** CRC32-C, bit by bit. */
function crc32c(bytes: Bytes): number {
  let crc = 0xffffffff;
  for (const b of bytes) {
    crc ^= b;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

export interface Link {
  dst?: string;
  src?: string;
  /** [TPID, TCI], from outside in. */
  tags?: [number, number][];
}

export const eth = (
  type: number,
  payload: Bytes,
  { dst = '020000000002', src = '020000000001', tags = [] }: Link = {},
): Uint8Array =>
  Uint8Array.from([
    ...hex(dst),
    ...hex(src),
    ...tags.flatMap(([tpid, tci]) => [...w16(tpid), ...w16(tci)]),
    ...w16(type),
    ...payload,
  ]);

/** A transport header and payload, finished once the pseudo-header is known. */
export type Transport = (pseudo: Bytes) => Bytes;

/** none: the field is 0. pseudo: only the sum of the pseudo-header, as in a frame whose checksum is to be finished. wrong: one off. */
export type ChecksumState = 'right' | 'none' | 'pseudo' | 'wrong';

function field(state: ChecksumState, whole: Bytes, pseudo: Bytes, length: number, proto: number): number {
  const header = [...pseudo, ...w16(length), ...w16(proto)];
  if (state === 'none') return 0;
  if (state === 'pseudo') return sum(header);
  return (checksum([...header, ...whole]) + (state === 'wrong' ? 1 : 0)) & 0xffff;
}

const PAYLOAD = hex('00 01 02 03 04 05 06 07 08');

export const udp = (
  sport: number,
  dport: number,
  state: ChecksumState = 'right',
  payload = PAYLOAD,
): Transport & { proto: number } =>
  Object.assign(
    (pseudo: Bytes) => {
      const length = 8 + payload.length;
      const ports = [...w16(sport), ...w16(dport), ...w16(length)];
      const c = field(state, [...ports, 0, 0, ...payload], pseudo, length, 17);
      return [...ports, ...w16(c === 0 && state === 'right' ? 0xffff : c), ...payload];
    },
    { proto: 17 },
  );

export const tcp = (
  sport: number,
  dport: number,
  state: ChecksumState = 'right',
  payload = PAYLOAD,
): Transport & { proto: number } =>
  Object.assign(
    (pseudo: Bytes) => {
      const head = [...w16(sport), ...w16(dport), ...w32(0x01020304), ...w32(0x05060708), 0x50, 0x18, 1, 0];
      const c = field(state, [...head, 0, 0, 0, 0, ...payload], pseudo, 20 + payload.length, 6);
      return [...head, ...w16(c), 0, 0, ...payload];
    },
    { proto: 6 },
  );

export const icmp = (type: number, code: number): Transport & { proto: number } =>
  Object.assign(
    () => {
      const rest = [0, 7, 0, 1, ...PAYLOAD];
      return [type, code, ...w16(checksum([type, code, 0, 0, ...rest])), ...rest];
    },
    { proto: 1 },
  );

/** `rest` follows type, code and checksum. */
export const icmpv6 = (
  type: number,
  code: number,
  rest: Bytes = [0, 7, 0, 1, ...PAYLOAD],
): Transport & { proto: number } =>
  Object.assign(
    (pseudo: Bytes) => {
      const c = field('right', [type, code, 0, 0, ...rest], pseudo, 4 + rest.length, 58);
      return [type, code, ...w16(c), ...rest];
    },
    { proto: 58 },
  );

export const sctp = (sport: number, dport: number): Transport & { proto: number } =>
  Object.assign(
    () => {
      const ports = [...w16(sport), ...w16(dport), ...w32(0xcafe)];
      const crc = crc32c([...ports, 0, 0, 0, 0, ...PAYLOAD]);
      return [...ports, crc & 0xff, (crc >>> 8) & 0xff, (crc >>> 16) & 0xff, crc >>> 24, ...PAYLOAD];
    },
    { proto: 132 },
  );

export interface Ip4 {
  src?: string;
  dst?: string;
  ttl?: number;
  tos?: number;
  frag?: number;
  options?: Bytes;
}

export function ip4(
  transport: Transport & { proto: number },
  { src = '0a000001', dst = '0a000002', ttl = 64, tos = 0, frag = 0, options = [] }: Ip4 = {},
): Bytes {
  const body = transport([...hex(src), ...hex(dst)]);
  const words = 5 + options.length / 4;
  const a = [0x40 | words, tos, ...w16(words * 4 + body.length), 0x12, 0x34, ...w16(frag), ttl, transport.proto];
  const b = [...hex(src), ...hex(dst), ...options];
  return [...a, ...w16(checksum([...a, 0, 0, ...b])), ...b, ...body];
}

export interface Ip6 {
  src?: string;
  dst?: string;
  tclass?: number;
  label?: number;
  hlimit?: number;
  /** [type, bytes after the next-header byte], whole multiples of 8 with that byte. */
  extensions?: [number, Bytes][];
  /** What the checksum covers, where that is not `dst`. */
  lastDst?: string;
}

export const IP6_SRC = 'fe80000000000000 0000000000000001';
export const IP6_DST = 'fe80000000000000 0000000000000002';

export function ip6(transport: Transport & { proto: number }, o: Ip6 = {}): Bytes {
  const { src = IP6_SRC, dst = IP6_DST, tclass = 0, label = 0, hlimit = 64, extensions = [] } = o;
  const body = transport([...hex(src), ...hex(o.lastDst ?? dst)]);
  const types = [...extensions.map(([type]) => type), transport.proto];
  const chain = [...extensions.flatMap(([, rest], i) => [types[i + 1], ...rest]), ...body];
  const word = (0x60000000 | (tclass << 20) | label) >>> 0;
  return [...w32(word), ...w16(chain.length), types[0], hlimit, ...hex(src), ...hex(dst), ...chain];
}

export interface Arp {
  op?: number;
  sha?: string;
  spa?: string;
  tha?: string;
  tpa?: string;
}

export const arp = ({
  op = 1,
  sha = '020000000001',
  spa = '0a000001',
  tha = '000000000000',
  tpa = '0a000002',
}: Arp = {}): Bytes => [...hex('0001 0800 06 04'), ...w16(op), ...hex(sha), ...hex(spa), ...hex(tha), ...hex(tpa)];

/** Label, traffic class, bottom of stack, TTL. */
export const lse = (label: number, tc: number, bos: number, ttl: number): number =>
  ((label << 12) | (tc << 9) | (bos << 8) | ttl) >>> 0;
