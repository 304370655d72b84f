/**
 * Random frames for suites: well-formed ones of every protocol that extraction knows, then truncated ones, ones whose lengths lie, deep header
 * chains and flipped bits. Written from plain numbers, not with the wire files, so that a fault there cannot hide itself.
 *
 * Values are drawn from small sets most of the time: then random keys meet random flows, and edges (0, all ones, lengths one off) come up often.
 * Checksums are not computed; suites that need them right use src/packet/build.ts.
 */
import type { Random } from '../lib/random.js';

type Bytes = number[];

const u16 = (v: number): Bytes => [(v >> 8) & 0xff, v & 0xff];
const u32 = (v: number): Bytes => [...u16(v >>> 16), ...u16(v)];
const noise = (r: Random, n: number): Bytes => Array.from(r.bytes(n));

const mac = (r: Random): Bytes =>
  r.chance(0.9)
    ? [2, 0, 0, 0, 0, r.below(4)]
    : r.pick([noise(r, 6), Array<number>(6).fill(0xff), [1, 0, 0x5e, 0, 0, 1]]);
const ip4 = (r: Random): Bytes => (r.chance(0.9) ? [10, 0, r.below(2), r.below(4)] : noise(r, 4));
const ip6 = (r: Random): Bytes =>
  r.chance(0.9) ? [0xfe, 0x80, ...Array<number>(13).fill(0), r.below(4)] : noise(r, 16);
const port = (r: Random): Bytes => u16(r.chance(0.8) ? r.pick([0, 53, 80, 443, 6653, 65535]) : r.below(65536));

const ETH_TYPES = [
  0x0800, 0x86dd, 0x0806, 0x8035, 0x8847, 0x8848, 0x894f, 0x8100, 0x88a8, 0x88cc, 0x05ff, 0x0600, 0x6558,
];

/** One frame; any bytes, at most about 2000. */
export function randomFrame(r: Random): Uint8Array {
  const frame = wellFormed(r);
  if (r.chance(0.55)) return Uint8Array.from(frame);
  return r.pick([truncated, lying, flipped, padded])(r, Uint8Array.from(frame));
}

/** One frame whose headers are as long as they say. */
export function wellFormedFrame(r: Random): Uint8Array {
  return Uint8Array.from(wellFormed(r));
}

function wellFormed(r: Random): Bytes {
  const type = r.pick([
    0x0800,
    0x0800,
    0x0800,
    0x86dd,
    0x86dd,
    0x0806,
    0x8035,
    0x8847,
    0x8848,
    0x894f,
    r.pick(ETH_TYPES),
  ]);
  const out = [...mac(r), ...mac(r)];
  for (let tags = r.pick([0, 0, 0, 1, 1, 2, 3]); tags > 0; tags--) {
    out.push(...u16(r.chance(0.7) ? 0x8100 : 0x88a8), ...u16(r.chance(0.7) ? r.below(4) : r.below(65536)));
  }
  const body = network(r, type);
  if (r.chance(0.06)) {
    const snap = [0xaa, 0xaa, 0x03, 0, 0, 0];
    if (r.chance(0.2)) snap[r.below(6)] ^= 1;
    out.push(...u16(Math.min(body.length + 8, 0x5ff)), ...snap);
  }
  out.push(...u16(type), ...body);
  return out;
}

function network(r: Random, type: number): Bytes {
  if (type === 0x0800) return ipv4(r);
  if (type === 0x86dd) return ipv6(r);
  if (type === 0x0806 || type === 0x8035) {
    const op = r.chance(0.9) ? r.below(5) : r.pick([255, 256, 257, 65535]);
    return [0, 1, 8, 0, 6, 4, ...u16(op), ...mac(r), ...ip4(r), ...mac(r), ...ip4(r), ...noise(r, r.pick([0, 18]))];
  }
  if (type === 0x8847 || type === 0x8848) {
    const out: Bytes = [];
    const labels = r.between(1, 5);
    for (let i = 0; i < labels; i++) {
      const bottom = i === labels - 1 ? r.chance(0.9) : r.chance(0.05);
      out.push(
        ...u32(
          ((r.pick([0, 1, 16, 0xfffff]) << 12) | (r.below(8) << 9) | ((bottom ? 1 : 0) << 8) | r.below(256)) >>> 0,
        ),
      );
    }
    return [...out, ...(r.chance(0.5) ? ipv4(r) : noise(r, r.below(20)))];
  }
  if (type === 0x894f) {
    const md = r.chance(0.7) ? 1 : r.pick([0, 2, 3, 0x11]);
    const words = md === 1 ? 6 : r.between(2, 8);
    const first = (r.below(4) << 12) | (r.below(64) << 6) | words;
    return [...u16(first), md, r.pick([1, 2, 3, 4]), ...u32(r.u32()), ...noise(r, words * 4 - 8), ...ipv4(r)];
  }
  return noise(r, r.below(64));
}

function ipv4(r: Random): Bytes {
  const options = noise(r, 4 * (r.chance(0.85) ? 0 : r.between(1, 10)));
  const proto = r.pick([6, 6, 17, 17, 1, 2, 58, 132, 47, r.below(256)]);
  const later = r.chance(0.08);
  const fragment = (r.chance(0.5) ? 0x4000 : 0) | (r.chance(0.1) ? 0x2000 : 0) | (later ? r.between(1, 0x1fff) : 0);
  const body = transport(r, proto);
  const version = r.chance(0.97) ? 0x40 : r.below(16) << 4;
  return [
    version | (5 + options.length / 4),
    r.chance(0.8) ? r.pick([0, 0xb8, 0x03]) : r.below(256),
    ...u16(20 + options.length + body.length),
    ...u16(r.below(65536)),
    ...u16(fragment),
    r.pick([0, 1, 2, 64, 255]),
    proto,
    ...noise(r, 2),
    ...ip4(r),
    ...ip4(r),
    ...options,
    ...body,
  ];
}

function ipv6(r: Random): Bytes {
  const last = r.pick([6, 6, 17, 17, 58, 58, 58, 132, 1, 59, r.below(256)]);
  const chain: [number, (next: number) => Bytes][] = [];
  for (let n = r.pick([0, 0, 0, 0, 1, 2, 3, 12]); n > 0; n--) chain.push(extension(r));
  let body = transport(r, last);
  let next = last;
  for (const [type, make] of chain.reverse()) {
    body = [...make(next), ...body];
    next = type;
  }
  const version = r.chance(0.97) ? 6 : r.below(16);
  const first = ((version << 28) | (r.below(256) << 20) | (r.chance(0.5) ? r.below(4) : r.below(0x100000))) >>> 0;
  return [...u32(first), ...u16(body.length), next, r.pick([0, 1, 2, 64, 255]), ...ip6(r), ...ip6(r), ...body];
}

function extension(r: Random): [number, (next: number) => Bytes] {
  const type = r.pick([0, 43, 44, 51, 60]);
  if (type === 44) {
    const offset = r.pick([0, 0, 1, 2, 4, 8, 9, 0xfff8, 0xfff9]);
    return [type, (next) => [next, r.below(256), ...u16(offset), ...u32(r.u32())]];
  }
  const units = r.below(4);
  if (type === 51) return [type, (next) => [next, units, ...noise(r, (units + 2) * 4 - 2)]];
  return [type, (next) => [next, units, ...noise(r, (units + 1) * 8 - 2)]];
}

function transport(r: Random, proto: number): Bytes {
  const payload = noise(r, r.chance(0.9) ? r.below(40) : r.below(1400));
  switch (proto) {
    case 6: {
      const options = noise(r, 4 * r.pick([0, 0, 3, 10]));
      const flags = r.chance(0.8) ? r.pick([2, 0x12, 0x10, 0x18, 0x11, 4]) : r.below(4096);
      const offset = (5 + options.length / 4) << 12;
      return [...port(r), ...port(r), ...noise(r, 8), ...u16(offset | flags), ...noise(r, 6), ...options, ...payload];
    }
    case 17:
      return [...port(r), ...port(r), ...u16(8 + payload.length), ...u16(r.pick([0, r.below(65536)])), ...payload];
    case 132:
      return [...port(r), ...port(r), ...noise(r, 8), ...payload];
    case 1:
      return [r.pick([0, 3, 8, 11]), r.below(3), ...noise(r, 6), ...payload];
    case 58:
      return r.chance(0.6) ? neighbor(r) : [r.pick([1, 128, 129, 133, 134]), r.below(3), ...noise(r, 6), ...payload];
    default:
      return payload;
  }
}

function neighbor(r: Random): Bytes {
  const out = [
    r.pick([135, 136]),
    r.chance(0.95) ? 0 : 1,
    ...noise(r, 2),
    ...u32(r.pick([0, 0x60000000, r.u32()])),
    ...ip6(r),
  ];
  for (let n = r.pick([0, 1, 1, 2, 3]); n > 0; n--) {
    const units = r.chance(0.85) ? 1 : r.below(4);
    const body =
      units === 1 ? (r.chance(0.9) ? mac(r) : Array<number>(6).fill(0)) : noise(r, Math.max(0, units * 8 - 2));
    out.push(r.pick([1, 1, 2, 2, 3, 14]), units, ...body);
  }
  return r.chance(0.9) ? out : [...out, ...noise(r, r.below(8))];
}

function truncated(r: Random, f: Uint8Array): Uint8Array {
  return f.slice(0, r.chance(0.5) ? r.below(f.length + 1) : r.below(Math.min(f.length, 80) + 1));
}

/** A few bytes among the headers, where lengths and types stand. */
function lying(r: Random, f: Uint8Array): Uint8Array {
  for (let n = r.between(1, 4); n > 0 && f.length > 12; n--) {
    const at = 12 + r.below(Math.min(f.length - 12, 60));
    f[at] = r.chance(0.5) ? r.pick([0, 1, 4, 8, 0x45, 0x4f, 0x81, 0xff]) : f[at] + r.pick([-1, 1]);
  }
  return f;
}

function flipped(r: Random, f: Uint8Array): Uint8Array {
  for (let n = r.between(1, 8); n > 0; n--) f[r.below(f.length)] ^= 1 << r.below(8);
  return f;
}

function padded(r: Random, f: Uint8Array): Uint8Array {
  const out = new Uint8Array(f.length + r.pick([1, 2, 6, 18, 255, 256, 600]));
  out.set(f);
  return out;
}
