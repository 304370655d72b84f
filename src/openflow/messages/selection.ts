/** How a select group chooses its bucket: a property of groups by the experimenter Netronome, which OVS understands. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { FieldRow } from '../../flow/field.js';
import { FIELDS } from '../../flow/fields.js';
import { decodeOxmHeader, encodeOxmHeader } from '../../flow/oxm.js';
import { getBig, putBig } from '../../lib/bytes.js';
import { ofError } from '../errors.js';
import type { WireSelection } from './group.js';
import { EXPERIMENTER, readProperties, unknownProperty, writeProperty } from './property.js';

/** The second is what was used before Netronome had a number. */
const NETRONOME = [0x0000154d, 0x00001540] as const;
const SELECTION_METHOD = 1;
const METHOD_BYTES = 16;

/** Families of fields in OVS's order, which differs from that of the table; fields of a family are in the table's. */
const FAMILIES = [
  /^(dp_hash|recirc_id|packet_type|conj_id)$/,
  /^tun_(id|src|dst|ipv6_src|ipv6_dst|flags|gbp_id|gbp_flags|erspan_idx)$/,
  /^tun_/,
  /^(metadata|in_port|in_port_oxm|actset_output|skb_priority|pkt_mark)$/,
  /^ct_/,
  /^x*reg\d+$/,
  /^(?!nsh_ttl)/,
  /^nsh_ttl$/,
];
const rankOf = (row: FieldRow): number =>
  FAMILIES.findIndex((f) => f.test(row.name)) * FIELDS.length + FIELDS.indexOf(row);
const RANKS: ReadonlyMap<FieldRow, number> = new Map(FIELDS.map((f) => [f, rankOf(f)]));

/** In the order in which they stand on the wire, whatever order they were named in. */
export function inOrder<T extends { readonly field: FieldRow }>(fields: readonly T[]): T[] {
  const rank = (f: T) => RANKS.get(f.field) ?? 0;
  return [...fields].sort((a, b) => rank(a) - rank(b));
}

/** OXM entries whose values are masks. */
function readFields(r: WireReader): WireSelection['fields'] {
  const b = r.bytes(r.remaining);
  const out: { field: FieldRow; mask: bigint }[] = [];
  for (let at = 0; at < b.length; ) {
    const e = decodeOxmHeader(b, at);
    if (e.masked) throw ofError('OFPBMC_BAD_MASK');
    const mask = getBig(b, e.at, e.bytes);
    if (out.some((f) => f.field === e.row)) throw ofError('OFPBMC_DUP_FIELD');
    if (mask === 0n) throw ofError('OFPBMC_BAD_MASK');
    out.push({ field: e.row, mask });
    at = e.next;
  }
  return inOrder(out);
}

function readMethod(r: WireReader): WireSelection {
  if (r.remaining < 4 + METHOD_BYTES + 8) throw ofError('OFPBPC_BAD_LEN');
  r.skip(4);
  const name = r.bytes(METHOD_BYTES);
  const end = name.indexOf(0);
  const method = Buffer.from(name.subarray(0, Math.max(0, end))).toString('latin1');
  if (end < 0 || (method !== 'hash' && method !== 'dp_hash')) throw ofError('OFPBPC_BAD_VALUE');
  const param = r.u64();
  if (r.remaining > 0 && method !== 'hash') throw ofError('OFPBPC_BAD_VALUE');
  return { method, param, fields: readFields(r) };
}

/** All that is left in `r` are properties. `allowed`: it is of a select group that is made or changed as a whole. */
export function readSelection(r: WireReader, allowed: boolean): WireSelection {
  let found: WireSelection = { method: '', param: 0n, fields: [] };
  readProperties(r, (type, body) => {
    if (type !== EXPERIMENTER || body.remaining < 8) throw unknownProperty(type, body);
    const vendor = body.u32();
    if (!NETRONOME.some((n) => n === vendor) || body.u32() !== SELECTION_METHOD) throw ofError('OFPBPC_BAD_EXP_TYPE');
    if (!allowed) throw ofError('OFPBPC_BAD_VALUE');
    found = readMethod(body);
  });
  return found;
}

export function writeSelection(w: WireWriter, s: WireSelection): void {
  writeProperty(w, EXPERIMENTER, () => {
    w.u32(NETRONOME[0]);
    w.u32(SELECTION_METHOD);
    w.zeros(4);
    const name = Buffer.from(s.method, 'latin1').subarray(0, METHOD_BYTES - 1);
    w.bytes(name);
    w.zeros(METHOD_BYTES - name.length);
    w.u64(s.param);
    for (const { field, mask } of inOrder(s.fields)) {
      const value = new Uint8Array(field.bytes);
      putBig(value, 0, field.bytes, mask);
      w.bytes(encodeOxmHeader(field, w.version === 1 ? 0 : w.version, false));
      w.bytes(value);
    }
  });
}
