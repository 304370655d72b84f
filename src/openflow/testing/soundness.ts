/** What must hold of any bytes that come as a message, whoever made them. */
import { Match } from '../../flow/match.js';
import { UserError } from '../../lib/errors.js';
import { errorCode, errorName } from '../errors.js';
import { decode, encode, type Message } from '../message.js';
import { formatBytes } from '../text/message.js';

export interface Verdict {
  /** Undefined: all is well. */
  readonly fault?: string;
  /** It was refused, with this error. */
  readonly refused?: string;
}

function attempt<T>(what: string, f: () => T): { value: T } | { error: UserError } | { fault: string } {
  try {
    return { value: f() };
  } catch (e) {
    if (e instanceof UserError) return { error: e };
    return { fault: `${what}: ${e instanceof Error ? e.stack : String(e)}` };
  }
}

const again = (m: Message): Uint8Array => encode(m.kind, m.value, { version: m.version, xid: m.xid, name: m.name });

/** Where what is written may say less than, or otherwise than, what was read, or be longer: as in Open vSwitch, whose forms these are. */
const LOSSES: readonly { readonly why: string; holds(m: Message, text: string): boolean }[] = [
  {
    why: 'an action that a version takes, and says by another',
    holds: (_m, text) => /"(form|type)":"(mod_|set_(vlan|tunnel|mpls)_?)\w*"/.test(text),
  },
  {
    why: 'a meter, read before there are meters',
    holds: (m, text) => m.version < 4 && text.includes('"type":"meter"'),
  },
  { why: 'the match of 1.1 says less than the extended one that it takes', holds: (m) => m.version === 2 },
];

interface Partial {
  readonly dst: { readonly field: unknown; readonly ofs: number };
  readonly value: bigint;
  readonly mask: bigint;
}
/** Part of a field is set, which may be written as all of it under a mask. */
function isPartial(v: object): v is Partial {
  return 'type' in v && v.type === 'set_field' && 'dst' in v && 'value' in v && 'mask' in v;
}

/** A value as text, by what it means: without how an action was written, and whatever the order of members. */
function meaning(value: unknown, withForm = false): string {
  return JSON.stringify(value, (key, v: unknown) => {
    if (typeof v === 'bigint') return `${v}n`;
    if (v instanceof Uint8Array) return hex(v);
    if (v instanceof Match) return `${hex(v.value)}/${hex(v.mask)}`;
    if (key === 'form' && !withForm) return undefined;
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return v;
    if (!withForm && isPartial(v))
      return { field: v.dst.field, value: v.value << BigInt(v.dst.ofs), mask: v.mask << BigInt(v.dst.ofs) };
    if (key === 'field' && 'name' in v) return v.name;
    return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** The first place where two values differ. */
function difference(a: unknown, b: unknown): string {
  const [x, y] = [meaning(a), meaning(b)];
  let at = 0;
  while (x[at] === y[at]) at++;
  return `${x.slice(Math.max(0, at - 60), at + 60)} / ${y.slice(at, at + 60)}`;
}

/**
 * Reading either gives an OpenFlow error that its sender's version can name, or a value that is written to bytes that say the same: read again, an equal value;
 * written again, equal bytes. Printing never fails.
 */
export function judge(bytes: Uint8Array): Verdict {
  const read = attempt('decode', () => decode(bytes));
  if ('fault' in read) return read;
  const text = attempt('format', () => formatBytes(bytes, { verbosity: 2 }));
  if ('fault' in text) return text;
  if ('error' in text) return { fault: `format: ${text.error.message}` };
  if ('error' in read) {
    const name = read.error.ofError;
    const version = Math.min(6, Math.max(1, bytes[0]));
    if (name === undefined) return { fault: `an error without an OpenFlow error: ${read.error.message}` };
    if (errorName(version, errorCode(name, version)) === undefined) return { fault: `${name} is no error` };
    return { refused: name };
  }
  const m = read.value;
  const said = meaning(m.value, true);
  const isLossy = LOSSES.some((l) => l.holds(m, said));
  const first = attempt('encode', () => again(m));
  if ('fault' in first) return first;
  if ('error' in first && isLossy && /would be \d+ bytes long/.test(first.error.message)) return {};
  if ('error' in first) return { fault: `what was read cannot be written: ${first.error.message}` };
  const second = attempt('decode of what was written', () => decode(first.value));
  if ('fault' in second) return second;
  if ('error' in second)
    return { fault: `what was written cannot be read: ${second.error.message}: ${hex(first.value)}` };
  if (!isLossy && meaning(second.value.value) !== meaning(m.value))
    return { fault: `reads as another value: ${difference(m.value, second.value.value)}: ${hex(first.value)}` };
  const third = attempt('second encode', () => again(second.value));
  if (!('value' in third)) return { fault: 'it cannot be written twice' };
  return isLossy || Buffer.compare(first.value, third.value) === 0
    ? {}
    : { fault: `written differently: ${hex(first.value)}` };
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
