/**
 * What the library's Switch and the daemon share: one datapath, its slow path, bridges and their ports. Nothing here has a timer, a thread or a
 * real clock; who owns it calls `upkeep` now and then and `settle` after work.
 */
import { Bridge } from '../bridge/bridge.js';
import { MeterIds } from '../bridge/dp-meters.js';
import type { BridgePort } from '../bridge/port.js';
import type { VlanSpec } from '../bridge/vlan.js';
import type { Datapath, Offload } from '../datapath/datapath.js';
import type { PortConfig } from '../datapath/native.js';
import { OFPP } from '../flow/field.js';
import { TunPlaces, TunTable } from '../flow/tun-table.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { TUNNEL_TYPES, tunnelConfig } from '../tunnel/config.js';
import { configText } from '../tunnel/text.js';
import { Upcalls } from '../upcall/upcalls.js';
import { PORT_CONFIG, PORT_STATE, type PortFinder, type PortView } from '../upcall/view.js';
import { BACKER, nativeConfig, type VportSpec } from '../vport/kinds.js';
import { addressOf, datapathIdOf } from './addresses.js';
import { type Kernel, KernelRoutes } from './kernel-routes.js';
import { narrowText, Underlay } from './underlay.js';
import { VlanLimit } from './vlan-limit.js';
import { VportNumbers } from './vport-numbers.js';

export interface CoreOptions {
  readonly dp: Datapath;
  readonly clock: Pick<Clock, 'now' | 'wall'>;
  /** VLAN tags that keys have: 1 as OVS's default, or 2. */
  readonly maxVlans: number;
  /** Datapath flows at most. */
  readonly maxFlows: number;
  readonly onFrame?: (vport: number, frame: Uint8Array, offload: Offload) => void;
  /** Something changed that flows may depend on: `settle` soon. */
  readonly onChange?: () => void;
  readonly log?: (text: string) => void;
  /** Whose routes and addresses tunnels use; none: only what is put in by hand. */
  readonly kernel?: Kernel;
  /** The device of a datapath port went away. */
  readonly onGone?: (vport: number) => void;
  /** The number that the datapath port of a device would like to have; 0 none. Without this numbers count up, and old ones wait long. */
  readonly vportFor?: (name: string) => number;
  /** See src/switch/addresses.ts. */
  readonly machine?: string;
  /** Bridges' datapath types are told as they are said, though there is one datapath. */
  readonly saysDatapathType?: boolean;
  /** More of a port than its type: "dummy: ifindex=7". */
  readonly describe?: (name: string) => string | undefined;
  /** A controller wants the device of a port up or down. */
  readonly setDevice?: (port: BridgePort, up: boolean) => void;
}

export interface PortOptions {
  /** OpenFlow number; the lowest free one when left out. */
  readonly number?: number;
  readonly vlan?: VlanSpec;
  readonly hwAddr?: Uint8Array;
}

interface Attached {
  readonly bridge: Bridge;
  readonly port: BridgePort;
  readonly spec: VportSpec;
  readonly config: PortConfig | undefined;
}

/** A port that has a device. The same object as long as the port is there. */
export interface DevicePort extends Attached {
  readonly config: PortConfig;
}

function isDevice(at: Attached | undefined): at is DevicePort {
  return ['system', 'xdp', 'tap'].includes(at?.config?.kind ?? '') || at?.spec.dummy === true;
}

const OWN_TYPES = ['internal', 'tap', 'dummy-internal'];

/** How often statistics go back to rules, and timeouts are looked at: OVS's users see figures within a second. */
export const UPKEEP_MS = 500;

/** What the one datapath is, by the names of OVS. */
export const DATAPATH_TYPE = 'netdev';

export class Core {
  readonly dp: Datapath;
  readonly upcalls: Upcalls;
  readonly underlay: Underlay;
  readonly vlans = new VlanLimit(this, () => this.options.maxVlans);
  private readonly kernelRoutes: KernelRoutes | undefined;
  /** What the host's stack listens to, whether it can or not. */
  private listening = '';
  readonly bridges = new Map<string, Bridge>();
  private readonly byVport = new Map<number, Attached>();
  private readonly byName = new Map<string, Attached>();
  /** Ports of the datapath since the start. */
  portsAdded = 0;
  portsRemoved = 0;
  /** The last bridge has gone. */
  onEmpty: (() => void) | undefined;
  private readonly vports = new VportNumbers((n) => this.byVport.has(n) || this.underlay.isBacker(n));
  private readonly meterIds = new MeterIds();
  private readonly noOptions = new TunTable(new TunPlaces());

  constructor(private readonly options: CoreOptions) {
    this.dp = options.dp;
    const find: PortFinder = (vport, key) => this.byVport.get(vport) ?? this.underlay.arrival(vport, key);
    this.upcalls = new Upcalls(options.dp, options.clock, find, { maxFlows: options.maxFlows });
    this.underlay = new Underlay({
      port: (name) => this.ownPort(name),
      changed: () => this.upcalls.changes.everything(),
      neighborChanged: (name) => this.upcalls.changes.changed(name),
      wanted: () => options.onChange?.(),
      narrow: (e) => options.log?.(narrowText(e, this.vportName(e.vport))),
    });
    this.upcalls.underlay = this.underlay;
    if (options.kernel) this.kernelRoutes = new KernelRoutes(options.kernel, this.underlay);
    if (options.onChange) this.upcalls.changes.onFirst = options.onChange;
    this.dp.setHandlers({
      upcall: (u) => this.upcalls.upcall(u),
      frame: (vport, frame, offload) => options.onFrame?.(vport, frame, offload),
      portEvent: (vport) => options.onGone?.(vport),
    });
  }

  readonly addressOf = (name: string): Uint8Array => addressOf(name, this.options.machine);

  /** `local`: what stands behind the bridge's own port. Throws UserError. */
  addBridge(name: string, local: VportSpec): Bridge {
    if (this.bridges.has(name)) throw new UserError(`there is a bridge named ${name}`);
    const { dp, upcalls, meterIds, vlans } = this;
    const { clock, setDevice } = this.options;
    const hwAddr = this.addressOf(name);
    const deps = { dp, clock, upcalls, maxVlans: vlans.probe(), meterIds, ...(setDevice ? { setDevice } : {}) };
    const bridge = new Bridge(name, datapathIdOf(hwAddr), deps);
    bridge.tun = this.noOptions;
    this.addPort(bridge, local, { number: OFPP.local, hwAddr });
    this.bridges.set(name, bridge);
    return bridge;
  }

  /** With their ports. */
  removeBridges(names: readonly string[]): void {
    const all = names.flatMap((name) => this.bridges.get(name) ?? []);
    this.removePorts(all.flatMap((bridge) => [...bridge.ports()].map(({ name }) => ({ bridge, name }))));
    for (const { name } of all) this.bridges.delete(name);
    this.upcalls.sweep();
    if (this.bridges.size === 0) this.onEmpty?.();
  }

  /** Opens what the spec says in the datapath and adds a port for it to a bridge. Throws UserError; then nothing was changed. */
  addPort(bridge: Bridge, spec: VportSpec, options: PortOptions = {}): BridgePort {
    if (this.byName.has(spec.name)) throw new UserError(`there is a port named ${spec.name}`);
    if (TUNNEL_TYPES.includes(spec.type)) return this.addTunnel(bridge, spec, options);
    const config = nativeConfig(spec);
    const number = options.number ?? bridge.freeNumber();
    if (bridge.port(number)) throw new UserError(`${bridge.name}: port number ${number} is in use`);
    const vport = config ? this.takeVport(spec.name) : 0;
    try {
      if (config) this.dp.portAdd(vport, config);
    } catch (e) {
      this.vports.give(vport);
      throw e;
    }
    const port = bridge.addPort({
      number,
      name: spec.name,
      vport,
      hwAddr: options.hwAddr ?? this.addressOf(spec.name),
      vlan: options.vlan,
      ...(spec.dummy ? { curr: 0, currSpeed: 0, countsNoLosses: true } : {}),
      peer: spec.type === 'patch' ? () => this.patchPeer(spec) : undefined,
    });
    const attached = { bridge, port, spec, config };
    this.byName.set(spec.name, attached);
    if (!config) return port;
    this.byVport.set(vport, attached);
    this.portsAdded++;
    return port;
  }

  /** A tunnel has no datapath port of its own: it shares the backer of its type and UDP port. */
  private addTunnel(bridge: Bridge, spec: VportSpec, options: PortOptions): BridgePort {
    const { underlay } = this;
    const tunnel = tunnelConfig(spec.name, spec.type, spec.options, (text) => this.options.log?.(text));
    const number = options.number ?? bridge.freeNumber();
    if (bridge.port(number)) throw new UserError(`${bridge.name}: port number ${number} is in use`);
    const { vport } = underlay.take(tunnel, (name) => {
      const n = this.takeVport(name);
      this.dp.portAdd(n, BACKER);
      return n;
    });
    const hwAddr = options.hwAddr ?? this.addressOf(spec.name);
    let port: BridgePort | undefined;
    try {
      const more = { curr: 0, currSpeed: 0 };
      port = bridge.addPort({ number, name: spec.name, vport, hwAddr, vlan: options.vlan, tunnel, ...more });
      underlay.tunnels.add({ name: spec.name, config: tunnel, vport, bridge, port });
    } catch (e) {
      if (port) bridge.removePort(port.number);
      this.leaveBacker(vport);
      throw e;
    }
    this.byName.set(spec.name, { bridge, port, spec, config: undefined });
    const word = underlay.listensFor(tunnel);
    if (word !== undefined && !this.listening.split(',').includes(word)) this.listen();
    return port;
  }

  private leaveBacker(vport: number): void {
    if (!this.underlay.leave(vport)) return;
    this.upcalls.sweep();
    this.dp.portRemove(vport);
    this.vports.give(vport);
    this.listen();
  }

  /** The host's stack listens for all tunnels that there are. What it cannot is said, and bridges carry tunnels all the same. */
  private listen(): void {
    const { underlay } = this;
    const device = underlay.listens;
    if (!this.options.kernel || device === this.listening) return;
    this.listening = device;
    const vport = underlay.hostVport || (device === '' ? 0 : this.takeVport('host'));
    if (underlay.hostVport !== 0) this.dp.portRemove(vport);
    underlay.hostVport = 0;
    try {
      if (device !== '') this.dp.portAdd(vport, { ...BACKER, kind: 'host', device });
      if (device !== '') underlay.hostVport = vport;
    } catch (e) {
      this.options.log?.(`tunnels: ${e instanceof Error ? e.message : String(e)}; only bridges carry them`);
    }
    if (underlay.hostVport === 0 && vport !== 0) this.vports.give(vport);
    this.upcalls.changes.everything();
  }

  private takeVport(name: string): number {
    return this.vports.take(this.options.vportFor?.(name));
  }

  /** Many at once cost one look at the flows, not one each. */
  removePorts(ports: readonly { readonly bridge: Bridge; readonly name: string }[]): void {
    const gone = ports.flatMap(({ bridge, name }) => this.detach(bridge, name) ?? []);
    if (gone.length === 0) return;
    // No flow may output to them any more when the datapath lets them go.
    this.upcalls.sweep();
    this.dp.portsRemove(gone);
    this.portsRemoved += gone.length;
    this.vports.give(...gone);
  }

  /** Takes a port out of its bridge. Returns what the datapath still has of it alone. */
  private detach(bridge: Bridge, name: string): number | undefined {
    const attached = this.byName.get(name);
    if (!attached || attached.bridge !== bridge) throw new UserError(`${bridge.name}: there is no port named ${name}`);
    const { vport, tunnel, number } = attached.port;
    bridge.removePort(number);
    this.byName.delete(name);
    this.underlay.mtus.delete(vport);
    if (this.byVport.delete(vport)) return vport;
    if (!tunnel) return undefined;
    this.underlay.tunnels.remove({ name, config: tunnel.config, vport, bridge, port: attached.port });
    this.leaveBacker(vport);
    return undefined;
  }

  /** A port that stands for this machine: the host's own, with its addresses. */
  private ownPort(name: string): Attached | undefined {
    const at = this.byName.get(name);
    return at && (at.port.number === OFPP.local || OWN_TYPES.includes(at.spec.type)) ? at : undefined;
  }

  /** Two patch ports are joined when each names the other. */
  private patchPeer(spec: VportSpec): PortView['patch'] {
    const other = this.byName.get(spec.options?.peer ?? '');
    if (other?.spec.type !== 'patch' || other.spec.options?.peer !== spec.name) return undefined;
    return { bridge: other.bridge, port: other.port };
  }

  /** Milliseconds of the switch's clock. */
  now(): number {
    return this.options.clock.now();
  }

  /** Milliseconds since 1970, for text. */
  wall(): number {
    return this.options.clock.wall();
  }

  /** Interface type of a port. */
  typeOf(name: string): string {
    return this.byName.get(name)?.spec.type || 'system';
  }

  /** Its type, with what is special about it. */
  describe(name: string): string {
    const peer = this.byName.get(name)?.spec;
    if (peer?.type === 'patch') return `patch: peer=${peer.options?.peer ?? ''}`;
    const tunnel = this.byName.get(name)?.port.tunnel;
    if (tunnel) return configText(tunnel.config);
    const type = this.typeOf(name);
    // The datapath is told as "netdev", which makes internal ports of TAPs.
    return this.options.describe?.(name) ?? (type === 'internal' && !this.options.saysDatapathType ? 'tap' : type);
  }

  /** Of the datapath as tools see it; of a bridge, that of its part. */
  datapathType(bridge: Bridge | undefined = this.bridges.values().next().value): string {
    if (!this.options.saysDatapathType || !bridge) return DATAPATH_TYPE;
    return bridge.datapathType || 'system';
  }

  /** Devices are played, and their datapath is one of dummies. */
  get hasDummies(): boolean {
    return this.options.saysDatapathType === true;
  }

  get datapathName(): string {
    return `${this.datapathType()}@ovs-${this.datapathType()}`;
  }

  portOf(vport: number): BridgePort | undefined {
    return this.byVport.get(vport)?.port;
  }

  /** Name of a datapath port: that of the port, or of what tunnels share. */
  vportName(vport: number): string | undefined {
    return this.portOf(vport)?.name ?? this.underlay.backers.at(vport)?.name;
  }

  /** The bridge and port of a datapath port. */
  attachedTo(vport: number): { readonly bridge: Bridge; readonly port: BridgePort } | undefined {
    return this.byVport.get(vport);
  }

  /** Ports of the datapath with devices, by their numbers there. */
  dpPorts(): BridgePort[] {
    return [...this.byVport.values()].map((at) => at.port).sort((a, b) => a.vport - b.vport);
  }

  *devices(): Iterable<DevicePort> {
    for (const at of this.byVport.values()) if (isDevice(at)) yield at;
  }

  device(vport: number): DevicePort | undefined {
    const at = this.byVport.get(vport);
    return isDevice(at) ? at : undefined;
  }

  /** 0: any. */
  setMtu(vport: number, mtu: number): void {
    this.dp.portMtu(vport, mtu);
    // A dummy takes what it is given, whatever it says.
    if (!this.byVport.get(vport)?.spec.dummy) this.underlay.setMtu(vport, mtu);
  }

  setLink({ bridge, port }: DevicePort, up: boolean): void {
    bridge.setPortState(port.number, up ? port.state & ~PORT_STATE.linkDown : port.state | PORT_STATE.linkDown);
  }

  /** Opens a port's device anew, under the same number. Throws UserError; the port then leads nowhere until another try succeeds. */
  reopen({ port, config }: DevicePort): void {
    this.dp.portRemove(port.vport);
    try {
      this.dp.portAdd(port.vport, config);
    } catch (e) {
      this.dp.portAdd(port.vport, { ...config, kind: 'null', device: '' });
      this.dp.portState(port.vport, false);
      throw e;
    }
    if (port.config & PORT_CONFIG.down) this.dp.portState(port.vport, false);
  }

  /** Statistics to where they belong, then what is too old goes. Every UPKEEP_MS. */
  upkeep(part = 0, parts = 1): void {
    if (this.underlay.backers.areOther()) this.upcalls.changes.everything();
    this.upcalls.pushStatistics(part, parts);
    if (part + 1 < parts) return;
    for (const bridge of this.bridges.values()) bridge.expire();
    if (this.kernelRoutes?.refresh()) this.listen();
    this.underlay.neighbors.expire(this.now());
    this.upcalls.retry();
  }

  /** Translates again what changes have touched. */
  settle(most?: number): boolean {
    this.underlay.flush();
    const changed = this.upcalls.settle(most);
    if (changed) this.upcalls.retry();
    return changed;
  }

  /** Flows stay as they are until it is taken back: for who looks into the datapath, or puts flows there by hand. */
  pause(on: boolean): void {
    this.upcalls.paused = on;
    if (!on) this.settle();
  }

  close(): void {
    this.dp.close();
  }
}
