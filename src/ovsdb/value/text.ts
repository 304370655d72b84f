/** Values as ovs-vsctl and ovsdb-client print them. */
import { ATOMS } from './atom.js';
import type { ColumnType, Datum } from './type.js';

/** E.g. `abc`, `[1, 2]`, `{a=b, "c d"="1"}`. One value of a column of one at most stands alone. */
export function datumText(d: Datum, type: ColumnType): string {
  const key = ATOMS[type.key.type].toText;
  const value = type.value && ATOMS[type.value.type].toText;
  const { values } = d;
  const parts = d.keys.map((k, i) => (value && values ? `${key(k)}=${value(values[i])}` : key(k)));
  if (type.max === 1 && d.size === 1) return parts[0];
  return type.isMap ? `{${parts.join(', ')}}` : `[${parts.join(', ')}]`;
}
