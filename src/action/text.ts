/** The syntax of action lists: items apart, keys from values, numbers. What is accepted, and the words of a refusal, are those of ovs-ofctl. */
import { parseInteger } from '../flow/value-text.js';
import { UserError } from '../lib/errors.js';

export { parseInteger };

export interface Item {
  readonly key: string;
  /** Text after ":" or "=", or inside the parentheses; '' when there is none. */
  readonly arg: string;
}

const SEPARATORS = ', \t\r\n';

/** Where the item ends that starts at `i`: at one of `ends` outside parentheses. */
function valueEnd(text: string, from: number, ends: string): number {
  let depth = 0;
  let i = from;
  for (; i < text.length; i++) {
    const c = text[i];
    if (depth === 0 && ends.includes(c)) break;
    if (c === '(') depth++;
    else if (c === ')' && depth > 0) depth--;
  }
  return i;
}

/** End of a JSON string that starts at `i`. */
function quotedEnd(text: string, from: number): number {
  let i = from + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return Math.min(i + 1, text.length);
}

/**
 * The items of a list: "key", "key:value", "key=value" or "key(value)", apart by commas and white space. What follows a closing
 * parenthesis with "->" belongs to the value: "check_pkt_larger(1500)->reg0[0]" has the value "1500)->reg0[0]".
 */
export function splitItems(text: string): Item[] {
  const items: Item[] = [];
  let i = 0;
  for (;;) {
    while (i < text.length && SEPARATORS.includes(text[i])) i++;
    if (i >= text.length) return items;
    const start = i;
    if (text[i] === '"') i = quotedEnd(text, i);
    while (i < text.length && !':=(, \t\r\n'.includes(text[i])) i++;
    const key = text.slice(start, i);
    const delimiter = text[i] ?? ' ';
    i++;
    if (delimiter === ':' || delimiter === '=') {
      const from = i;
      i = text[i] === '"' ? valueEnd(text, quotedEnd(text, i), SEPARATORS) : valueEnd(text, i, SEPARATORS);
      items.push({ key, arg: text.slice(from, i) });
    } else if (delimiter === '(') {
      const from = i;
      i = valueEnd(text, i, ')');
      if (text.startsWith(')->', i)) i = valueEnd(text, i + 1, SEPARATORS);
      items.push({ key, arg: text.slice(from, i) });
      if (text[i] === ')') i++;
    } else {
      items.push({ key, arg: '' });
    }
  }
}

/** Pieces between any of the separators, empty ones left out. */
export function splitWords(text: string, separators: RegExp): string[] {
  return text.split(separators).filter((w) => w !== '');
}

function small(text: string, name: string, max: bigint): number {
  const v = parseInteger(text);
  if (v === undefined || v < 0n || v > max) throw new UserError(`invalid ${name} "${text}"`);
  return Number(v);
}

/** An 8-bit number; `name` names it in the refusal. */
export function parseU8(text: string, name: string): number {
  return small(text, name, 0xffn);
}

export function parseU16(text: string, name: string): number {
  return small(text, name, 0xffffn);
}

export function parseU64(text: string): bigint {
  if (text === '') throw new UserError('missing required numeric argument');
  const v = parseInteger(text);
  if (v === undefined || v > 0xffffffffffffffffn || v < -0x8000000000000000n) {
    throw new UserError(`invalid numeric format ${text}`);
  }
  return BigInt.asUintN(64, v);
}

/** A 32-bit number. -1 is accepted as ovs-ofctl does, where it means the largest; numbers that are too large are refused. */
export function parseU32(text: string): number {
  if (text === '') throw new UserError('missing required numeric argument');
  const v = parseInteger(text);
  if (v === undefined || v > 0xffffffffn || v < -0x80000000n) throw new UserError(`invalid numeric format ${text}`);
  return Number(BigInt.asUintN(32, v));
}

/** Numbers as C's atoi reads them: what leads, as decimal digits, and 0 where nothing does. */
export function parseLeading(text: string): number {
  const m = /^\s*([-+]?\d+)/.exec(text);
  return m ? Number(m[1]) : 0;
}

/** "value->destination" apart. */
export function splitArrow(arg: string): { value: string; dst: string } {
  const at = arg.indexOf('->');
  if (at < 0) throw new UserError(`${arg}: missing \`->'`);
  const dst = arg.slice(at + 2);
  if (dst === '') throw new UserError(`${arg}: missing field name following \`->'`);
  return { value: arg.slice(0, at), dst };
}

/** "%#x" of C: no prefix on zero. */
export function hex(v: number | bigint): string {
  return v === 0 || v === 0n ? '0' : `0x${v.toString(16)}`;
}
