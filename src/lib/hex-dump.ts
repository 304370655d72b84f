import { hexDigit } from './bytes.js';

/** Sixteen bytes a line: offset, bytes in hexadecimal with a dash in the middle, and the characters they stand for. */
export function formatHexDump(b: Uint8Array): string {
  let out = '';
  for (let at = 0; at < b.length; at += 16) {
    const line = b.subarray(at, at + 16);
    let bytes = '';
    for (let i = 0; i < 16; i++) {
      bytes += i < line.length ? line[i].toString(16).padStart(2, '0') : '  ';
      bytes += i === 7 && line.length >= 8 ? '-' : ' ';
    }
    const chars = Array.from(line, (c) => (c >= 0x20 && c < 0x7f ? String.fromCharCode(c) : '.')).join('');
    out += `${at.toString(16).padStart(8, '0')}  ${bytes}|${chars.padEnd(16)}|\n`;
  }
  return out;
}

/** Hexadecimal digits, with any space between, as bytes. Undefined when something else stands there or a digit is missing. */
export function parseHexLoose(text: string): Uint8Array | undefined {
  const out: number[] = [];
  let half = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x20 || (c >= 9 && c <= 13)) continue;
    const d = hexDigit(c);
    if (d < 0) return undefined;
    if (half < 0) half = d;
    else {
      out.push(half * 16 + d);
      half = -1;
    }
  }
  return half < 0 ? Uint8Array.from(out) : undefined;
}
