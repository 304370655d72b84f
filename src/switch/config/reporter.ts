/**
 * What happens in the switch, written to the database: numbers and errors of ports, their links and counters, controllers, mirrors, ourselves. One
 * transaction at a time holds all that is new; `cur_cfg`, for which ovs-vsctl waits, is part of the one that tells what came of the configuration.
 */
import type { Bridge } from '../../bridge/bridge.js';
import type { Mirror } from '../../bridge/mirror.js';
import type { Database } from '../../ovsdb/client/database.js';
import { Transaction } from '../../ovsdb/client/transaction.js';
import { vportTypes } from '../../vport/kinds.js';
import { readDeviceErrors } from '../device-counters.js';
import type { Applier, Made, MadeBridge } from './apply.js';
import type { Bonds } from './bonds.js';
import type { Configured } from './configurator.js';
import { controllerStatus } from './controllers.js';
import { datapathTypes } from './ports.js';
import { gist, interfaceStatistics, interfaceStatus, STATUS_OF_MODE, Writer } from './status.js';
import {
  BRIDGE,
  CONTROLLER,
  type ConfigTables,
  INTERFACE,
  MIRROR,
  OPEN_VSWITCH,
  type OpenVswitch,
  PORT,
} from './tables.js';

export interface About {
  readonly ovsVersion: string;
  readonly systemType: string;
  readonly systemVersion: string;
}

const DATAPATH_VERSION = '<built-in>';
/** Least time between two looks at counters, as in OVS. */
const STATISTICS_MS = 5000;

export interface ReporterDeps {
  readonly plant: Configured;
  readonly tables: ConfigTables;
  readonly applier: Applier;
  readonly database: Database;
  readonly about: About;
  readonly bonds: Bonds;
  /** By Mirror record. */
  readonly mirrors: ReadonlyMap<string, Mirror>;
  log(text: string): void;
}

export class Reporter {
  private readonly writer = new Writer();
  private statisticsAt = Number.NEGATIVE_INFINITY;
  /** Ports whose counters were told at least once. */
  private readonly counted = new WeakSet<Made>();
  private readonly controllerStates = new Map<string, string>();
  private toldLinks = -1;
  /** What was told last of each interface: of a thousand, one has news. */
  private told = new WeakMap<Made, string>();
  /** Why the database did not take what was written, said once. */
  private refusal = '';

  constructor(private readonly deps: ReporterDeps) {}

  /** Another connection: what the database has is not known any more. */
  forget(): void {
    this.writer.forget();
    this.told = new WeakMap();
  }

  /** `cfg`: the configuration that was applied last; `applied`: just now. */
  async write(root: OpenVswitch, cfg: number, applied: boolean): Promise<void> {
    const { writer } = this;
    const { plant, tables, applier, database } = this.deps;
    const tx = new Transaction();
    const now = plant.clock.now();
    const interval = Number(root.other_config.get('stats-update-interval') ?? STATISTICS_MS);
    const withStatistics = now - this.statisticsAt >= Math.max(STATISTICS_MS, interval || 0);
    if (withStatistics) this.statisticsAt = now;
    if (applied) {
      writer.retain(Object.values(tables).map((t) => t.rows));
      for (const id of this.controllerStates.keys()) {
        if (!tables.controllers.rows.has(id)) this.controllerStates.delete(id);
      }
    }
    const links = plant.linkChanges + plant.core.underlay.changes;
    const isNews = applied || withStatistics || this.toldLinks !== links;
    this.toldLinks = links;
    if (isNews) this.writeInterfaces(tx, withStatistics);
    for (const b of applier.bridges.values()) {
      writer.put(tx, BRIDGE, b.wanted.row._uuid, bridgeStatus(b.bridge));
      this.writeControllers(tx, b, withStatistics);
      if (withStatistics) this.writeMirrors(tx, b);
    }
    for (const id of this.deps.bonds.rows()) {
      writer.put(tx, PORT, id, { bond_active_slave: this.deps.bonds.activeAddress(id) });
    }
    writer.put(tx, OPEN_VSWITCH, root._uuid, this.rootStatus(root, cfg));
    if (tx.isEmpty) return;
    const result = await database.commit(tx);
    if (result.status === 'success') return;
    this.forget();
    this.toldLinks = -1;
    if (result.status !== 'error' || result.reason === this.refusal) return;
    this.refusal = result.reason;
    this.deps.log(`the database did not take the status: ${result.reason}`);
  }

  private writeInterfaces(tx: Transaction, withStatistics: boolean): void {
    const { writer } = this;
    const { plant, tables, applier } = this.deps;
    const { underlay } = plant.core;
    // Read when the first port needs it.
    let devices: ReturnType<typeof readDeviceErrors> | undefined;
    for (const m of applier.made.values()) {
      if (!tables.interfaces.rows.has(m.row._uuid)) continue;
      const link = m.port && plant.link(m.port);
      const egress = m.port?.tunnel && underlay.egress(m.port.tunnel.config);
      // Of AF_XDP it changes with what is open, of others it stays; there may be a thousand of those, at 3 us each.
      const watched = m.type === 'afxdp' && m.port ? plant.paths(m.port) : undefined;
      const said = gist(m, link, egress, watched);
      if (this.told.get(m) !== said) {
        this.told.set(m, said);
        const paths = watched ?? (STATUS_OF_MODE.has(m.type) && m.port ? plant.paths(m.port) : undefined);
        writer.put(tx, INTERFACE, m.row._uuid, interfaceStatus(m, link, egress, paths));
      }
      if (m.port && (withStatistics || !this.counted.has(m))) {
        this.counted.add(m);
        devices ??= readDeviceErrors();
        const { port, spec } = m;
        const statistics = interfaceStatistics(port, spec.dummy ?? false, devices.get(spec.name));
        writer.put(tx, INTERFACE, m.row._uuid, { statistics });
      }
    }
  }

  private writeMirrors(tx: Transaction, b: MadeBridge): void {
    for (const id of b.wanted.row.mirrors) {
      const m = this.deps.mirrors.get(id);
      if (!m) continue;
      const statistics = new Map([
        ['tx_packets', m.packets],
        ['tx_bytes', m.bytes],
      ]);
      this.writer.put(tx, MIRROR, id, { statistics });
    }
  }

  /** Seconds and counters are told with the statistics; between these, only who came and went. */
  private writeControllers(tx: Transaction, b: MadeBridge, withStatistics: boolean): void {
    const { row } = b.wanted;
    if (row.controller.length === 0) return;
    const states = new Map(
      this.deps.plant
        .servedBridge(b.name)
        ?.controllers.status()
        .map((s) => [s.target, s]),
    );
    for (const id of row.controller) {
      const target = this.deps.tables.controllers.rows.get(id)?.target;
      if (target === undefined) continue;
      const s = states.get(target);
      const { status, ...values } = controllerStatus(s, this.deps.plant.clock.now());
      const state = `${s?.state} ${s?.isConnected}`;
      const told = this.controllerStates.get(id);
      this.controllerStates.set(id, state);
      this.writer.put(tx, CONTROLLER, id, withStatistics || told !== state ? { ...values, status } : values);
    }
  }

  private rootStatus(root: OpenVswitch, cfg: number) {
    const { database, about } = this.deps;
    const { dummies } = this.deps.applier;
    return {
      ...aboutUs(root, database.version, about),
      datapath_types: datapathTypes(dummies),
      iface_types: vportTypes(dummies !== 'off'),
      dpdk_initialized: false,
      dpdk_version: 'none',
      cur_cfg: cfg,
    };
  }
}

/** Start scripts write these; where none did, we do. What is there stays. */
function aboutUs(root: OpenVswitch, schema: string, about: About) {
  return {
    ...(root.ovs_version === undefined && { ovs_version: about.ovsVersion }),
    ...(root.db_version === undefined && schema !== '' && { db_version: schema }),
    ...(root.system_type === undefined && { system_type: about.systemType }),
    ...(root.system_version === undefined && { system_version: about.systemVersion }),
  };
}

function bridgeStatus(b: Bridge) {
  return { datapath_id: b.datapathId.toString(16).padStart(16, '0'), datapath_version: DATAPATH_VERSION };
}
