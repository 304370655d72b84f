/**
 * A switch for programs: bridges, memory ports, flows as text, frames in and frames out. No privileges, no threads, no timers of its own: nothing
 * happens until `run`, and time is what the clock says, so the same calls give the same frames.
 *
 * ```
 * const clock = new VirtualClock();
 * const sw = new Switch({ datapath: 'reference', clock });
 * const br0 = sw.bridge('br0');
 * const p1 = br0.addPort('p1');
 * const p2 = br0.addPort('p2');
 * br0.addFlow('in_port=1,actions=output:2');
 * p1.send(frame);
 * sw.run();
 * p2.received(); // [frame]
 * ```
 */
import { checkActions } from '../action/check.js';
import type { Bridge } from '../bridge/bridge.js';
import { actionContext, flowModFromText, formatRule } from '../bridge/flow-text.js';
import { fdbText } from '../bridge/mac-table.js';
import type { BridgePort } from '../bridge/port.js';
import type { VlanSpec } from '../bridge/vlan.js';
import type { Datapath, Offload, PortCounters } from '../datapath/datapath.js';
import { NativeDriver } from '../datapath/driver/native-driver.js';
import { ReferenceDatapath } from '../datapath/reference/datapath.js';
import { OFPP } from '../flow/field.js';
import { type FlowMod, TABLE_ALL } from '../flowtable/flow-mod.js';
import type { GroupMod } from '../flowtable/groups.js';
import type { MeterMod } from '../flowtable/meters.js';
import type { Rule } from '../flowtable/rule.js';
import { type Clock, VirtualClock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { toGroupMod } from '../openflow/messages/group.js';
import { toMeterMod } from '../openflow/messages/meter.js';
import { parseGroup } from '../openflow/text/group-parse.js';
import { parseMeter } from '../openflow/text/meter-parse.js';
import { traceOf } from './commands/trace-command.js';
import { Core, UPKEEP_MS } from './core.js';
import { datapathFlowLines } from './datapath-text.js';
import { moveFrames } from './move.js';

export interface SwitchOptions {
  /** 'native' (the default) is the addon; 'reference' is plain TypeScript, slow and the specification. */
  readonly datapath?: 'native' | 'reference';
  /** A VirtualClock by default: see `advance`. */
  readonly clock?: Clock;
  /** Datapath flows at most. */
  readonly maxFlows?: number;
  /** VLAN tags that matches see: 1 (default) or 2. */
  readonly maxVlans?: 1 | 2;
  /** Frames at once, of the native datapath; 16384 by default. They are what takes long to make: 20 ms of the 21 that a switch takes. */
  readonly buffers?: number;
}

export interface AddPort extends VlanSpec {
  /** 'memory' (the default), 'patch', 'pcap' or 'null'; those with devices need the daemon's privileges. */
  readonly type?: string;
  /** OpenFlow number; the lowest free one by default. */
  readonly number?: number;
  readonly options?: Readonly<Record<string, string>>;
}

export type FrameListener = (frame: Uint8Array, offload: Offload) => void;

const MAX_FLOWS = 65536;

export class Switch {
  readonly clock: Clock;
  readonly core: Core;
  private readonly dp: Datapath;
  private readonly wrappers = new Map<string, SwitchBridge>();
  private readonly ports = new Map<number, SwitchPort>();
  private cancel: () => void = () => {};

  constructor(options: SwitchOptions = {}) {
    this.clock = options.clock ?? new VirtualClock();
    const maxFlows = options.maxFlows ?? MAX_FLOWS;
    const maxVlans = options.maxVlans ?? 1;
    this.dp =
      options.datapath === 'reference'
        ? new ReferenceDatapath({ maxFlows, maxVlans })
        : new NativeDriver({
            manual: true,
            maxFlows,
            maxVlans,
            ...(options.buffers ? { buffers: options.buffers } : {}),
          });
    this.core = new Core({
      dp: this.dp,
      clock: this.clock,
      maxFlows,
      maxVlans,
      onFrame: (vport, frame, offload) => this.ports.get(vport)?.take(frame, offload),
    });
    this.schedule();
  }

  private schedule(): void {
    this.cancel = this.clock.after(UPKEEP_MS, () => {
      this.dp.setClock(this.clock.now());
      this.run();
      this.core.upkeep();
      this.run();
      this.schedule();
    });
  }

  /** The bridge of this name, made if there is none. */
  bridge(name: string): SwitchBridge {
    let wrapper = this.wrappers.get(name);
    if (!wrapper) {
      const bridge = this.core.addBridge(name, { name, type: 'memory' });
      wrapper = new SwitchBridge(this, bridge, (port) => this.attach(port));
      this.wrappers.set(name, wrapper);
    }
    return wrapper;
  }

  private attach(port: BridgePort): SwitchPort {
    const p = new SwitchPort(port, this.dp);
    if (port.vport !== 0) this.ports.set(port.vport, p);
    return p;
  }

  /** Moves frames until all are where they go, and decisions are up to date. Returns how many were moved. */
  run(): number {
    return moveFrames(this.core, this.dp);
  }

  /** Moves a VirtualClock, and frames with it. */
  advance(ms: number): void {
    if (!(this.clock instanceof VirtualClock)) throw new UserError('only a VirtualClock can be advanced');
    this.run();
    this.clock.advance(ms);
    this.run();
  }

  /** Datapath flows as ovs-appctl dpctl/dump-flows prints them; ports by name. */
  dumpDatapathFlows(): string {
    return datapathFlowLines(this.core, false, true)
      .map((line) => `${line}\n`)
      .join('');
  }

  /** Counters of each port by bridge and port name. rx_packets = forwarded + drops + held, always. */
  counters(): Record<string, Record<string, PortCounters>> {
    const out: Record<string, Record<string, PortCounters>> = {};
    for (const b of this.core.bridges.values()) {
      const of: Record<string, PortCounters> = {};
      for (const p of b.ports()) if (p.vport !== 0) of[p.name] = this.dp.portCounters(p.vport);
      out[b.name] = of;
    }
    return out;
  }

  close(): void {
    this.cancel();
    this.core.close();
  }
}

export class SwitchBridge {
  private readonly ports = new Map<string, SwitchPort>();
  /** The bridge's own port, LOCAL. */
  readonly local: SwitchPort;

  constructor(
    private readonly owner: Switch,
    readonly bridge: Bridge,
    private readonly attach: (port: BridgePort) => SwitchPort,
  ) {
    const local = bridge.port(OFPP.local);
    if (!local) throw new UserError(`${bridge.name} has no LOCAL port`);
    this.local = attach(local);
  }

  addPort(name: string, options: AddPort = {}): SwitchPort {
    const { type = 'memory', number, options: more, ...vlan } = options;
    const port = this.attach(this.owner.core.addPort(this.bridge, { name, type, options: more }, { number, vlan }));
    this.ports.set(name, port);
    return port;
  }

  port(name: string): SwitchPort {
    const port = this.ports.get(name);
    if (!port) throw new UserError(`${this.bridge.name}: there is no port named ${name}`);
    return port;
  }

  removePort(name: string): void {
    this.owner.core.removePorts([{ bridge: this.bridge, name }]);
    this.ports.delete(name);
  }

  private readonly names = (name: string): number | undefined => this.bridge.portByName(name)?.number;

  /** A flow as ovs-ofctl takes it ("priority=5,ip,actions=output:2"), or as a flow_mod. Throws UserError that names the fault. */
  addFlow(flow: string | FlowMod): void {
    const mod = typeof flow === 'string' ? flowModFromText(flow, 'add', this.names, this.bridge.tun) : flow;
    const { groups, meters } = this.bridge;
    const actions = checkActions(mod.actions, mod.match, {
      version: 1,
      table: mod.table,
      takesCt: () => this.bridge.takesCt,
      groupExists: (id) => groups.get(id) !== undefined,
      meterExists: (id) => meters.get(id) !== undefined,
    });
    this.bridge.flowMod({ ...mod, actions });
  }

  /** A group as ovs-ofctl takes it ("group_id=1,type=all,bucket=output:2"), or as a group_mod. Throws UserError that names the fault. */
  addGroup(group: string | GroupMod): void {
    const ctx = actionContext(this.names);
    this.bridge.groups.mod(typeof group === 'string' ? toGroupMod(parseGroup(group, 'add', ctx).mod) : group);
  }

  /** A meter as ovs-ofctl takes it ("meter=1,pktps,band=type=drop,rate=100"), or as a meter_mod. Throws UserError that names the fault. */
  addMeter(meter: string | MeterMod): void {
    this.bridge.meters.mod(typeof meter === 'string' ? toMeterMod(parseMeter(meter, 'add')) : meter);
  }

  /** One flow a line; empty lines and those that start with "#" are passed over. */
  addFlows(text: string): void {
    for (const line of text.split('\n')) {
      const flow = line.replace(/#.*/, '').trim();
      if (flow !== '') this.addFlow(flow);
    }
  }

  /** All flows, or those at least as specific as the match. */
  deleteFlows(match = ''): void {
    this.bridge.flowMod(flowModFromText(match, 'delete', this.names, this.bridge.tun));
  }

  /** Rules of the whole bridge with figures as of now, by table and falling priority. */
  rules(): Rule[] {
    this.owner.core.upcalls.pushStatistics();
    const all = [...this.bridge.flows({ ...EVERY_FLOW, ...flowModFromText('', 'delete', this.names) })];
    return all.sort((a, b) => a.table - b.table || b.priority - a.priority);
  }

  /** As ovs-ofctl dump-flows prints them. */
  dumpFlows(): string {
    const now = this.bridge.now();
    return this.rules()
      .map((r) => `${formatRule(r, now, undefined, this.bridge.tun)}\n`)
      .join('');
  }

  /**
   * What would happen to a packet of this flow ("in_port=1,tcp,tp_dst=80"), step by step, as ovs-appctl ofproto/trace prints it. Nothing changes.
   */
  trace(packet: string): string {
    return traceOf(this.owner.core, this.bridge, packet);
  }

  /** Learned addresses as ovs-appctl fdb/show prints them. */
  fdb(): string {
    return fdbText(this.bridge.macs, this.bridge.now(), (n) => (n === OFPP.local ? 'LOCAL' : String(n)));
  }
}

const EVERY_FLOW = { table: TABLE_ALL, cookieFilter: 0n, cookieMask: 0n, outPort: OFPP.none, outGroup: 0xffffffff };

export class SwitchPort {
  private readonly listeners = new Set<FrameListener>();
  private kept: Uint8Array[] = [];

  constructor(
    private readonly port: BridgePort,
    private readonly dp: Datapath,
  ) {}

  get number(): number {
    return this.port.number;
  }

  get name(): string {
    return this.port.name;
  }

  /** A frame arrives here; it is copied and waits for `run`. False: too many wait already. */
  send(frame: Uint8Array, offload?: Offload): boolean {
    return this.dp.inject(this.port.vport, frame, offload);
  }

  /** Frames that leave here. The returned function ends it. While someone listens, `received` keeps nothing. */
  on(_event: 'frame', listener: FrameListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Frames that left here since the last call. */
  received(): Uint8Array[] {
    const kept = this.kept;
    this.kept = [];
    return kept;
  }

  counters(): PortCounters {
    return this.dp.portCounters(this.port.vport);
  }

  /** @internal The frame is a view into memory of the datapath. */
  take(frame: Uint8Array, offload: Offload): void {
    const own = frame.slice();
    if (this.listeners.size === 0) this.kept.push(own);
    for (const l of this.listeners) l(own, offload);
  }
}
