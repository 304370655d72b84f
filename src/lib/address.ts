/**
 * Text of addresses: Ethernet, IPv4, IPv6, and masks after a slash. The parsers return undefined for text that is not an address, so that the
 * caller can say in which field; they accept what OVS's tools accept and nothing more.
 */
import { get32, hexDigit } from './bytes.js';

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** "aa:bb:cc:dd:ee:ff" of the six bytes at `at`. */
export function formatMac(b: Uint8Array, at = 0): string {
  return `${HEX[b[at]]}:${HEX[b[at + 1]]}:${HEX[b[at + 2]]}:${HEX[b[at + 3]]}:${HEX[b[at + 4]]}:${HEX[b[at + 5]]}`;
}

/** Six groups of one or two hex digits. Writes to `out` at `at`; false when the text is no such thing. */
export function parseMacInto(text: string, out: Uint8Array, at = 0): boolean {
  let group = 0;
  let digits = 0;
  let v = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 58;
    if (c === 58) {
      if (digits === 0 || group > 5) return false;
      out[at + group++] = v;
      digits = 0;
      v = 0;
    } else {
      const d = hexDigit(c);
      if (d < 0 || ++digits > 2) return false;
      v = v * 16 + d;
    }
  }
  return group === 6;
}

export function parseMac(text: string): Uint8Array | undefined {
  const out = new Uint8Array(6);
  return parseMacInto(text, out) ? out : undefined;
}

export function formatIpv4(b: Uint8Array, at = 0): string {
  return `${b[at]}.${b[at + 1]}.${b[at + 2]}.${b[at + 3]}`;
}

export function formatIpv4Number(v: number): string {
  return `${v >>> 24}.${(v >>> 16) & 255}.${(v >>> 8) & 255}.${v & 255}`;
}

/** Dotted quad to an unsigned 32-bit number, or -1. */
export function parseIpv4Number(text: string): number {
  let parts = 0;
  let digits = 0;
  let v = 0;
  let total = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 46;
    if (c === 46) {
      if (digits === 0 || v > 255) return -1;
      total = total * 256 + v;
      parts++;
      digits = 0;
      v = 0;
    } else if (c >= 48 && c <= 57) {
      if (++digits > 3) return -1;
      v = v * 10 + c - 48;
    } else return -1;
  }
  return parts === 4 ? total : -1;
}

export function parseIpv4(text: string): Uint8Array | undefined {
  const v = parseIpv4Number(text);
  return v < 0 ? undefined : Uint8Array.of(v >>> 24, v >>> 16, v >>> 8, v);
}

/** RFC 5952, with the dotted tail that inet_ntop gives to IPv4-mapped and IPv4-compatible addresses. */
export function formatIpv6(b: Uint8Array, at = 0): string {
  let best = -1;
  let bestLen = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && b[at + 2 * (i + n)] === 0 && b[at + 2 * (i + n) + 1] === 0) n++;
    if (n > bestLen) {
      best = i;
      bestLen = n;
    }
    if (n > 0) i += n - 1;
  }
  const mapped = best === 0 && bestLen === 5 && b[at + 10] === 0xff && b[at + 11] === 0xff;
  if (mapped || (best === 0 && bestLen === 6)) return `::${mapped ? 'ffff:' : ''}${formatIpv4(b, at + 12)}`;
  const group = (i: number): string => ((b[at + 2 * i] << 8) | b[at + 2 * i + 1]).toString(16);
  let s = '';
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      s += '::';
      i += bestLen - 1;
    } else {
      s += i === 0 || i === best + bestLen ? group(i) : `:${group(i)}`;
    }
  }
  return s;
}

/** Any RFC 4291 text form. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const gap = text.indexOf('::');
  if (gap >= 0 && text.indexOf('::', gap + 1) >= 0) return undefined;
  const head = ipv6Groups(gap >= 0 ? text.slice(0, gap) : text, gap < 0);
  const tail = gap >= 0 ? ipv6Groups(text.slice(gap + 2), true) : [];
  if (!head || !tail) return undefined;
  const n = head.length + tail.length;
  if (gap < 0 ? n !== 8 : n > 7) return undefined;
  const out = new Uint8Array(16);
  head.forEach((g, i) => {
    out[2 * i] = g >> 8;
    out[2 * i + 1] = g;
  });
  tail.forEach((g, i) => {
    const at = 16 - 2 * (tail.length - i);
    out[at] = g >> 8;
    out[at + 1] = g;
  });
  return out;
}

/** 16-bit groups of a part without "::"; `last` allows a dotted quad as its end. */
function ipv6Groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (let p = 0; p < parts.length; p++) {
    const part = parts[p];
    if (last && p === parts.length - 1 && part.includes('.')) {
      const v = parseIpv4Number(part);
      if (v < 0) return undefined;
      out.push(v >>> 16, v & 0xffff);
      continue;
    }
    if (part.length === 0 || part.length > 4) return undefined;
    let v = 0;
    for (let i = 0; i < part.length; i++) {
      const d = hexDigit(part.charCodeAt(i));
      if (d < 0) return undefined;
      v = v * 16 + d;
    }
    out.push(v);
  }
  return out;
}

/** Length of the prefix when a mask is ones and then zeros, else -1. */
export function prefixLength(mask: Uint8Array, at = 0, bytes = mask.length): number {
  let n = 0;
  let i = at;
  const end = at + bytes;
  for (; i < end && mask[i] === 0xff; i++) n += 8;
  if (i === end) return n;
  const ones = Math.clz32(~(mask[i] << 24));
  if (((mask[i] << ones) & 0xff) !== 0) return -1;
  for (let j = i + 1; j < end; j++) if (mask[j] !== 0) return -1;
  return n + ones;
}

export function prefixMask(length: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  const whole = length >> 3;
  out.fill(0xff, 0, whole);
  if (length & 7) out[whole] = 0xff00 >> (length & 7);
  return out;
}

/** "10.0.0.0/8", "10.0.0.1" for all ones, "10.0.0.1/255.0.255.0" for a mask that is no prefix. */
export function formatIpv4Masked(value: Uint8Array, mask: Uint8Array, at = 0): string {
  const m = get32(mask, at);
  const text = formatIpv4(value, at);
  if (m === 0xffffffff) return text;
  const n = prefixLength(mask, at, 4);
  return n >= 0 ? `${text}/${n}` : `${text}/${formatIpv4(mask, at)}`;
}

export function formatIpv6Masked(value: Uint8Array, mask: Uint8Array, at = 0): string {
  const text = formatIpv6(value, at);
  const n = prefixLength(mask, at, 16);
  if (n === 128) return text;
  return n >= 0 ? `${text}/${n}` : `${text}/${formatIpv6(mask, at)}`;
}

export function formatMacMasked(value: Uint8Array, mask: Uint8Array, at = 0): string {
  for (let i = 0; i < 6; i++) {
    if (mask[at + i] !== 0xff) return `${formatMac(value, at)}/${formatMac(mask, at)}`;
  }
  return formatMac(value, at);
}

export interface MaskedAddress {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

/** An address of either IP family, alone, with "/24", or with "/255.255.255.0" (any mask). The value is not masked here. */
export function parseIpMasked(text: string, family: 4 | 6): MaskedAddress | undefined {
  const parse = family === 4 ? parseIpv4 : parseIpv6;
  const bytes = family === 4 ? 4 : 16;
  const slash = text.indexOf('/');
  const value = parse(slash < 0 ? text : text.slice(0, slash));
  if (!value) return undefined;
  if (slash < 0) return { value, mask: new Uint8Array(bytes).fill(0xff) };
  const tail = text.slice(slash + 1);
  if (/^\d{1,3}$/.test(tail)) {
    const n = Number(tail);
    return n <= bytes * 8 ? { value, mask: prefixMask(n, bytes) } : undefined;
  }
  const mask = parse(tail);
  return mask ? { value, mask } : undefined;
}

export function parseMacMasked(text: string): MaskedAddress | undefined {
  const slash = text.indexOf('/');
  const value = parseMac(slash < 0 ? text : text.slice(0, slash));
  if (!value) return undefined;
  const mask = slash < 0 ? new Uint8Array(6).fill(0xff) : parseMac(text.slice(slash + 1));
  return mask ? { value, mask } : undefined;
}
