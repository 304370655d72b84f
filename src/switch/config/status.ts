/**
 * What is written back to the database: rows of values as they should be, of which only those that differ from what was written before go out. The
 * replica does not hold them (the server would tell us our own words), so what was written is remembered here, for as long as the connection lasts.
 */

import type { OfPortStats } from '../../bridge/of-bridge.js';
import type { BridgePort } from '../../bridge/port.js';
import type { PortPaths } from '../../datapath/driver/native-driver.js';
import type { DeviceLink } from '../../datapath/native.js';
import { OFPP } from '../../flow/field.js';
import { formatMac } from '../../lib/address.js';
import type { Column, Table, ValuesOf } from '../../ovsdb/client/column.js';
import type { Transaction } from '../../ovsdb/client/transaction.js';
import type { Json } from '../../ovsdb/json/json.js';
import type { DeviceErrors } from '../device-counters.js';
import type { LinkStatus } from '../links.js';
import type { Made } from './apply.js';
import { openError } from './ports.js';
import type { INTERFACE } from './tables.js';

export class Writer {
  /** By row, then column: the JSON text of what it has. */
  private readonly written = new Map<string, Map<string, string>>();

  /** Nothing is known any more: another connection, or a transaction that failed. */
  forget(): void {
    this.written.clear();
  }

  /** Keeps only what is said of rows that there are. */
  retain(tables: readonly ReadonlyMap<string, unknown>[]): void {
    for (const id of this.written.keys()) if (!tables.some((rows) => rows.has(id))) this.written.delete(id);
  }

  put<C>(tx: Transaction, table: Table<C>, id: string, values: Partial<ValuesOf<C>>): void {
    const columns = table.columns as Readonly<Record<string, Column<Json>>>;
    let row = this.written.get(id);
    if (!row) {
      row = new Map();
      this.written.set(id, row);
    }
    const fresh: Record<string, unknown> = {};
    let any = false;
    for (const [name, value] of Object.entries(values)) {
      const json = JSON.stringify(columns[name].encode(value as Json));
      if (row.get(name) === json) continue;
      row.set(name, json);
      fresh[name] = value;
      any = true;
    }
    if (any) tx.update(table, id, fresh as Partial<ValuesOf<C>>);
  }
}

type InterfaceValues = Partial<ValuesOf<(typeof INTERFACE)['columns']>>;

const NOTHING: InterfaceValues = {
  ofport: -1,
  mac_in_use: undefined,
  ifindex: undefined,
  mtu: undefined,
  admin_state: undefined,
  link_state: undefined,
  link_resets: undefined,
  link_speed: undefined,
  duplex: undefined,
  status: new Map(),
  statistics: new Map(),
};

/** OFPP_LOCAL of OpenFlow 1.0, which is what the database has. */
const LOCAL = 0xfffe;

/** A device that went away: the port waits for it under its number. */
const GONE = 'No such device';

function noPeer({ row, bridge }: Made): string {
  const peer = row.options.get('peer') ?? '';
  return `No usable peer '${peer}' exists in '${bridge.wanted.row.datapath_type || 'system'}' datapath.`;
}

function driverStatus(word: DeviceLink | undefined): (readonly [string, string])[] {
  if (!word?.driver) return [];
  return [
    ['driver_name', word.driver],
    ['driver_version', word.version],
    ['firmware_version', word.firmware],
  ];
}

/** By which device a tunnel's packets leave. */
export type Egress = { readonly device: string; readonly up: boolean; readonly byHost: boolean } | undefined;

function egressStatus(e: Egress): (readonly [string, string])[] {
  if (!e) return [];
  const words: [string, string][] = [
    ['tunnel_egress_iface', e.device],
    ['tunnel_egress_iface_carrier', e.up ? 'up' : 'down'],
  ];
  // No bridge has the device: our word for it, Open vSwitch has no such way.
  return e.byHost ? [...words, ['tunnel_underlay', 'host']] : words;
}

/** Types whose status says in which way frames come and go, and by which word. Open vSwitch has that of AF_XDP. */
export const STATUS_OF_MODE: ReadonlyMap<string, string> = new Map([
  ['afxdp', 'xdp-mode'],
  ['tap', 'tap-mode'],
  ['internal', 'tap-mode'],
]);

function modeStatus(type: string, paths: PortPaths | undefined): (readonly [string, string])[] {
  const word = STATUS_OF_MODE.get(type);
  if (!word || !paths?.mode) return [];
  // The reason is our word: Open vSwitch writes it to its log.
  const mode = [word, paths.mode] as const;
  return paths.shortfall ? [mode, [`${word}-reason`, paths.shortfall]] : [mode];
}

/** Changes whenever interfaceStatus does. */
export function gist(m: Made, link: LinkStatus | undefined, egress: Egress, paths?: PortPaths): string {
  const peer = m.type === 'patch' && m.port?.patch !== undefined;
  const own = `${m.row._uuid} ${m.port?.number} ${m.error} ${peer} ${m.row.mtu_request} ${m.row.options.get('peer')} ${m.port?.hwAddr} ${egress?.device} ${egress?.up} ${egress?.byHost} ${paths?.mode}`;
  if (!link) return own;
  return `${own} ${link.ifindex} ${link.mtu} ${link.up} ${link.adminUp} ${link.mac} ${link.resets} ${link.gone} ${link.word?.speed} ${link.word?.duplex} ${link.word?.driver}`;
}

/** All that an Interface row says of the port, but its counters. */
export function interfaceStatus(
  m: Made,
  link: LinkStatus | undefined,
  egress: Egress,
  paths?: PortPaths,
): InterfaceValues {
  const { port } = m;
  if (!port) return { ...NOTHING, error: m.error };
  return {
    ofport: port.number === OFPP.local ? LOCAL : port.number,
    error: m.type === 'patch' && !port.patch ? noPeer(m) : link?.gone ? openError(m.row.name, GONE) : m.error,
    mac_in_use: formatMac(link?.mac ?? port.hwAddr),
    ifindex: link?.ifindex ?? 0,
    mtu: m.type === 'patch' || port.tunnel ? undefined : link ? link.mtu || undefined : (m.row.mtu_request ?? 1500),
    admin_state: (link?.adminUp ?? true) ? 'up' : 'down',
    link_state: (link?.up ?? true) ? 'up' : 'down',
    link_resets: link?.resets ?? 0,
    link_speed: link?.word?.speed ? link.word.speed * 1_000_000 : undefined,
    duplex: link?.word?.speed ? link.word.duplex || undefined : undefined,
    status: new Map([...driverStatus(link?.word), ...egressStatus(egress), ...modeStatus(m.type, paths)]),
  };
}

/** A dummy has one queue each way that carries everything, and counters that mean nothing else. */
function dummyStatistics(s: OfPortStats): ReadonlyMap<string, number> {
  const named = (prefix: string): [string, number][] => [
    [`rx_${prefix}packets`, s.rxPackets],
    [`rx_${prefix}bytes`, s.rxBytes],
    [`tx_${prefix}packets`, s.txPackets],
    [`tx_${prefix}bytes`, s.txBytes],
  ];
  const custom = [1, 2].map((n): [string, number] => [`rx_custom_packets_${n}`, s.rxPackets]);
  return new Map([...named(''), ...named('q0_'), ...custom]);
}

/** `errors`: of the device behind the port, where there is one. */
export function interfaceStatistics(
  port: BridgePort,
  isDummy: boolean,
  errors?: DeviceErrors,
): ReadonlyMap<string, number> {
  const s = port.stats();
  if (isDummy) return dummyStatistics(s);
  return new Map([
    ['rx_packets', s.rxPackets],
    ['tx_packets', s.txPackets],
    ['rx_bytes', s.rxBytes],
    ['tx_bytes', s.txBytes],
    ...(s.rxDropped < 0
      ? []
      : ([
          ['rx_dropped', s.rxDropped],
          ['tx_dropped', s.txDropped],
          ['rx_errors', s.rxErrors],
          ['tx_errors', s.txErrors],
        ] as const)),
    ...(errors
      ? ([
          ['collisions', errors.collisions],
          ['rx_crc_err', errors.crc],
          ['rx_frame_err', errors.frame],
          ['rx_missed_errors', errors.missed],
          ['rx_multicast_packets', errors.multicast],
          ['rx_over_err', errors.over],
        ] as const)
      : []),
  ]);
}
