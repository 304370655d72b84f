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
import type { Tls } from '../tls.js';
import { Applier, type Made, type MadeBridge, type Plant } from './apply.js';
import { applyBridge, applyControllers, type BridgeContext, type BridgeFace } from './bridges.js';
import { controllerStatus } from './controllers.js';
import { remarks, unknownKeys } from './known.js';
import type { DummyMode } from './ports.js';
import { rowTls } from './ssl.js';
import { interfaceStatistics, interfaceStatus, Writer } from './status.js';
import { BRIDGE, CONTROLLER, configTables, INTERFACE, OPEN_VSWITCH, type OpenVswitch } from './tables.js';
import { wanted } from './wanted.js';

/** The switch as the configurator needs it: the daemon. */
export interface Configured extends Plant {
  readonly clock: Clock;
  /** Undefined: no sockets are made. */
  readonly runDir: string | undefined;
  link(port: BridgePort): LinkStatus | undefined;
  /** Grows when `link` has something new to say of any port. */
  readonly linkChanges: number;
  servedBridge(name: string): BridgeFace | undefined;
}

export interface ConfiguratorOptions {
  readonly remotes: readonly Remote[];
  readonly log: (text: string) => void;
  readonly dummies?: DummyMode;
  /** For ssl where the database names no files. */
  readonly tls?: Tls;
  /** What the database is told of the program and the system. */
  readonly about: About;
}

export interface About {
  readonly ovsVersion: string;
  readonly systemType: string;
  readonly systemVersion: string;
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
  private toldLinks = -1;
  private markReady: () => void = () => {};
  private readonly context: BridgeContext;
  /** By bridge: what its controllers were made from. */
  private readonly above = new Map<string, readonly unknown[]>();
  private readonly controllerStates = new Map<string, string>();
  /** Rows of which everything was said that is to be said. */
  private readonly remarked = new WeakSet<object>();
  private readonly said = new Set<string>();
  /** Resolves when the database was applied for the first time. */
  readonly ready = new Promise<void>((resolve) => {
    this.markReady = resolve;
  });

  constructor(
    private readonly plant: Configured,
    private readonly options: ConfiguratorOptions,
  ) {
    this.context = {
      runDir: plant.runDir ?? '',
      tls: rowTls(this.tables, options.tls),
      setAddress: (bridge, port, mac) => plant.setAddress(bridge, port, mac),
      fault: (text) => this.sayOnce(text),
    };
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
        for (const b of this.applier.bridges.values()) await this.applyBridge(b);
        this.remark(root);
        this.appliedCfg = root.next_cfg;
        await this.write(true);
        this.markReady();
      }
    } finally {
      this.running = false;
    }
  }

  private async applyBridge({ name, wanted: { row } }: MadeBridge): Promise<void> {
    const face = this.plant.servedBridge(name);
    if (!face) return;
    applyBridge(face, row, this.context);
    const rows = row.controller.flatMap((id) => this.tables.controllers.rows.get(id) ?? []);
    const from = [face, row.fail_mode, ...rows];
    const before = this.above.get(name);
    if (before?.length === from.length && from.every((v, i) => v === before[i])) return;
    this.above.set(name, from);
    await applyControllers(face, row, rows, this.context);
  }

  /** Looks at rows that were not looked at as they are now. */
  private remark(root: OpenVswitch): void {
    this.remarkOn('Open_vSwitch', root, 'Open_vSwitch');
    for (const b of this.applier.bridges.values()) {
      this.remarkOn('Bridge', b.wanted.row, `bridge ${b.name}`);
      for (const p of b.wanted.ports) this.remarkOn('Port', p.row, `port ${p.row.name}`);
    }
    for (const m of this.applier.made.values()) {
      if (this.remarked.has(m.row)) continue;
      for (const key of unknownKeys(m.type, m.spec.options)) this.sayOnce(`interface ${m.row.name}: ${key}`);
      this.remarkOn('Interface', m.row, `interface ${m.row.name}`);
    }
    for (const c of this.tables.controllers.rows.values()) this.remarkOn('Controller', c, `controller ${c.target}`);
  }

  private remarkOn(table: string, row: object, who: string): void {
    if (this.remarked.has(row)) return;
    this.remarked.add(row);
    for (const text of remarks(table, row, who)) this.sayOnce(text);
  }

  private sayOnce(text: string): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    this.options.log(text);
  }

  private get root(): OpenVswitch | undefined {
    return this.tables.root.rows.values().next().value;
  }

  private statusLater(): void {
    this.cancel = this.plant.clock.after(STATUS_MS, () => {
      if (this.closed) return;
      if (!this.running && this.database.isReady && this.appliedCfg !== undefined) {
        if (this.applier.mayRetry()) this.changed();
        else void this.write(false);
      }
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
    const isNews = applied || withStatistics || this.toldLinks !== plant.linkChanges;
    this.toldLinks = plant.linkChanges;
    if (isNews) this.writeInterfaces(tx, withStatistics);
    for (const b of this.applier.bridges.values()) {
      writer.put(tx, BRIDGE, b.wanted.row._uuid, bridgeStatus(b.bridge));
      this.writeControllers(tx, b, withStatistics);
    }
    writer.put(tx, OPEN_VSWITCH, root._uuid, this.rootStatus(root));
    if (tx.isEmpty) return;
    const result = await this.database.commit(tx);
    if (result.status === 'success') return;
    writer.forget();
    this.toldLinks = -1;
    if (result.status !== 'error' || result.reason === this.refusal) return;
    this.refusal = result.reason;
    this.options.log(`the database did not take the status: ${result.reason}`);
  }

  private writeInterfaces(tx: Transaction, withStatistics: boolean): void {
    const { plant, writer } = this;
    for (const m of this.applier.made.values()) {
      if (!this.tables.interfaces.rows.has(m.row._uuid)) continue;
      writer.put(tx, INTERFACE, m.row._uuid, interfaceStatus(m, m.port && plant.link(m.port)));
      if (m.port && (withStatistics || !this.counted.has(m))) {
        this.counted.add(m);
        writer.put(tx, INTERFACE, m.row._uuid, { statistics: interfaceStatistics(m.port) });
      }
    }
  }

  /** Seconds and counters are told with the statistics; between these, only who came and went. */
  private writeControllers(tx: Transaction, b: MadeBridge, withStatistics: boolean): void {
    const { row } = b.wanted;
    if (row.controller.length === 0) return;
    const states = new Map(
      this.plant
        .servedBridge(b.name)
        ?.controllers.status()
        .map((s) => [s.target, s]),
    );
    for (const id of row.controller) {
      const target = this.tables.controllers.rows.get(id)?.target;
      if (target === undefined) continue;
      const s = states.get(target);
      const { status, ...values } = controllerStatus(s, this.plant.clock.now());
      const state = `${s?.state} ${s?.isConnected}`;
      const told = this.controllerStates.get(id);
      this.controllerStates.set(id, state);
      this.writer.put(tx, CONTROLLER, id, withStatistics || told !== state ? { ...values, status } : values);
    }
  }

  private rootStatus(root: OpenVswitch) {
    return {
      ...aboutUs(root, this.database.version, this.options.about),
      datapath_types: DATAPATH_TYPES,
      iface_types: VPORT_KINDS.map((k) => k.type).sort(),
      dpdk_initialized: false,
      cur_cfg: this.appliedCfg ?? 0,
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
