/**
 * The database and the switch, kept equal: what changes there is applied here, what happens here is written there.
 *
 *     replica changed ─▶ wanted() ─▶ Applier.apply() ─▶ status, ports' numbers, errors, and cur_cfg last, in one transaction
 *
 * Changes that come while one is applied are taken together afterwards. Nothing is applied, and nothing written, without the lock. When the
 * connection is lost the switch goes on as it is.
 */

import type { Mirror } from '../../bridge/mirror.js';
import type { BridgePort } from '../../bridge/port.js';
import type { ControlCommand } from '../../control/unixctl.js';
import type { PortPaths } from '../../datapath/driver/native-driver.js';
import type { Clock } from '../../lib/clock.js';
import { Database } from '../../ovsdb/client/database.js';
import type { TableReplica } from '../../ovsdb/client/replica.js';
import type { Remote } from '../../ovsdb/client/session.js';
import { bondCommands } from '../commands/bond-commands.js';
import type { Core } from '../core.js';
import type { LinkStatus } from '../links.js';
import type { Steering } from '../steering/steering.js';
import type { Tls } from '../tls.js';
import { vlanLimitOf } from '../vlan-limit.js';
import { Applier, type MadeBridge, type Plant } from './apply.js';
import { Bonds } from './bonds.js';
import { applyBridge, applyControllers, type BridgeContext, type BridgeFace } from './bridges.js';
import { FlowTablesConfig } from './flow-tables.js';
import { mirrorSpecs } from './mirrors.js';
import { SmallestMtu } from './mtu.js';
import { type DummyMode, datapathTypes } from './ports.js';
import { Remarks } from './remarks.js';
import { type About, Reporter } from './reporter.js';
import { rowTls } from './ssl.js';
import { type BridgeRow, configTables, type OpenVswitch } from './tables.js';
import { wanted } from './wanted.js';

/** The switch as the configurator needs it: the daemon. */
export interface Configured extends Plant {
  readonly clock: Clock;
  /** Undefined: no sockets are made. */
  readonly runDir: string | undefined;
  link(port: BridgePort): LinkStatus | undefined;
  /** By which way its frames come and go, where there is a choice. */
  paths(port: BridgePort): PortPaths | undefined;
  /** What carries tunnels. */
  readonly core: Pick<Core, 'underlay' | 'addressOf' | 'vlans'>;
  /** Grows when `link` has something new to say of any port. */
  readonly linkChanges: number;
  servedBridge(name: string): BridgeFace | undefined;
  readonly driver: { readonly shortcuts: { set(text: string | undefined): void } };
  /** Which workers there are, and which receive queues are whose. */
  readonly steering: Pick<Steering, 'configure'>;
  /** While on, packets that no datapath flow takes are dropped. */
  holdPackets(on: boolean): void;
  /** Further commands of the control socket. */
  register(commands: readonly ControlCommand[]): void;
  /** Something happened that is counted. */
  count(event: string): void;
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

/** Who has it drives the switch. The name is known to everyone who takes part. */
const LOCK = 'ovs_vswitchd';
const STATUS_MS = 500;
/** Read, for they outlive us, and written by us alone. */
const STATUS_COLUMNS: ReadonlySet<string> = new Set([
  ...[
    'cur_cfg',
    'ovs_version',
    'db_version',
    'system_type',
    'system_version',
    'datapath_types',
    'iface_types',
    'ofport',
  ],
]);

export class Configurator {
  readonly tables = configTables();
  readonly database: Database;
  readonly applier: Applier;
  private readonly reporter: Reporter;
  private readonly remarks: Remarks;
  private dirty = false;
  private isNews = false;
  private wasReady = false;
  private running = false;
  private closed = false;
  private cancel: () => void = () => {};
  private appliedCfg: number | undefined;
  private writing: Promise<void> = Promise.resolve();
  private markReady: () => void = () => {};
  private readonly context: BridgeContext;
  private readonly flowTables = new FlowTablesConfig();
  private readonly bonds: Bonds;
  private readonly mtu: SmallestMtu;
  private seenLinks = -1;
  /** Somebody puts flows back, and wants neither controllers nor packets meanwhile. */
  private restoring = false;
  /** By bridge: what its controllers were made from. */
  private readonly above = new Map<string, readonly unknown[]>();
  /** By Mirror record. */
  private readonly mirrors = new Map<string, Mirror>();
  /** Resolves when the database was applied for the first time. */
  readonly ready = new Promise<void>((resolve) => {
    this.markReady = resolve;
  });

  constructor(
    private readonly plant: Configured,
    private readonly options: ConfiguratorOptions,
  ) {
    const { log } = options;
    this.remarks = new Remarks(log);
    this.context = {
      runDir: plant.runDir ?? '',
      tls: rowTls(this.tables, options.tls),
      addressOf: plant.core.addressOf,
      setAddress: (bridge, port, mac) => plant.setAddress(bridge, port, mac),
      fault: (text) => this.remarks.say(text),
    };
    this.applier = new Applier(plant, log, options.dummies);
    this.database = new Database({
      name: 'Open_vSwitch',
      remotes: options.remotes,
      clock: plant.clock,
      log,
      tables: Object.values(this.tables),
      lock: LOCK,
      onChange: () => this.heard(),
    });
    this.bonds = new Bonds({ link: (port) => plant.link(port), say: (text) => this.remarks.say(text), log });
    plant.register(bondCommands(this.bonds));
    this.mtu = new SmallestMtu(plant);
    const { tables, applier, database, mirrors, bonds } = this;
    this.reporter = new Reporter({ plant, tables, applier, database, mirrors, bonds, about: options.about, log });
    const t = this.tables;
    this.watch(t.root);
    this.watch(t.bridges);
    this.watch(t.ports);
    this.watch(t.interfaces);
    this.watch(t.controllers);
    this.watch(t.mirrors);
    this.watch(t.flowTables);
    this.watch(t.ssl);
    this.statusLater();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    this.database.close();
  }

  /** What was due to be written to the database is in it. */
  async told(): Promise<void> {
    await this.writing;
    const { root, appliedCfg } = this;
    if (!root || this.running || !this.database.isReady || appliedCfg === undefined) return;
    await this.reporter.write(root, appliedCfg, false);
  }

  /** Files for ssl, as the database names them now. */
  get tls(): Tls {
    return this.context.tls;
  }

  /** The replica, the connection or the lock changed. */
  private heard(): void {
    const { state, isReady } = this.database;
    if (state !== 'ready') this.reporter.forget();
    if (!this.isNews && isReady === this.wasReady) return;
    this.isNews = false;
    this.wasReady = isReady;
    this.changed();
  }

  /** What we wrote ourselves comes back from the server: that is no reason to apply everything again. */
  private watch<C>(table: TableReplica<C>): void {
    table.listen(({ old, row }) => {
      const [a, b]: (Record<string, unknown> | undefined)[] = [old, row];
      if (!a || !b || Object.keys(b).some((k) => !STATUS_COLUMNS.has(k) && a[k] !== b[k])) this.isNews = true;
    });
  }

  private changed(): void {
    this.dirty = true;
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      while (this.dirty && !this.closed && this.database.isReady) {
        this.dirty = false;
        this.plant.count('bridge_reconfigure');
        const root = this.root;
        if (!root) {
          // Nobody has initialised it yet: there is nothing to do until somebody does.
          this.markReady();
          continue;
        }
        this.restoring = root.other_config.get('flow-restore-wait') === 'true';
        this.plant.holdPackets(this.restoring);
        this.plant.core.vlans.set(vlanLimitOf(root.other_config.get('vlan-limit')));
        this.plant.driver.shortcuts.set(root.other_config.get('kernel-shortcuts'));
        await this.applier.apply(wanted(this.tables, datapathTypes(this.applier.dummies)));
        await this.plant.steering.configure(root.other_config, this.affinities());
        for (const b of this.applier.bridges.values()) await this.applyBridge(b);
        this.bonds.set(this.applier.made.values());
        this.mtu.look(this.applier.made.values());
        this.forgetGone();
        this.remarks.look(this.tables, this.applier);
        this.appliedCfg = root.next_cfg;
        await this.reporter.write(root, root.next_cfg, true);
        this.markReady();
      }
    } catch (e) {
      // A fault of ours must not end forwarding; the next change is another try.
      this.options.log(`the configuration was not applied: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`);
    } finally {
      this.running = false;
    }
  }

  /** Of ports that ask for processors for their receive queues. */
  private *affinities(): Iterable<readonly [port: string, list: string]> {
    for (const { row } of this.applier.made.values()) {
      const list = row.other_config.get('pmd-rxq-affinity');
      if (list !== undefined) yield [row.name, list];
    }
  }

  private async applyBridge({ name, wanted: { row } }: MadeBridge): Promise<void> {
    const face = this.plant.servedBridge(name);
    if (!face) return;
    applyBridge(face, row, this.context);
    this.applyMirrors(face, row);
    const fault = (text: string): void => this.remarks.say(`bridge ${name}: ${text}`);
    const tables = [...row.flow_tables].flatMap(([id, uuid]) => {
      const of = this.tables.flowTables.rows.get(uuid);
      return of ? [[id, of] as const] : [];
    });
    this.flowTables.apply(face.bridge, new Map(tables), fault);
    // Controllers would change what is being restored.
    const ids = this.restoring ? [] : row.controller;
    const rows = ids.flatMap((id) => this.tables.controllers.rows.get(id) ?? []);
    const from = [face, row.fail_mode, ...rows];
    const before = this.above.get(name);
    if (before?.length === from.length && from.every((v, i) => v === before[i])) return;
    this.above.set(name, from);
    await applyControllers(face, row, rows, this.context);
  }

  /** What is kept of bridges and mirrors that are no more would keep them in memory. */
  private forgetGone(): void {
    for (const name of this.above.keys()) if (!this.applier.bridges.has(name)) this.above.delete(name);
    for (const id of this.mirrors.keys()) if (!this.tables.mirrors.rows.has(id)) this.mirrors.delete(id);
  }

  private applyMirrors({ bridge }: BridgeFace, row: BridgeRow): void {
    if (row.mirrors.length === 0 && bridge.mirrors.all.length === 0) return;
    const numbers = new Map<string, number[]>();
    for (const m of this.applier.made.values()) {
      if (m.bridge.name !== row.name) continue;
      const of = numbers.get(m.portRow._uuid) ?? [];
      numbers.set(m.portRow._uuid, of);
      if (m.port) of.push(m.port.number);
    }
    const rows = row.mirrors.flatMap((id) => this.tables.mirrors.rows.get(id) ?? []);
    const fault = (text: string): void => this.remarks.say(`bridge ${row.name}: ${text}`);
    const specs = mirrorSpecs(rows, (id) => numbers.get(id), fault);
    bridge.setMirrors(specs.map((s) => s.spec));
    bridge.mirrors.all.forEach((m, i) => {
      this.mirrors.set(specs[i].row._uuid, m);
    });
  }

  private get root(): OpenVswitch | undefined {
    return this.tables.root.rows.values().next().value;
  }

  private statusLater(): void {
    this.cancel = this.plant.clock.after(STATUS_MS, () => {
      if (this.closed) return;
      const { root, appliedCfg } = this;
      if (root && !this.running && this.database.isReady && appliedCfg !== undefined) {
        if (this.seenLinks !== this.plant.linkChanges) {
          this.bonds.look();
          this.mtu.look(this.applier.made.values());
        }
        this.seenLinks = this.plant.linkChanges;
        if (this.applier.mayRetry()) this.changed();
        else this.writing = this.reporter.write(root, appliedCfg, false);
      }
      this.statusLater();
    });
  }
}
