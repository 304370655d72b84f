/**
 * Text of flag words, as OVS writes it: "syn|ack" fixes every flag, "+syn-ack" only the named ones, and numbers are taken for either.
 */
import { UserError } from './errors.js';

export interface FlagNames {
  /** Of the thing, for messages: "TCP". */
  readonly kind: string;
  /** Name of bit i at index i; the flags that may be used. */
  readonly names: readonly string[];
}

export const TCP_FLAGS: FlagNames = {
  kind: 'TCP',
  names: ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'],
};
export const CT_STATE_FLAGS: FlagNames = {
  kind: 'ct_state',
  names: ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'],
};
export const TUNNEL_FLAGS: FlagNames = { kind: 'tunnel', names: ['oam'] };

export interface Flags {
  readonly value: number;
  readonly mask: number;
}

function bitOf(name: string, f: FlagNames): number {
  const i = f.names.indexOf(name);
  if (i < 0) throw new UserError(`${name}: unknown ${f.kind} flag(s)`);
  return 1 << i;
}

/** Throws UserError. The mask covers the named flags, or every flag where the text fixes all. */
export function parseFlags(text: string, f: FlagNames): Flags {
  const all = 2 ** f.names.length - 1;
  if (text === '*') return { value: 0, mask: 0 };
  if (/^\d/.test(text)) {
    const [value, mask] = text.split('/').map(Number);
    if (!(value >= 0 && value <= all)) throw new UserError(`${text}: unknown ${f.kind} flag(s)`);
    if (mask === undefined) return { value, mask: all };
    if (!(mask >= 0)) throw new UserError(`${text}: bad syntax for ${f.kind} flag mask`);
    return { value: value & mask, mask: mask & all };
  }
  if (text[0] !== '+' && text[0] !== '-') {
    let value = 0;
    for (const name of text.split('|')) value |= bitOf(name, f);
    return { value, mask: all };
  }
  let value = 0;
  let mask = 0;
  for (const m of text.matchAll(/([+-])([^+-]*)/g)) {
    const bit = bitOf(m[2], f);
    if (mask & bit) throw new UserError(`${m[2]}: Each ${f.kind} flag can be specified only once`);
    mask |= bit;
    if (m[1] === '+') value |= bit;
  }
  return { value, mask };
}

/** "syn|ack"; "0" when there are none. Bits without a name follow as a number. */
export function formatFlags(value: number, f: FlagNames): string {
  if (value === 0) return '0';
  const out: string[] = [];
  let rest = value;
  f.names.forEach((name, i) => {
    if (value & (1 << i)) {
      out.push(name);
      rest &= ~(1 << i);
    }
  });
  if (rest !== 0) out.push(`0x${(rest >>> 0).toString(16)}`);
  return out.join('|');
}

/** "+syn-ack", or as formatFlags when the mask is `all`. */
export function formatFlagsMasked(value: number, mask: number, all: number, f: FlagNames): string {
  if (mask === all) return formatFlags(value, f);
  if (mask === 0) return '0/0';
  let s = '';
  for (let i = 0; i < 32; i++) {
    const bit = (1 << i) >>> 0;
    if (mask & bit) s += (value & bit ? '+' : '-') + (f.names[i] ?? '[Unknown]');
  }
  return s;
}
