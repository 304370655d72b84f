/**
 * The database and the switch, kept equal: what changes there is applied here, what happens here is written there.
 *
 *     replica changed ─▶ wanted() ─▶ Applier.apply() ─▶ status, ports' numbers, errors, and cur_cfg last, in one transaction
 *
 * Changes that come while one is applied are taken together afterwards. Nothing is applied, and nothing written, without the lock. When the
 * connection is lost the switch goes on as it is.
 */
import type { Bridge } from '../../bridge/bridge.js';
import type { BridgePort } from '../../bridge/port.js';
import type { Clock } from '../../lib/clock.js';
import { Database } from '../../ovsdb/client/database.js';
import type { Remote } from '../../ovsdb/client/session.js';
import { Transaction } from '../../ovsdb/client/transaction.js';
import { VPORT_KINDS } from '../../vport/kinds.js';
import type { LinkStatus } from '../links.js';
import { Applier, type Made, type Plant } from './apply.js';
import type { DummyMode } from './ports.js';
import { interfaceStatistics, interfaceStatus, Writer } from './status.js';
import { BRIDGE, configTables, INTERFACE, OPEN_VSWITCH, type OpenVswitch } from './tables.js';
import { wanted } from './wanted.js';

/** The switch as the configurator needs it: the daemon. */
export interface Configured extends Plant {
  readonly clock: Clock;
  link(port: BridgePort): LinkStatus | undefined;
}

export interface ConfiguratorOptions {
  readonly remotes: readonly Remote[];
  readonly log: (text: string) => void;
  readonly dummies?: DummyMode;
  /** What the database is told of the program and the system. */
  readonly about?: About;
}

export interface About {
  readonly ovsVersion?: string;
  readonly dbVersion?: string;
  readonly systemType?: string;
  readonly systemVersion?: string;
}

/** Who has it drives the switch. The name is known to everyone who takes part. */
const LOCK = 'ovs_vswitchd';
const DATAPATH_TYPES = ['netdev', 'system'];
const DATAPATH_VERSION = '<built-in>';
const STATUS_MS = 500;
const STATISTICS_MS = 5000;

export class Configurator {
  readonly tables = configTables();
  readonly database: Database;
  readonly applier: Applier;
  private readonly writer = new Writer();
  private dirty = false;
  private running = false;
  private closed = false;
  private cancel: () => void = () => {};
  private statisticsAt = Number.NEGATIVE_INFINITY;
  /** Ports whose counters were told at least once. */
  private readonly counted = new WeakSet<Made>();
  private appliedCfg: number | undefined;
  /** Why the database did not take what was written, said once. */
  private refusal = '';
  private markReady: () => void = () => {};
  /** Resolves when the database was applied for the first time. */
  readonly ready = new Promise<void>((resolve) => {
    this.markReady = resolve;
  });

  constructor(
    private readonly plant: Configured,
    private readonly options: ConfiguratorOptions,
  ) {
    this.applier = new Applier(plant, options.log, options.dummies);
    this.database = new Database({
      name: 'Open_vSwitch',
      remotes: options.remotes,
      clock: plant.clock,
      log: options.log,
      tables: Object.values(this.tables),
      lock: LOCK,
      onChange: () => this.changed(),
    });
    this.statusLater();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    this.database.close();
  }

  private changed(): void {
    if (this.database.state !== 'ready') this.writer.forget();
    this.dirty = true;
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      while (this.dirty && !this.closed && this.database.isReady) {
        this.dirty = false;
        const root = this.root;
        if (!root) continue;
        await this.applier.apply(wanted(this.tables));
        this.appliedCfg = root.next_cfg;
        await this.write(true);
        this.markReady();
      }
    } finally {
      this.running = false;
    }
  }

  private get root(): OpenVswitch | undefined {
    return this.tables.root.rows.values().next().value;
  }

  private statusLater(): void {
    this.cancel = this.plant.clock.after(STATUS_MS, () => {
      if (this.closed) return;
      if (!this.running && this.database.isReady && this.appliedCfg !== undefined) void this.write(false);
      this.statusLater();
    });
  }

  /** `applied`: the configuration as a whole was just applied. */
  private async write(applied: boolean): Promise<void> {
    const { root, plant, writer } = this;
    if (!root) return;
    const tx = new Transaction();
    const now = plant.clock.now();
    const interval = Number(root.other_config.get('stats-update-interval') ?? STATISTICS_MS);
    const withStatistics = now - this.statisticsAt >= Math.max(STATISTICS_MS, interval || 0);
    if (withStatistics) this.statisticsAt = now;
    if (applied) {
      writer.retain(new Set([...this.tables.interfaces.rows.keys(), ...this.tables.bridges.rows.keys(), root._uuid]));
    }
    for (const m of this.applier.made.values()) {
      if (!this.tables.interfaces.rows.has(m.row._uuid)) continue;
      writer.put(tx, INTERFACE, m.row._uuid, interfaceStatus(m, m.port && plant.link(m.port)));
      if (m.port && (withStatistics || !this.counted.has(m))) {
        this.counted.add(m);
        writer.put(tx, INTERFACE, m.row._uuid, { statistics: interfaceStatistics(m.port) });
      }
    }
    for (const b of this.applier.bridges.values()) {
      writer.put(tx, BRIDGE, b.wanted.row._uuid, bridgeStatus(b.bridge));
    }
    writer.put(tx, OPEN_VSWITCH, root._uuid, this.rootStatus());
    if (tx.isEmpty) return;
    const result = await this.database.commit(tx);
    if (result.status === 'success') return;
    writer.forget();
    if (result.status !== 'error' || result.reason === this.refusal) return;
    this.refusal = result.reason;
    this.options.log(`the database did not take the status: ${result.reason}`);
  }

  private rootStatus() {
    const { about } = this.options;
    return {
      ovs_version: about?.ovsVersion,
      db_version: this.database.version || about?.dbVersion,
      system_type: about?.systemType,
      system_version: about?.systemVersion,
      datapath_types: DATAPATH_TYPES,
      iface_types: VPORT_KINDS.map((k) => k.type).sort(),
      dpdk_initialized: false,
      cur_cfg: this.appliedCfg ?? 0,
    };
  }
}

function bridgeStatus(b: Bridge) {
  return { datapath_id: b.datapathId.toString(16).padStart(16, '0'), datapath_version: DATAPATH_VERSION };
}
