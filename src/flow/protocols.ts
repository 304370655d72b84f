/**
 * In which wire forms a flow can be said. OpenFlow 1.0 and 1.1 have matches of fixed form, Nicira's extension of 1.0 and all later versions a list
 * of fields; each narrows what may be sent, and ovs-ofctl tells which are left. One bit a form, in the order in which they are tried.
 */
import type { FieldRow } from './field.js';

const STD = 1;
const STD_TID = 2;
const NXM = 4;
const NXM_TID = 8;
const OF11 = 1 << 4;
const OF12 = 1 << 5;
const OF13 = 1 << 6;
const OF14 = 1 << 7;
const OF15 = 1 << 8;
const ANY_OXM = OF12 | OF13 | OF14 | OF15;
const ANY_NXM = NXM | NXM_TID;
const ANY_STD = STD | STD_TID;

export const PROTOCOLS_OF = {
  any: ANY_STD | ANY_NXM | OF11 | ANY_OXM,
  of10: ANY_STD | ANY_NXM,
  nxm: ANY_NXM,
  /** Forms of 1.0 whose flow_mods name a table, and all later ones. */
  tableIds: STD_TID | NXM_TID | OF11 | ANY_OXM,
  from11: OF11 | ANY_OXM,
  from12: ANY_OXM,
  from13: OF13 | OF14 | OF15,
  /** Of each way to write a match, the plainest. */
  listing: STD | NXM | OF11 | ANY_OXM,
  nxmOr11: ANY_NXM | OF11 | ANY_OXM,
  nxmOr12: ANY_NXM | ANY_OXM,
} as const;

/** By bit. */
const NAMES = [
  'OpenFlow10-table_id',
  'OpenFlow10+table_id',
  'NXM-table_id',
  'NXM+table_id',
  'OpenFlow11',
  'OXM-OpenFlow12',
  'OXM-OpenFlow13',
  'OXM-OpenFlow14',
  'OXM-OpenFlow15',
];
const GROUPS: readonly (readonly [name: string, bits: number])[] = [
  ['any', PROTOCOLS_OF.any],
  ['OpenFlow10', ANY_STD],
  ['NXM', ANY_NXM],
  ['OXM', ANY_OXM],
];

/** What is being read may narrow it. */
export interface Usable {
  protocols: number;
}

/** "NXM,OXM,OpenFlow11"; "none" for none. */
export function formatProtocols(protocols: number): string {
  if (protocols === 0) return 'none';
  let left = protocols;
  const names: string[] = [];
  for (const [name, bits] of GROUPS) {
    if ((left & bits) !== bits) continue;
    names.push(name);
    left &= ~bits;
  }
  NAMES.forEach((name, bit) => {
    if (left & (1 << bit)) names.push(name);
  });
  return names.join(',');
}

/** Of "any", "NXM,OXM+..." as -F takes them; undefined for a word that is none. */
export function parseProtocols(text: string): number | undefined {
  let protocols = 0;
  for (const word of text.split(/[ ,]+/).filter(Boolean)) {
    const lower = word.toLowerCase();
    const group = GROUPS.find(([name]) => name.toLowerCase() === lower);
    const bit = NAMES.findIndex((name) => name.toLowerCase() === lower);
    if (!group && bit < 0) return undefined;
    protocols |= group ? group[1] : 1 << bit;
  }
  return protocols;
}

/** The form that is tried first. */
export function firstProtocol(protocols: number): number {
  return protocols & -protocols;
}

/** Forms of the OpenFlow wire versions in a bitmap (bit 1 is 1.0). */
export function protocolsOfVersions(versions: number): number {
  return (versions & 2 ? PROTOCOLS_OF.of10 : 0) | ((versions >> 2) << 4);
}

/** Wire version of one form. */
export function versionOfProtocol(protocol: number): number {
  return protocol & PROTOCOLS_OF.of10 ? 1 : 31 - Math.clz32(protocol) - 2;
}

/** How much of a field a match fixes. */
export type MaskKind = 'exact' | 'prefix' | 'bits';

/** Forms that can say a condition on a field. None for a mask on a field that takes none. */
export function fieldProtocols(row: FieldRow, kind: MaskKind): number {
  if (row.ids.length === 0 && row.fixed === undefined) return 0;
  if (kind !== 'exact' && row.maskable === 'no') return 0;
  const since = row.fixed?.[kind === 'exact' ? 0 : kind === 'prefix' ? 1 : 2];
  if (since === undefined) return PROTOCOLS_OF.nxmOr12;
  return since === 10 ? PROTOCOLS_OF.any : PROTOCOLS_OF.nxmOr11;
}
