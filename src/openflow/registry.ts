/** All messages: the families joined, found by kind or by what stands in a header. */
import { VENDOR } from './errors.js';
import { basicRows } from './messages/basic.js';
import { bundleRows } from './messages/bundle.js';
import { controllerRows } from './messages/controller.js';
import { ctFlushRows } from './messages/ct-flush.js';
import { flowModRows } from './messages/flow-mod.js';
import { flowStatsRows } from './messages/flow-stats.js';
import { groupRows } from './messages/group.js';
import { ipfixRows } from './messages/ipfix.js';
import { meterRows } from './messages/meter.js';
import { monitorRows } from './messages/monitor.js';
import { packetRows } from './messages/packet.js';
import { portRows } from './messages/port.js';
import { queueRows } from './messages/queue.js';
import { tableRows } from './messages/table.js';
import { tlvRows } from './messages/tlv.js';

export const ROWS = [
  ...basicRows,
  ...bundleRows,
  ...controllerRows,
  ...ctFlushRows,
  ...ipfixRows,
  ...flowModRows,
  ...flowStatsRows,
  ...groupRows,
  ...meterRows,
  ...monitorRows,
  ...packetRows,
  ...portRows,
  ...queueRows,
  ...tableRows,
  ...tlvRows,
] as const;

export type AnyRow = (typeof ROWS)[number];
export type Kind = AnyRow['kind'];
/** The value of a kind of message. */
export type ValueOfKind<K extends Kind> =
  Extract<AnyRow, { readonly kind: K }> extends { body: { read(r: never): infer T } } ? T : never;

const byKind = new Map<string, AnyRow[]>();
for (const row of ROWS) byKind.set(row.kind, [...(byKind.get(row.kind) ?? []), row]);

/** The row of a kind in a version; where there are several wire forms, the first, or the one of that name. */
export function rowOf(kind: Kind, version: number, name?: string): AnyRow | undefined {
  for (const row of byKind.get(kind) ?? []) {
    if (version >= row.versions[0] && version <= row.versions[1] && (name === undefined || row.name === name))
      return row;
  }
  return undefined;
}

/** What of a header tells messages apart. `stat`, `vendor` and `subtype` are undefined where the message has none. */
export interface Place {
  readonly version: number;
  readonly type: number;
  readonly stat?: number;
  readonly vendor?: number;
  readonly subtype?: number;
}

const keyOf = (p: Place) => `${p.version}/${p.type}/${p.stat ?? ''}/${p.vendor ?? ''}/${p.subtype ?? ''}`;

const byPlace = new Map<string, AnyRow>();
for (const row of ROWS) {
  for (let version = row.versions[0]; version <= row.versions[1]; version++) {
    const key = keyOf({ version, type: row.type(version), stat: row.stat, vendor: row.vendor, subtype: row.subtype });
    if (byPlace.has(key)) throw new Error(`weft bug: ${row.name} and ${byPlace.get(key)?.name} share ${key}`);
    byPlace.set(key, row);
  }
}

/** Those that their version and type number alone name: most messages, found without a text for the place. */
const plain: (AnyRow | undefined)[] = [];
for (const row of ROWS) {
  if (row.stat !== undefined || row.vendor !== undefined) continue;
  for (let version = row.versions[0]; version <= row.versions[1]; version++)
    plain[plainKey(version, row.type(version))] = row;
}

function plainKey(version: number, type: number): number {
  return version * 256 + type;
}

export function plainRowAt(version: number, type: number): AnyRow | undefined {
  return plain[plainKey(version, type)];
}

export function rowAt(place: Place): AnyRow | undefined {
  return byPlace.get(keyOf(place));
}

const vendors: ReadonlySet<number> = new Set(Object.values(VENDOR));

export function vendorKnown(vendor: number): boolean {
  return vendors.has(vendor);
}
