/** Mirror rows: which ports and VLANs are copied, and where to. */
import type { MirrorSpec } from '../../bridge/mirror.js';
import { MAX_MIRRORS } from '../../bridge/mirror.js';
import type { MirrorRow } from './tables.js';

/** Numbers of the ports that a Port record stands for; none where the port could not be made, undefined where it is not of this bridge. */
export type PortNumbers = (portRow: string) => readonly number[] | undefined;

/** Undefined, after a word about it, where the row says no destination, or one that is not there. */
export function mirrorSpec(
  row: MirrorRow,
  numbers: PortNumbers,
  fault: (text: string) => void,
): MirrorSpec | undefined {
  const output = destination(row, numbers, fault);
  if (!output) return undefined;
  const ports = (ids: readonly string[]): ReadonlySet<number> | 'all' => {
    if (row.select_all) return 'all';
    const found = ids.map((id) => numbers(id));
    if (found.includes(undefined)) fault(`mirror ${row.name} selects a port that is not of this bridge`);
    return new Set(found.flatMap((n) => n ?? []));
  };
  return {
    name: row.name,
    from: ports(row.select_src_port),
    to: ports(row.select_dst_port),
    vlans: row.select_vlan.length > 0 ? new Set(row.select_vlan) : undefined,
    output,
    snaplen: row.snaplen ?? 0,
  };
}

function destination(
  row: MirrorRow,
  numbers: PortNumbers,
  fault: (text: string) => void,
): MirrorSpec['output'] | undefined {
  if (row.output_port !== undefined) {
    if (row.output_vlan !== undefined)
      fault(`mirror ${row.name} specifies both output port and output vlan; ignoring output vlan`);
    const [port] = numbers(row.output_port) ?? [];
    if (port !== undefined) return { kind: 'port', port };
    fault(`mirror ${row.name} outputs to a port that is not of this bridge`);
    return undefined;
  }
  if (row.output_vlan !== undefined) return { kind: 'vlan', vlan: row.output_vlan };
  fault(`mirror ${row.name} does not specify output; ignoring`);
  return undefined;
}

export function mirrorSpecs(rows: readonly MirrorRow[], numbers: PortNumbers, fault: (text: string) => void) {
  const sorted = [...rows].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a._uuid < b._uuid ? -1 : 1));
  if (sorted.length > MAX_MIRRORS) fault(`only the first ${MAX_MIRRORS} mirrors are made`);
  return sorted.flatMap((row) => {
    const spec = mirrorSpec(row, numbers, fault);
    return spec ? [{ row, spec }] : [];
  });
}
