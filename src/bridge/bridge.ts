/**
 * A bridge: ports, flow tables and learned addresses, joined to the slow path (which sees it as a BridgeView) and to OpenFlow (OfBridge).
 *
 * Whatever changes here says so to `changes`, so that flows that were derived from it are translated again. The bridge forwards nothing
 * itself: frames are the datapath's.
 */
import type { Action, LearnSpec } from '../action/action.js';
import type { Datapath, MeterCounters } from '../datapath/datapath.js';
import { NO_OFFLOAD } from '../datapath/datapath.js';

import { OK } from '../flow/key.js';
import { NO_TUN_OPTIONS } from '../flow/tun-table.js';
import { clauseChanged } from '../flowtable/conjunction.js';
import type { FlowFilter, FlowMod, RemovedReason } from '../flowtable/flow-mod.js';
import { N_TABLES } from '../flowtable/flow-mod.js';
import { Groups } from '../flowtable/groups.js';
import { type Meter, Meters } from '../flowtable/meters.js';
import type { PreparedFlow } from '../flowtable/prepared.js';
import type { Rule } from '../flowtable/rule.js';
import type { Miss, TableOwner, TableSettings } from '../flowtable/table-settings.js';
import { FlowTables } from '../flowtable/tables.js';
import { TupleClassifier } from '../flowtable/tuple.js';
import { get32 } from '../lib/bytes.js';
import { DP_KEY_BYTES } from '../packet/key.js';
import { startOf, stateOf } from '../upcall/continuation.js';
import { macMissKey } from '../upcall/translation.js';
import type { Upcalls } from '../upcall/upcalls.js';
import { type BridgeView, type NormalWalk, type PacketUp, PORT_CONFIG, type SideEffect } from '../upcall/view.js';
import { describeTable, sentKey } from './describe.js';
import { DpMeters, type MeterIds } from './dp-meters.js';
import { shorten } from './fin-timeout.js';
import { applyLearn, deleteLearned, mayLearn } from './learn.js';
import { MacTable, type MacTableOptions } from './mac-table.js';
import { type MirrorSpec, Mirrors } from './mirror.js';
import { type NormalBridge, normal } from './normal.js';
import type { OfBridge, OfBridgeListener, OfTableStats, Resumed } from './of-bridge.js';
import { BridgePort, type BridgePortSpec, type DeviceWord } from './port.js';
import { PortSet } from './port-set.js';
import { Identity } from './uuid.js';
import { type VlanSpec, vlanConfig } from './vlan.js';

export interface BridgeDeps {
  readonly dp: Datapath;
  readonly clock: { now(): number };
  readonly upcalls: Upcalls;
  /** VLAN tags that keys have. */
  readonly maxVlans: number;
  readonly meterIds: MeterIds;
  /** Sets the device of a port up or down, if it has one. */
  setDevice?(port: BridgePort, up: boolean): void;
}

export class Bridge implements OfBridge, BridgeView, NormalBridge {
  readonly tables: FlowTables;
  readonly macs: MacTable;
  private readonly portSet: PortSet;
  private readonly listeners = new Set<OfBridgeListener>();
  maxVlans: number;
  takesCt = false;
  tun = NO_TUN_OPTIONS;
  /** As the database has it; "" is "system". */
  datapathType = '';
  private readonly identity: Identity;
  forwardBpdu = false;
  missToController = false;
  controllers = 0;
  readonly mirrors = new Mirrors();
  private fragments = 0;
  private readonly dpMeters: DpMeters;
  readonly groups: Groups;
  readonly meters: Meters;

  constructor(
    readonly name: string,
    /** Who changes it lets controllers connect again: there is no message that tells them. */
    public datapathId: bigint,
    private readonly deps: BridgeDeps,
    macs: Partial<MacTableOptions> = {},
  ) {
    const { changes } = deps.upcalls;
    this.maxVlans = deps.maxVlans;
    this.portSet = new PortSet(name);
    this.identity = new Identity(name, datapathId);
    this.dpMeters = new DpMeters(deps.dp, deps.meterIds);
    this.tables = new FlowTables(deps.clock, () => new TupleClassifier());
    this.macs = new MacTable((kind, entry) => {
      changes.changed(kind === 'learned' ? macMissKey(this, entry.vlan, entry.mac) : entry);
    }, macs);
    this.groups = new Groups(deps.clock);
    this.groups.listen(({ kind, group }) => {
      if (kind === 'removed') this.tables.removeUsersOfGroup(group.id);
      changes.changed(group.id);
    });
    this.meters = new Meters(deps.clock);
    this.meters.listen(({ kind, meter }) => {
      if (kind === 'removed') this.tables.removeUsersOfMeter(meter.id);
      this.dpMeters.apply(kind, meter);
      changes.everything();
    });
    this.tables.listen((e) => {
      if (clauseChanged(e)) changes.everything();
      else if (e.kind === 'added' && !e.replaced) changes.ruleAdded(this, e.rule);
      else if (e.kind !== 'modified' || e.before !== e.rule.actions) changes.ruleChanged();
      if (e.kind === 'removed') this.removed(e.rule, e.reason);
      else if (e.kind === 'added' && e.replaced) deleteLearned(this.tables, e.replaced);
      for (const l of this.listeners) l.ruleChanged?.(e);
      if (e.kind !== 'modified') this.tellVacancy(e.rule.table);
    });
  }

  get uuid(): Uint8Array {
    return this.identity.uuid;
  }

  now(): number {
    return this.deps.clock.now();
  }

  // Ports

  /** The datapath port, where there is one, was added before. */
  addPort(spec: BridgePortSpec): BridgePort {
    this.portSet.checkFree(spec.number, spec.name);
    const port = new BridgePort(spec, this.deps.dp, this.deps.clock);
    port.mirrorOutput = this.mirrors.isOutput(port.number);
    this.portSet.add(port);
    this.portsChanged();
    for (const l of this.listeners) l.portStatus?.(port, 'add');
    return port;
  }

  removePort(number: number): BridgePort | undefined {
    const port = this.portSet.get(number);
    if (!port) return undefined;
    this.portSet.remove(port);
    this.macs.flush(number);
    this.portsChanged();
    for (const l of this.listeners) l.portStatus?.(port, 'delete');
    return port;
  }

  /** The lowest number that no port has. */
  freeNumber(): number {
    return this.portSet.free();
  }

  setVlan(number: number, spec: VlanSpec): void {
    const port = this.portSet.mustHave(number);
    port.vlan = vlanConfig(spec);
    this.macs.flush(number);
    this.deps.upcalls.changes.everything();
  }

  setMirrors(specs: readonly MirrorSpec[]): void {
    if (!this.mirrors.set(specs)) return;
    for (const p of this.portSet.inOrder()) {
      p.mirrorOutput = this.mirrors.isOutput(p.number);
      if (p.mirrorOutput) this.macs.flush(p.number);
    }
    this.deps.upcalls.changes.everything();
  }

  mirror(x: NormalWalk, { number }: { number: number }, way: 'in' | 'out'): void {
    if (this.mirrors.all.length === 0) return;
    const port = this.portSet.get(number);
    if (port) this.mirrors.copy(this, x, port, way);
  }

  setProtected(number: number, on: boolean): void {
    const port = this.portSet.mustHave(number);
    if (port.isProtected === on) return;
    port.isProtected = on;
    this.deps.upcalls.changes.everything();
  }

  /** A member of a bond that waits for the active one to fail. */
  setStandby(number: number, on: boolean): void {
    const port = this.portSet.mustHave(number);
    if (port.isStandby === on) return;
    port.isStandby = on;
    this.macs.flush(number);
    this.deps.upcalls.changes.everything();
  }

  setForwardBpdu(on: boolean): void {
    if (on === this.forwardBpdu) return;
    this.forwardBpdu = on;
    this.deps.upcalls.changes.everything();
  }

  /** What the device says: OFPPS_ bits. */
  setPortState(number: number, state: number): void {
    const port = this.portSet.mustHave(number);
    if (port.state === state) return;
    port.state = state;
    this.deps.upcalls.changes.everything();
    for (const l of this.listeners) l.portStatus?.(port, 'modify');
  }

  /** The device was set up or down, by us or by others. */
  setDeviceUp(number: number, up: boolean): void {
    const port = this.portSet.mustHave(number);
    port.deviceDown = !up;
    if (up && port.config & PORT_CONFIG.down) {
      port.config &= ~PORT_CONFIG.down;
      this.deps.dp.portState(port.vport, true);
    }
    this.deps.upcalls.changes.everything();
    for (const l of this.listeners) l.portStatus?.(port, 'modify');
  }

  setControllers(listening: number, wantsMisses: boolean): void {
    const same = (listening === 0) === (this.controllers === 0) && wantsMisses === this.missToController;
    this.controllers = listening;
    this.missToController = wantsMisses;
    if (!same) this.deps.upcalls.changes.everything();
  }

  /** What a port's device says of itself: told, when it is something else. */
  deviceSays(number: number, word: DeviceWord): void {
    const port = this.portSet.mustHave(number);
    if (!port.take(word)) return;
    for (const l of this.listeners) l.portStatus?.(port, 'modify');
  }

  private portsChanged(): void {
    this.deps.upcalls.changes.everything();
  }

  ports(): Iterable<BridgePort> {
    return this.portSet.inOrder();
  }

  floodPorts(): Iterable<BridgePort> {
    return this.portSet.inOrder();
  }

  normalPorts(): Iterable<BridgePort> {
    return this.portSet.inOrder();
  }

  port(number: number): BridgePort | undefined {
    return this.portSet.get(number);
  }

  normalPort(number: number): BridgePort | undefined {
    return this.portSet.get(number);
  }

  portByName(name: string): BridgePort | undefined {
    return this.portSet.named(name);
  }

  portMod(number: number, config: number, mask: number): void {
    const port = this.portSet.mustHave(number);
    const wantsUp = !(config & PORT_CONFIG.down);
    const isUp = !(port.config & PORT_CONFIG.down) && !port.deviceDown;
    if (mask & PORT_CONFIG.down && wantsUp !== isUp) this.deps.setDevice?.(port, wantsUp);
    const next = (port.config & ~mask) | (config & mask);
    if (next === port.config) return;
    const wasDown = port.config & PORT_CONFIG.down;
    port.config = next;
    const isDown = next & PORT_CONFIG.down;
    if (port.vport !== 0 && wasDown !== isDown) this.deps.dp.portState(port.vport, !isDown);
    this.deps.upcalls.changes.everything();
    for (const l of this.listeners) l.portStatus?.(port, 'modify');
  }

  // Tables

  flowMod(mod: FlowMod): void {
    if (mod.command !== 'delete' && mod.command !== 'delete_strict') this.checkActions(mod.actions, mod.table);
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
    for (let id = 0; id < N_TABLES; id++) yield describeTable(this.tables.table(id));
  }

  tableMod(table: number, change: Partial<TableSettings>): void {
    const before = this.missOf(table);
    this.tables.configure(table, change);
    if (this.missOf(table) !== before) this.deps.upcalls.changes.everything();
  }

  /** What the owner says of a table: its name, limit and so on. What is left out is as without this. */
  configureTable(table: number, owner: TableOwner): void {
    this.tableMod(table, { owner });
  }

  missOf(table: number): Miss {
    return this.tables.peek(table)?.settings.miss ?? 'controller';
  }

  /** A table grew or shrank. */
  private tellVacancy(table: number): void {
    const reason = this.tables.peek(table)?.vacancyEvent();
    if (reason) for (const l of this.listeners) l.tableStatus?.(describeTable(this.tables.table(table)), reason);
  }

  checkActions(_actions: readonly Action[], _table: number): void {}

  get fragmentHandling(): number {
    return this.fragments;
  }

  set fragmentHandling(mode: number) {
    if (mode !== this.fragments) this.deps.upcalls.changes.everything();
    this.fragments = mode;
  }

  private removed(rule: Rule, reason: RemovedReason): void {
    for (const l of this.listeners) l.flowRemoved?.(rule, reason);
    deleteLearned(this.tables, rule);
  }

  /** Removes rules and addresses whose time is over. Push statistics first: they keep rules alive. */
  expire(): void {
    this.tables.expire(this.now());
    this.macs.expire(this.now());
  }

  // What the slow path does with a bridge

  normal(x: NormalWalk): void {
    normal(this, x);
  }

  mayLearn(spec: LearnSpec, mod: FlowMod): boolean {
    return mayLearn(this.tables, spec, mod);
  }

  meterId(id: number): number | undefined {
    return this.dpMeters.id(id);
  }

  meterCounters(meter: Meter): MeterCounters {
    return this.dpMeters.counters(meter);
  }

  credit(rule: Rule, packets: number, bytes: number, now: number): void {
    this.tables.credit(rule, packets, bytes, now);
    this.tables.creditTable(rule.table, packets, packets);
  }

  creditMiss(table: number, packets: number): void {
    this.tables.creditTable(table, packets, 0);
  }

  apply(effect: SideEffect, now: number, tcpFlags: number): void {
    if (effect.kind === 'mac') {
      const { vlan, mac, port, gratuitousArp } = effect;
      if (this.portSet.get(port)) this.macs.learn(vlan, mac, port, now, gratuitousArp);
    } else if (effect.kind === 'learn') applyLearn(this.tables, effect.spec, effect.mod);
    else if (effect.kind === 'fin_timeout') shorten(this.tables, effect, tcpFlags);
  }

  packetIn(p: PacketUp): void {
    if (this.listeners.size === 0) return;
    const frame = p.frame.slice();
    for (const l of this.listeners) l.packetIn?.({ ...p, frame, totalLen: frame.length });
  }

  // OpenFlow

  packetOut(frame: Uint8Array, inPort: number, actions: readonly Action[], pipeline?: Uint8Array): void {
    this.checkActions(actions, 0);
    const key = sentKey(this, frame, inPort, pipeline?.slice());
    const frozen = pipeline && startOf(actions, { bridge: this, ofLines: pipeline.slice(DP_KEY_BYTES) });
    this.deps.upcalls.packetOut(
      { bridge: this, inPort, key, actions, ...(frozen ? { frozen } : {}) },
      frame,
      NO_OFFLOAD,
    );
  }

  resume(p: Resumed): void {
    const inPort = get32(p.key, OK.ofInPort.offset);
    const key = sentKey(this, p.frame, inPort, p.key.slice());
    const frozen = stateOf(p.continuation, { bridge: this, ofLines: p.key.slice(DP_KEY_BYTES) });
    this.deps.upcalls.packetOut({ bridge: this, inPort, key, frozen }, p.frame, NO_OFFLOAD);
  }

  listen(listener: OfBridgeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
