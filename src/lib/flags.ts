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
  /** The text fixes the word as a whole rather than some of its flags. */
  readonly whole: boolean;
}

/** `rest`: where reading stopped, for the refusal. */
function bitOf(name: string, f: FlagNames, rest: string): number {
  const i = f.names.indexOf(name);
  if (i < 0) throw new UserError(`${rest}: unknown ${f.kind} flag(s)`);
  return 1 << i;
}

/** Throws UserError. The mask covers the named flags, or every flag where the text fixes all. */
export function parseFlags(text: string, f: FlagNames): Flags {
  const all = 2 ** f.names.length - 1;
  if (text === '*') return { value: 0, mask: 0, whole: false };
  if (/^\d/.test(text)) {
    const number = /^(0x[\da-f]+|\d+)(?:\/(0x[\da-f]+|\d+))?$/i.exec(text);
    const value = number ? Number(number[1]) : -1;
    const mask = number?.[2] === undefined ? all : Number(number[2]);
    if (value < 0 || value > all || mask > all) throw new UserError(`${text}: unknown ${f.kind} flag(s)`);
    return { value: value & mask, mask, whole: number?.[2] === undefined };
  }
  if (text === '') return { value: 0, mask: all, whole: true };
  if (text[0] !== '+' && text[0] !== '-') {
    let value = 0;
    for (const name of text.split('|')) value |= bitOf(name, f, text);
    return { value, mask: all, whole: true };
  }
  let value = 0;
  let mask = 0;
  for (const m of text.matchAll(/([+-])([^+-]*)/g)) {
    const bit = bitOf(m[2], f, text.slice(m.index + 1));
    if (mask & bit) throw new UserError(`${m[2]}: Each ${f.kind} flag can be specified only once`);
    mask |= bit;
    if (m[1] === '+') value |= bit;
  }
  return { value, mask, whole: false };
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
