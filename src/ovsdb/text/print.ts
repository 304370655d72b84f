/** Datums as ovs-vsctl(8) and ovsdb-client(1) print them: with brackets and quotes, bare, or as JSON. */
import { formatJson } from '../json/json.js';
import { ATOMS, type Atom, type AtomicType } from '../value/atom.js';
import { datumToJson } from '../value/datum.js';
import type { ColumnType, Datum } from '../value/type.js';

export type CellStyle = 'string' | 'bare' | 'json';

function bareAtom(a: Atom, type: AtomicType): string {
  return type === 'string' ? String(a) : ATOMS[type].toText(a);
}

/** "[a, b]", "{k=v}"; a column with at most one value has no brackets around it. */
export function datumText(d: Datum, type: ColumnType): string {
  const { key, value } = type;
  const one = (i: number): string =>
    value && d.values
      ? `${ATOMS[key.type].toText(d.keys[i])}=${ATOMS[value.type].toText(d.values[i])}`
      : ATOMS[key.type].toText(d.keys[i]);
  const all = d.keys.map((_, i) => one(i)).join(', ');
  if (type.isMap) return `{${all}}`;
  return type.max > 1 || d.size === 0 ? `[${all}]` : all;
}

/** Without brackets and quotes, with spaces between. */
export function datumBare(d: Datum, type: ColumnType): string {
  const { key, value } = type;
  return d.keys
    .map((k, i) =>
      value && d.values ? `${bareAtom(k, key.type)}=${bareAtom(d.values[i], value.type)}` : bareAtom(k, key.type),
    )
    .join(' ');
}

export function cellText(d: Datum, type: ColumnType, style: CellStyle): string {
  if (style === 'json') return formatJson(datumToJson(d, type));
  return style === 'bare' ? datumBare(d, type) : datumText(d, type);
}
