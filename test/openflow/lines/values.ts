/** Texts of field values, in every form that ovs-fields(7) allows, and now and then in one that it does not. */
import type { FieldRow } from '../../../src/flow/field.js';
import type { Random } from '../../../src/lib/random.js';

export function randomBits(r: Random, bits: number): bigint {
  let v = 0n;
  for (let n = 0; n < bits; n += 32) v = (v << 32n) | BigInt(r.u32());
  v &= (1n << BigInt(bits)) - 1n;
  // Small numbers, zero and all ones are where texts differ.
  if (r.chance(0.3)) return v & 0xfn;
  if (r.chance(0.05)) return 0n;
  return r.chance(0.05) ? (1n << BigInt(bits)) - 1n : v;
}

export function number(r: Random, v: bigint): string {
  return r.chance(0.5) ? `0x${v.toString(16)}` : v.toString();
}

/** One in many is too large or no number. */
function anyNumber(r: Random, bits: number): string {
  if (r.chance(0.005)) return r.pick(['', 'x', '-1', '0x', '1x', '08', '010', ' 1', '1/', '0X1F']);
  return number(r, randomBits(r, r.chance(0.01) ? bits + 1 : bits));
}

function prefixMask(r: Random, bits: number): bigint {
  const n = r.between(1, bits);
  return ((1n << BigInt(n)) - 1n) << BigInt(bits - n);
}

export function ipv4(v: bigint): string {
  return [24n, 16n, 8n, 0n].map((s) => (v >> s) & 0xffn).join('.');
}

export function mac(v: bigint): string {
  return (v.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

export function ipv6(r: Random, v: bigint): string {
  let words = (v.toString(16).padStart(32, '0').match(/.{4}/g) ?? []).map((w) => BigInt(`0x${w}`).toString(16));
  // Runs of zeros make the short forms.
  if (r.chance(0.6)) {
    const from = r.below(8);
    const to = r.between(from, 8);
    words = words.map((w, i) => (i >= from && i < to ? '0' : w));
  }
  if (r.chance(0.1)) return `::ffff:${ipv4(v & 0xffffffffn)}`;
  const text = words.join(':');
  return r.chance(0.4) ? text.replace(/(^|:)0(:0)+(:|$)/, '::') : text;
}

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  tcp_flags: ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[9]', '[10]', '[11]'],
  ct_state: ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'],
  tun_flags: ['oam'],
};

function flags(r: Random, row: FieldRow): string {
  const names = FLAGS[row.format] ?? [];
  if (r.chance(0.3)) {
    const v = number(r, randomBits(r, row.bits));
    return r.chance(0.5) ? v : `${v}/${number(r, randomBits(r, row.bits))}`;
  }
  if (r.chance(0.02)) return r.pick(['', '+', '-', 'foo', '+foo', '+syn+syn', 'syn', '0']);
  const chosen = names.filter(() => r.chance(0.3));
  if (r.chance(0.2)) return chosen.join('|');
  return chosen.map((n) => `${r.pick(['+', '-'])}${n}`).join('');
}

/** Ports by number and by word; every word of ovs-actions(7). */
export const PORT_WORDS = ['IN_PORT', 'TABLE', 'NORMAL', 'FLOOD', 'ALL', 'CONTROLLER', 'LOCAL', 'ANY', 'NONE', 'UNSET'];
export function port(r: Random): string {
  if (r.chance(0.15)) {
    const word = r.pick(PORT_WORDS);
    return r.chance(0.2) ? word.toLowerCase() : word;
  }
  if (r.chance(0.03))
    return r.pick(['65280', '65279', '65533', '65535', '0xffffff00', '0xfffffffe', 'p1', '70000', '0', '"p1"']);
  return r.chance(0.7) ? String(r.between(1, 9)) : String(r.between(1, 65000));
}

const FRAGS = ['no', 'yes', 'first', 'later', 'not_later'];

function masked(r: Random, row: FieldRow, text: (v: bigint) => string): string {
  const value = randomBits(r, row.bits);
  if (r.chance(0.01)) return r.pick(['*', '', 'x', text(value).slice(1), `${text(value)}z`]);
  if (!r.chance(row.maskable === 'no' ? 0.01 : 0.5)) return text(value);
  const mask = r.chance(0.5) ? prefixMask(r, row.bits) : randomBits(r, row.bits);
  return `${text(value)}/${text(mask)}`;
}

function address(r: Random, row: FieldRow, text: (v: bigint) => string): string {
  return r.chance(0.3)
    ? `${text(randomBits(r, row.bits))}/${r.between(0, row.bits + (r.chance(0.02) ? 1 : 0))}`
    : masked(r, row, text);
}

/** Masks of these are whole bytes to a sender, whatever the field's bits. */
function hexadecimal(r: Random, row: FieldRow): string {
  const bits = row.tunMetadata === undefined ? row.bits : 8 * r.between(1, r.chance(0.2) ? 124 : 8);
  const v = anyNumber(r, bits);
  if (!r.chance(row.maskable === 'no' ? 0.01 : 0.5)) return v;
  return `${v}/${r.chance(0.3) ? number(r, prefixMask(r, bits)) : anyNumber(r, bits)}`;
}

export function valueText(r: Random, row: FieldRow): string {
  switch (row.format) {
    case 'ethernet':
      return masked(r, row, mac);
    case 'ipv4':
      return address(r, row, ipv4);
    case 'ipv6':
      return address(r, row, (v) => ipv6(r, v));
    case 'of_port':
      return port(r);
    case 'frag':
      return r.chance(0.95) ? r.pick(FRAGS) : r.pick(['0', '1/1', 'maybe', '', 'YES']);
    case 'tcp_flags':
    case 'tun_flags':
    case 'ct_state':
      return flags(r, row);
    case 'packet_type':
      return r.chance(0.95)
        ? `(${r.pick(['0,0', '1,0x800', '1,0x86dd', '1,0x894f', '1,0x8847', '1,2048', '1,0x1234'])})`
        : r.pick(['0', '(1)', '(1,0x10000)', '0x10800']);
    default:
      // Any other value is refused, before or after other faults of the line.
      if (row.name === 'nsh_mdtype') return r.pick(['1', '2', '0x1']);
      if (row.name === 'nsh_ttl') return number(r, randomBits(r, 6));
      return hexadecimal(r, row);
  }
}

/** Names a field goes by: most often the usual one. */
export function fieldName(r: Random, row: FieldRow): string {
  const aliases = [row.name, ...row.aliases].filter((n) => !n.startsWith('gtpu_'));
  if (r.chance(0.08) && row.ids.length > 0) return r.pick(row.ids).name;
  return r.pick(aliases);
}
