/** Text of field values, by format: what stands after "=" in a match and before "->" in set_field. Words of the faults are ovs-ofctl's. */
import {
  formatIpv4,
  formatIpv6,
  formatMac,
  parseIpv4,
  parseIpv6,
  parseMac,
  prefixLength,
  prefixMask,
} from '../lib/address.js';
import { getBig, lowBits, putBig } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import {
  CT_STATE_FLAGS,
  type FlagNames,
  formatFlags,
  formatFlagsMasked,
  parseFlags,
  TCP_FLAGS,
  TUNNEL_FLAGS,
} from '../lib/flags.js';
import type { FieldFormat, FieldRow } from './field.js';
import { formatOfPort, type PortLookup, parseOfPort } from './port-text.js';

/** Right-justified in the field; the mask has the bytes of the payload, so that all ones means exact. */
export interface FieldValue {
  readonly value: bigint;
  readonly mask: bigint;
}

export interface ValueContext {
  /** Names of ports, where they are known. */
  readonly ports?: PortLookup | undefined;
}

export interface FormatContext {
  readonly portNames?: ReadonlyMap<number, string> | undefined;
}

interface Format {
  parse(row: FieldRow, text: string, ctx: ValueContext): FieldValue;
  /** The mask is not all ones and not zero. */
  format(row: FieldRow, value: bigint, ctx: FormatContext): string;
  formatMasked(row: FieldRow, value: bigint, mask: bigint): string;
}

/** A number in decimal, hexadecimal (0x) or octal (0), with an optional sign; undefined when it is none. */
export function parseInteger(text: string): bigint | undefined {
  const m = /^\s*([+-]?)(0[xX][0-9a-fA-F]*|\d+)$/.exec(text);
  if (!m) return undefined;
  const digits = m[2];
  let v: bigint;
  if (digits[1] === 'x' || digits[1] === 'X') v = digits.length > 2 ? BigInt(digits) : 0n;
  else if (digits.length > 1 && digits[0] === '0') {
    if (/[89]/.test(digits)) return undefined;
    v = BigInt(`0o${digits}`);
  } else v = BigInt(digits);
  return m[1] === '-' ? -v : v;
}

function ones(row: FieldRow): bigint {
  return lowBits(row.bytes * 8);
}

const MAX_U64 = lowBits(64);

function integerPart(row: FieldRow, whole: string, part: string, what: 'value' | 'mask'): bigint {
  const v = parseInteger(part);
  if (v === undefined) throw new UserError(`${whole}: bad syntax for ${row.name} ${what}`);
  // As there, only hexadecimal goes beyond what a machine word holds.
  if (v < 0n && v >= -MAX_U64 && row.bytes >= 8) return BigInt.asUintN(64, v);
  if (v < 0n || v > ones(row) || (v > MAX_U64 && !/^\s*[+-]?0x/i.test(part)))
    throw new UserError(`${whole}: ${what} too large for ${row.bytes}-byte field ${row.name}`);
  return v;
}

const hex = (v: bigint): string => (v === 0n ? '0' : `0x${v.toString(16)}`);

function integer(text: (v: bigint) => string): Format {
  return {
    parse(row, s) {
      const slash = s.indexOf('/');
      if (slash < 0) return { value: integerPart(row, s, s, 'value'), mask: ones(row) };
      const value = integerPart(row, s, s.slice(0, slash), 'value');
      return { value, mask: integerPart(row, s, s.slice(slash + 1), 'mask') };
    },
    format: (_row, value) => text(value),
    formatMasked: (_row, value, mask) => `${text(value)}/${hex(mask)}`,
  };
}

function bytesOf(value: bigint, n: number): Uint8Array {
  const b = new Uint8Array(n);
  putBig(b, 0, n, value);
  return b;
}

interface AddressKind {
  readonly what: string;
  readonly bytes: number;
  readonly prefixWords?: string;
  parse(text: string): Uint8Array | undefined;
  format(b: Uint8Array): string;
}

function address(kind: AddressKind): Format {
  const fault = (s: string): UserError => new UserError(`${s}: invalid ${kind.what} address`);
  return {
    parse(row, s) {
      const slash = s.indexOf('/');
      const value = kind.parse(slash < 0 ? s : s.slice(0, slash));
      if (!value) throw fault(s);
      if (slash < 0) return { value: getBig(value, 0, kind.bytes), mask: ones(row) };
      const tail = s.slice(slash + 1);
      let mask: Uint8Array | undefined;
      if (kind.prefixWords && /^\d+$/.test(tail)) {
        const bits = kind.bytes * 8;
        if (Number(tail) > bits) {
          throw new UserError(`${s}: ${kind.prefixWords} network prefix bits not between 0 and ${bits}, inclusive`);
        }
        mask = prefixMask(Number(tail), kind.bytes);
      } else mask = kind.parse(tail);
      if (!mask) throw fault(s);
      return { value: getBig(value, 0, kind.bytes), mask: getBig(mask, 0, kind.bytes) };
    },
    format: (_row, value) => kind.format(bytesOf(value, kind.bytes)),
    formatMasked(_row, value, mask) {
      const m = bytesOf(mask, kind.bytes);
      const n = kind.prefixWords ? prefixLength(m) : -1;
      return `${kind.format(bytesOf(value, kind.bytes))}/${n >= 0 ? n : kind.format(m)}`;
    },
  };
}

function flags(names: FlagNames): Format {
  const all = 2 ** names.names.length - 1;
  return {
    parse(row, s) {
      const f = parseFlags(s, names);
      return { value: BigInt(f.value), mask: f.whole ? ones(row) : BigInt(f.mask) };
    },
    format: (_row, value) => formatFlags(Number(value), names),
    formatMasked: (_row, value, mask) => formatFlagsMasked(Number(value), Number(mask), all, names),
  };
}

/** Name, mask and value of the fragment words; the first of a name is what it means on input. */
const FRAGMENTS: readonly (readonly [string, number, number])[] = [
  ['no', 3, 0],
  ['first', 3, 1],
  ['later', 3, 3],
  ['no', 1, 0],
  ['yes', 1, 1],
  ['not_later', 2, 0],
  ['later', 2, 2],
];

function fragmentName(value: bigint, mask: bigint): string {
  return FRAGMENTS.find((f) => f[1] === Number(mask) && f[2] === Number(value & mask))?.[0] ?? '<error>';
}

const frag: Format = {
  parse(_row, s) {
    const f = FRAGMENTS.find(([name]) => name === s.toLowerCase());
    if (!f) {
      throw new UserError(`${s}: unknown fragment type (valid types are "no", "yes", "first", "later", "not_later"`);
    }
    return { value: BigInt(f[2]), mask: BigInt(f[1]) };
  },
  format: (_row, value) => fragmentName(value, 3n),
  formatMasked: (_row, value, mask) => fragmentName(value, mask),
};

const ofPort: Format = {
  parse(row, s, ctx) {
    const port = parseOfPort(s, ctx.ports);
    if (port === undefined) {
      const fault = row.bytes === 2 ? 'invalid or unknown port' : 'port value out of range';
      throw new UserError(`${s}: ${fault} for ${row.name}`);
    }
    return { value: BigInt(row.bytes === 2 ? port & 0xffff : port), mask: ones(row) };
  },
  format(row, value, ctx) {
    const v = Number(value);
    return formatOfPort(row.bytes === 2 && v >= 0xff00 ? (v | 0xffff0000) >>> 0 : v, ctx.portNames);
  },
  formatMasked: (_row, value, mask) => `${value}/${hex(mask)}`,
};

const packetType: Format = {
  parse(row, s) {
    const fault = (rest: string, what: string): UserError =>
      new UserError(`${rest}: bad syntax for packet type ${what}`);
    if (s[0] !== '(') throw fault(s, "missing '('");
    const rest = s.slice(1);
    const [first, second] = [rest, rest.slice(rest.indexOf(',') + 1)];
    const ns = parseInteger(/^\s*([^,)]*)/.exec(first)?.[1] ?? '');
    if (typeof ns !== 'bigint' || ns < 0n || ns > 0xffffn) throw fault(first, 'ns');
    if (!rest.includes(',')) throw fault(rest, "missing ','");
    const type = parseInteger(/^\s*([^,)]*)/.exec(second)?.[1] ?? '');
    if (typeof type !== 'bigint' || type < 0n || type > 0xffffn) throw fault(second, 'ns_type');
    if (!/^[^,)]*\)/.test(second)) throw fault(second, "missing ')'");
    return { value: (ns << 16n) | type, mask: ones(row) };
  },
  format(_row, value) {
    const type = value & 0xffffn;
    const ns = value >> 16n;
    return `(${ns},${type < 10n ? type : hex(type)})`;
  },
  formatMasked: (_row, value, mask) => `${hex(value)}/${hex(mask)}`,
};

const FORMATS: Readonly<Record<FieldFormat, Format>> = {
  decimal: integer(String),
  hexadecimal: integer(hex),
  ethernet: address({ what: 'Ethernet', bytes: 6, parse: parseMac, format: formatMac }),
  ipv4: address({ what: 'IP', bytes: 4, prefixWords: 'IPv4', parse: parseIpv4, format: formatIpv4 }),
  ipv6: address({ what: 'IPv6', bytes: 16, prefixWords: 'IPv6', parse: parseIpv6, format: formatIpv6 }),
  of_port: ofPort,
  frag,
  tcp_flags: flags(TCP_FLAGS),
  tun_flags: flags(TUNNEL_FLAGS),
  ct_state: flags(CT_STATE_FLAGS),
  packet_type: packetType,
};

/** Throws UserError when the text is no value, or has a mask where the field takes none. */
export function parseFieldValue(row: FieldRow, text: string, ctx: ValueContext = {}): FieldValue {
  if (text === '*') return { value: 0n, mask: 0n };
  const v = FORMATS[row.format].parse(row, text, ctx);
  if (row.maskable === 'no' && v.mask !== 0n && v.mask !== ones(row)) {
    throw new UserError(`${text}: invalid mask for field ${row.name}`, 'OFPBMC_BAD_MASK');
  }
  return v;
}

/** As set_field prints it; a mask of all the field's bits is not shown. */
export function formatFieldValue(
  row: FieldRow,
  value: bigint,
  mask: bigint = row.valid,
  ctx: FormatContext = {},
): string {
  const f = FORMATS[row.format];
  if ((mask & row.valid) === row.valid) return f.format(row, value, ctx);
  return mask === 0n ? 'ANY' : f.formatMasked(row, value, mask);
}
