/** A bridge with tables and ports but no datapath, for tests of the OpenFlow room alone. */

import type { Action } from '../../action/action.js';
import type { OfBridge, OfBridgeListener, OfPort, OfPortStats, OfTableStats, Resumed } from '../../bridge/of-bridge.js';
import { type MeterCounters, noMeterCounters } from '../../datapath/datapath.js';
import { NO_TUN_OPTIONS } from '../../flow/tun-table.js';
import type { FlowFilter, FlowMod } from '../../flowtable/flow-mod.js';
import { Groups } from '../../flowtable/groups.js';
import { type Meter, Meters } from '../../flowtable/meters.js';
import type { PreparedFlow } from '../../flowtable/prepared.js';
import type { Rule } from '../../flowtable/rule.js';
import type { TableSettings } from '../../flowtable/table-settings.js';
import { FlowTables } from '../../flowtable/tables.js';
import type { Clock } from '../../lib/clock.js';

const ZERO: OfPortStats = {
  rxPackets: 0,
  txPackets: 0,
  rxBytes: 0,
  txBytes: 0,
  rxDropped: 0,
  txDropped: 0,
  rxErrors: 0,
  txErrors: 0,
  rxFrameErrors: -1,
  rxOverErrors: -1,
  rxCrcErrors: -1,
  collisions: -1,
  durationMs: 1500,
};

export function stubPort(number: number, name: string, mac: readonly number[]): OfPort {
  return {
    number,
    name,
    hwAddr: Uint8Array.from(mac),
    config: 0,
    state: 4,
    link: { curr: 0, advertised: 0, supported: 0, peer: 0, currSpeed: 0, maxSpeed: 0 },
    stats: () => ({ ...ZERO }),
  };
}

export class StubBridge implements OfBridge {
  readonly name = 'br0';
  readonly datapathId = 0xbad43b243e49n;
  readonly tables: FlowTables;
  readonly groups: Groups;
  readonly meters: Meters;
  fragmentHandling = 0;
  tun = NO_TUN_OPTIONS;
  readonly uuid = new Uint8Array(16).fill(1);
  readonly resumed: Resumed[] = [];
  readonly maxVlans = 1;
  readonly takesCt = true;
  /** What came in as packet-outs. */
  readonly sent: { frame: Uint8Array; inPort: number; actions: readonly Action[] }[] = [];
  readonly listeners = new Set<OfBridgeListener>();

  constructor(
    private readonly clock: Clock,
    readonly list: OfPort[] = [
      stubPort(1, 'p1', [0xaa, 0x55, 0xaa, 0x55, 0, 0x0f]),
      stubPort(2, 'p2', [0xaa, 0x55, 0xaa, 0x55, 0, 0x0e]),
      stubPort(0xfffffffe, 'br0', [0xba, 0xd4, 0x3b, 0x24, 0x3e, 0x49]),
    ],
  ) {
    this.tables = new FlowTables(clock);
    this.groups = new Groups(clock);
    this.meters = new Meters(clock);
    this.groups.listen(({ kind, group }) => {
      if (kind === 'removed') this.tables.removeUsersOfGroup(group.id);
    });
    this.meters.listen(({ kind, meter }) => {
      if (kind === 'removed') this.tables.removeUsersOfMeter(meter.id);
    });
    this.tables.listen((e) => {
      if (e.kind === 'removed') for (const l of this.listeners) l.flowRemoved?.(e.rule, e.reason);
      for (const l of this.listeners) l.ruleChanged?.(e);
    });
  }

  now(): number {
    return this.clock.now();
  }

  ports(): Iterable<OfPort> {
    return this.list;
  }

  port(number: number): OfPort | undefined {
    return this.list.find((p) => p.number === number);
  }

  portByName(name: string): OfPort | undefined {
    return this.list.find((p) => p.name === name);
  }

  portMod(number: number, config: number, mask: number): void {
    const port = this.port(number);
    if (!port) return;
    const before = port.config;
    port.config = (port.config & ~mask) | (config & mask);
    if (port.config !== before) for (const l of this.listeners) l.portStatus?.(port, 'modify');
  }

  flowMod(mod: FlowMod): void {
    this.tables.flowMod(mod);
  }

  addPrepared(flow: PreparedFlow): void {
    this.tables.addPrepared(flow);
  }

  atomically(run: () => void): void {
    this.tables.atomically(() => this.groups.atomically(run));
  }

  flows(filter: FlowFilter): Iterable<Rule> {
    return this.tables.flows(filter);
  }

  *tableStats(): Iterable<OfTableStats> {
    for (let table = 0; table < 254; table++) {
      const t = this.tables.table(table);
      const { name, maxEntries, settings, vacancy } = t;
      yield { table, name, active: t.engine.size, maxEntries, settings, vacancy, lookups: 0, matched: 0 };
    }
  }

  tableMod(table: number, change: Partial<TableSettings>): void {
    this.tables.configure(table, change);
  }

  packetOut(frame: Uint8Array, inPort: number, actions: readonly Action[]): void {
    this.sent.push({ frame, inPort, actions });
  }

  resume(p: Resumed): void {
    this.resumed.push(p);
  }

  checkActions(): void {}

  meterCounters(meter: Meter): MeterCounters {
    return noMeterCounters(meter.bands.length);
  }

  setControllers(): void {}

  listen(listener: OfBridgeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
