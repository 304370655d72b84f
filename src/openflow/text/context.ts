/** What the text of a message depends on beside the message. */

import { formatOfPort } from '../../flow/port-text.js';
import type { Message } from '../message.js';
import type { Kind } from '../registry.js';

export interface TextContext {
  /** Names to print instead of port numbers. */
  readonly ports?: ReadonlyMap<number, string>;
  readonly tables?: ReadonlyMap<number, string>;
  /** 0 is what commands print; each -m adds one. */
  readonly verbosity: number;
  /** The message's own bytes, where they are at hand. */
  readonly bytes?: Uint8Array;
  /** How many messages this one is in: an error holds the start of what it is about, a bundle what is added to it. */
  readonly depth?: number;
}

/** What follows "NAME (VERSION) (xid=...):". */
export type Formatter<K extends Kind> = (m: Extract<Message, { kind: K }>, ctx: TextContext) => string;
export type Formatters = { readonly [K in Kind]?: Formatter<K> };

/** A port as OVS prints it: reserved name, else the switch's name for it, else the number. */
export function portText(port: number, ctx: TextContext): string {
  return formatOfPort(port, ctx.ports);
}

export function tableText(table: number, ctx: TextContext): string {
  const name = ctx.tables?.get(table);
  return name === undefined ? String(table) : quoteName(name);
}

/** Names that could be read as something else are printed in quotes. */
export function quoteName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name) ? name : JSON.stringify(name);
}

/** Names of the set bits, lowest first, then what is left in hexadecimal; `none` for no bits. */
export function bitNames(
  bits: number,
  names: readonly (readonly [bit: number, name: string])[],
  none: string,
  separator = ' ',
): string {
  if (bits === 0) return none;
  const out: string[] = [];
  let left = bits;
  for (const [bit, name] of names) {
    if (!(left & bit)) continue;
    out.push(name);
    left &= ~bit;
  }
  if (left !== 0) out.push(`0x${(left >>> 0).toString(16)}`);
  return out.join(separator);
}

export function hex(v: number | bigint, width = 0): string {
  return v.toString(16).padStart(width, '0');
}

/** Seconds with as many decimals as there are: "1.5s", "0.049s". */
export function duration(sec: number, nsec: number): string {
  if (nsec === 0) return `${sec}s`;
  const fraction = String(nsec).padStart(9, '0').replace(/0+$/, '');
  return `${sec}.${fraction.padEnd(3, '0')}s`;
}
