/** What a controller is told of a packet beside its bytes: where it came from, registers, metadata, marks, the tunnel. */

import type { FieldRow } from '../../flow/field.js';
import { FIELDS, field, readField, writeField } from '../../flow/fields.js';
import { Match } from '../../flow/match.js';
import { setField } from '../../flow/set.js';
import type { TunTable } from '../../flow/tun-table.js';
import { K } from '../../packet/key.js';

const IN_PORT = field('in_port_oxm');
/** Fields that are not of the packet's own headers; views of registers would say them twice. */
const TOLD: readonly FieldRow[] = FIELDS.filter((f) =>
  /^(tun_(id|src|dst|ipv6_src|ipv6_dst|gbp_id|gbp_flags)|metadata|pkt_mark|reg\d+|ct_(state|zone|mark|label))$/.test(
    f.name,
  ),
);

/** OpenFlow port that the packet came from. */
export function arrivalOf(key: Uint8Array): number {
  return Number(readField(key, IN_PORT));
}

/** Those that the packet has, and the map names. */
function addOptions(m: Match, key: Uint8Array, tun: TunTable): void {
  m.tun = tun;
  for (const row of tun.entries()) {
    const index = row.tunMetadata ?? 0;
    if (key[K.tunMdPresent.offset + 7 - (index >> 3)] & (1 << (index & 7))) setField(m, row, readField(key, row));
  }
}

export function metadataOf(key: Uint8Array, tun: TunTable): Match {
  const m = new Match();
  if (tun.size > 0) addOptions(m, key, tun);
  writeField(m.value, IN_PORT, readField(key, IN_PORT));
  writeField(m.mask, IN_PORT, IN_PORT.valid);
  for (const f of TOLD) {
    const value = readField(key, f);
    if (value === 0n) continue;
    writeField(m.value, f, value);
    writeField(m.mask, f, f.valid);
  }
  return m;
}
