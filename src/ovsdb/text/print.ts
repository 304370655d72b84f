/** Datums as ovs-vsctl(8) and ovsdb-client(1) print them: with brackets and quotes, bare, or as JSON. */
import { formatJson } from '../json/json.js';
import { ATOMS, type Atom, type AtomicType } from '../value/atom.js';
import { datumToJson } from '../value/datum.js';
import { datumText } from '../value/text.js';
import type { ColumnType, Datum } from '../value/type.js';

export type CellStyle = 'string' | 'bare' | 'json';

function bareAtom(a: Atom, type: AtomicType): string {
  return type === 'string' ? String(a) : ATOMS[type].toText(a);
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
