/**
 * What the database wants of the switch: bridges, ports and interfaces joined, in no order (a set has none). A pure function of the replica. What is no more
 * reachable from the root, or belongs to two bridges, is left out; the latter is told.
 */
import type { BridgeRow, ConfigTables, InterfaceRow, PortRow } from './tables.js';

export interface WantedInterface {
  readonly row: InterfaceRow;
  readonly port: WantedPort;
  /** It is the bridge's own port. */
  readonly isLocal: boolean;
}

export interface WantedPort {
  readonly row: PortRow;
  readonly interfaces: readonly WantedInterface[];
}

export interface WantedBridge {
  readonly row: BridgeRow;
  readonly name: string;
  readonly ports: readonly WantedPort[];
}

export interface Wanted {
  readonly bridges: readonly WantedBridge[];
  /** Faults of the configuration as a whole, for the log. */
  readonly faults: readonly string[];
}

/** `datapathTypes`: those there are. */
export function wanted(t: ConfigTables, datapathTypes: readonly string[]): Wanted {
  const faults: string[] = [];
  const bridges: WantedBridge[] = [];
  const seen = new Map<string, string>();
  const root = t.root.rows.values().next().value;
  const rows = (root?.bridges ?? []).flatMap((id) => t.bridges.rows.get(id) ?? []);
  for (const row of rows) {
    if (row.name.includes('/') || row.name === '') {
      faults.push(`ignoring bridge with invalid name '${row.name}'`);
      continue;
    }
    if (row.datapath_type !== '' && !datapathTypes.includes(row.datapath_type)) {
      faults.push(`failed to create bridge ${row.name}: there is no datapath of type "${row.datapath_type}"`);
      continue;
    }
    const ports = row.ports.flatMap((id) => {
      const port = t.ports.rows.get(id);
      return port ? wantedPort(t, row.name, port, seen, faults) : [];
    });
    bridges.push({ row, name: row.name, ports });
  }
  return { bridges, faults };
}

function wantedPort(
  t: ConfigTables,
  bridge: string,
  row: PortRow,
  seen: Map<string, string>,
  faults: string[],
): WantedPort[] {
  const interfaces: WantedInterface[] = [];
  const port: WantedPort = { row, interfaces };
  for (const id of row.interfaces) {
    const iface = t.interfaces.rows.get(id);
    if (!iface) continue;
    const other = seen.get(iface.name);
    if (other !== undefined) {
      faults.push(`bridge ${bridge}: interface ${iface.name} is part of bridge ${other} already`);
      continue;
    }
    seen.set(iface.name, bridge);
    interfaces.push({ row: iface, port, isLocal: iface.name === bridge });
  }
  return interfaces.length > 0 ? [port] : [];
}
