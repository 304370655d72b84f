/**
 * The switch as a program: worker threads, the real clock, OpenFlow sockets. The composition root: what is joined here knows nothing of each other
 * elsewhere.
 *
 * One thread decides. Upcalls come by the driver's doorbell; what they and controllers change is settled right after, in the same turn of the event
 * loop as a rule. Statistics and timeouts have a timer.
 */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Bridge } from '../bridge/bridge.js';
import { flowModFromText } from '../bridge/flow-text.js';
import type { BridgePort } from '../bridge/port.js';
import type { VlanSpec } from '../bridge/vlan.js';
import { type ControlCommand, ControlServer } from '../control/unixctl.js';
import { loadAddon } from '../datapath/driver/load.js';
import { NativeDriver, type PortPaths } from '../datapath/driver/native-driver.js';
import { OFPP } from '../flow/field.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { OpenFlowServer } from '../openflow/server/server.js';
import { isFound, unknownOptions, type VportSpec } from '../vport/kinds.js';
import { machineOf } from './addresses.js';
import { controllerCommands } from './commands/controller-commands.js';
import { coverageCommands, eventTotals } from './commands/coverage-commands.js';
import { upcallCommands } from './commands/upcall-commands.js';
import { controlCommands } from './control-commands.js';
import { type ControllerOptions, Controllers } from './controllers.js';
import { Core, type PortOptions, UPKEEP_MS } from './core.js';
import { Coverage } from './coverage.js';
import { type Devices, KERNEL_DEVICES } from './devices.js';
import { dummyCommands } from './dummy/commands.js';
import { dummyVport, TestBed } from './dummy/test-bed.js';
import { Ending } from './ending.js';
import { NO_LIMIT, UPCALL_LIMIT, UpcallGuard } from './guard.js';
import { type LinkStatus, Links } from './links.js';
import { listenUnix, prepareRunDirectory, removeStaleControl, runDirectory } from './of-sockets.js';
import { directly } from './peer-stream.js';
import { formerHasGone, lockPidFile } from './pid-file.js';
import { RealClock } from './real-clock.js';
import type { Served } from './served.js';
import { Settler } from './settler.js';
import { type Steering, steeringOf } from './steering/steering.js';
import { Tidy } from './tidy.js';
import { CHECKED_FLOWS, partsFor, UPKEEP_PARTS } from './upkeep.js';
import { xdpText } from './xdp-text.js';

export interface DaemonOptions {
  readonly workers?: number;
  readonly busy?: boolean; // workers never sleep
  readonly maxFlows?: number;
  /** VLAN tags that matches see. */
  readonly maxVlans?: 1 | 2;
  /** Flows with ct are taken, for those who never send packets there. */
  readonly takesCt?: boolean;
  /** Where sockets are; undefined: the environment's or OVS's own. Null: none are opened. */
  readonly runDir?: string | null;
  readonly microflow?: boolean;
  readonly log?: (text: string) => void;
  /** Further commands of the control socket. */
  readonly commands?: readonly ControlCommand[];
  /** The control socket's path, where it is not <rundir>/ovs-vswitchd.<pid>.ctl. */
  readonly unixctl?: string;
  /** Ports may be dummies, and time may be stopped: for tests. */
  readonly dummies?: boolean;
  /** A second pid file. */
  readonly pidFile?: string;
}

const MAX_FLOWS = 200_000;

/** Program name in pid file and control socket, of the process and in its log: what ovs-appctl looks for when it is given no target. */
export const PROGRAM = 'ovs-vswitchd';

/** A port as the command line names it. */
export interface NamedPort {
  readonly name: string;
  /** Undefined: an existing device of that name, else a TAP. */
  readonly type?: string;
  readonly number?: number;
  readonly vlan?: VlanSpec;
  readonly options?: Readonly<Record<string, string>>;
}

export class Daemon {
  readonly core: Core;
  readonly driver: NativeDriver;
  readonly clock: Clock;
  /** With dummies. */
  readonly bed: TestBed | undefined;
  readonly runDir: string | undefined;
  readonly steering: Steering;
  private readonly served = new Map<string, Served>();
  private readonly log: (text: string) => void;
  private readonly control = new ControlServer((text) => this.log(text));
  private readonly coverage: Coverage;
  private closeControl: () => Promise<void> = async () => {};
  private readonly pidFiles: string[] = [];
  readonly ending = new Ending();
  private readonly links: Links;
  private readonly tidy = new Tidy();
  private readonly settler: Settler;
  private readonly guard: UpcallGuard;
  private closed = false;
  private cancel: () => void = () => {};

  constructor(private readonly options: DaemonOptions = {}) {
    const { maxFlows = MAX_FLOWS, maxVlans = 1, log = () => {} } = options;
    this.log = log;
    this.bed = options.dummies ? new TestBed(this.log) : undefined;
    this.clock = this.bed?.clock ?? new RealClock();
    if (options.runDir !== null) {
      this.runDir = options.runDir ?? runDirectory();
      prepareRunDirectory(this.runDir);
    }
    this.driver = new NativeDriver({
      workers: options.workers ?? 1,
      manual: this.bed !== undefined,
      busy: options.busy ?? false,
      microflow: options.microflow ?? true,
      maxFlows,
      maxVlans,
    });
    this.core = new Core({
      dp: this.driver,
      clock: this.clock,
      maxFlows,
      maxVlans,
      onChange: () => (this.bed ? this.bed.moveSoon() : this.settler.soon()),
      onFrame: (vport, frame, offload) => this.bed?.devices.transmit(vport, frame, offload),
      ...(this.bed ? { vportFor: dummyVport, saysDatapathType: true } : { kernel: loadAddon(), log: this.log }),
      ...(this.runDir !== undefined && !this.bed ? { machine: machineOf(this.runDir) } : {}),
      describe: (name) => this.bed?.devices.get(name)?.description ?? xdpText(this.core, this.driver, name),
      onGone: (vport) => this.links.gone(vport),
      setDevice: (port, up) => this.setDevice(port, up),
    });
    this.settler = new Settler(this.core, this.clock);
    this.guard = new UpcallGuard(this.core, this.driver, this.log, this.bed ? NO_LIMIT : UPCALL_LIMIT);
    this.steering = steeringOf(this.core, this.driver, this.clock, this.log);
    this.bed?.attach(this.core, this.driver);
    this.links = new Links(this.core, (name) => this.devices(name), this.log);
    this.register(controlCommands(this.core, this.driver, this.steering, (cleanup) => this.ending.exit(cleanup)));
    if (this.bed) this.register(dummyCommands(this.bed, (d) => this.links.added(d.vport)));
    this.coverage = new Coverage(this.clock.now(), () => eventTotals(this.core, this.driver, this.control, this.guard));
    this.register([
      ...coverageCommands(this.coverage),
      ...upcallCommands(this.core, this.driver, this.guard),
      ...controllerCommands(this.served),
      ...(options.commands ?? []),
    ]);
    this.upkeepLater(0, this.bed ? 1 : UPKEEP_PARTS);
  }

  /** Further commands of the control socket. */
  register(commands: readonly ControlCommand[]): void {
    for (const c of commands) this.control.register(c);
  }

  /** Something happened that coverage/show counts. */
  count(event: string): void {
    this.coverage.count(event);
  }

  /** Opens the control socket and writes the pid file. Rejects with UserError when another switch has the run directory. */
  async start(): Promise<void> {
    if (this.runDir === undefined) return;
    const own = join(this.runDir, `${PROGRAM}.pid`);
    const second = this.options.pidFile === undefined ? own : resolve(this.runDir, this.options.pidFile);
    await formerHasGone(own);
    for (const pidFile of new Set([own, second])) this.pidFiles.push(lockPidFile(pidFile));
    removeStaleControl(this.runDir, PROGRAM);
    const socket = resolve(this.runDir, this.options.unixctl ?? `${PROGRAM}.${process.pid}.ctl`);
    this.closeControl = await listenUnix(socket, (s) => this.control.accept(s));
  }

  /**
   * A bridge as a newcomer wants it: LOCAL is a TAP of the bridge's name (without the privilege for it LOCAL leads nowhere, and the log says so), and
   * its first flow is NORMAL.
   */
  async addLearningBridge(name: string, above?: ControllerOptions): Promise<Bridge> {
    let bridge: Bridge;
    try {
      bridge = await this.addBridge(name, undefined, above);
    } catch (e) {
      if (!(e instanceof UserError) || !/Operation not permitted|\/dev\/net\/tun/.test(e.message)) throw e;
      this.log(`${name}: ${e.message}; the bridge works without its LOCAL port`);
      bridge = await this.addBridge(name, { type: 'null' }, above);
    }
    // Otherwise what is above decides.
    if (!above) bridge.flowMod(flowModFromText('priority=0,actions=NORMAL', 'add', () => undefined));
    return bridge;
  }

  /** A port by name: an existing device is opened as it is, another name becomes a TAP, unless a type is said. */
  addNamedPort(bridge: Bridge, port: NamedPort): BridgePort {
    const info = KERNEL_DEVICES.info(port.name, port.options?.netns ?? '');
    const type = port.type ?? (info ? 'system' : 'tap');
    const { name, number, vlan, options } = port;
    const unknown = unknownOptions({ name, type, options });
    if (unknown.length > 0) throw new UserError(`${name}: a port of type ${type} has no setting "${unknown[0]}"`);
    return this.addPort(bridge, { name, type, options }, { number, vlan });
  }

  /** A bridge with its own port, and its OpenFlow sockets when there is a run directory. Throws UserError. */
  async addBridge(
    name: string,
    local: Omit<VportSpec, 'name'> = { type: 'internal' },
    above?: ControllerOptions,
  ): Promise<Bridge> {
    const spec = { ...local, name };
    if (spec.dummy) this.bed?.devices.add(spec);
    const bridge = this.core.addBridge(name, spec);
    bridge.takesCt = this.options.takesCt ?? false;
    const own = bridge.port(OFPP.local);
    if (own) this.opened(own, spec);
    const openflow = new OpenFlowServer(bridge, this.clock, {
      versions: above?.versions,
      // Tools come and go for each command.
      log: (text) => {
        if (!text.endsWith('connection closed by peer')) this.log(text);
      },
      fault: (e) => this.log(`${name}: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`),
    });
    const controllers = new Controllers(bridge, openflow, this.clock, this.log);
    const close: (() => Promise<void>)[] = [() => controllers.close()];
    this.served.set(name, { bridge, openflow, controllers, close });
    try {
      if (above) await controllers.set(above);
      if (this.runDir !== undefined) {
        close.push(
          await listenUnix(join(this.runDir, `${name}.mgmt`), (s) => void openflow.accept(directly(s), 'service')),
        );
        close.push(await listenUnix(join(this.runDir, `${name}.snoop`), (s) => openflow.snoop(s)));
      }
    } catch (e) {
      await this.removeBridges([name]);
      throw e;
    }
    return bridge;
  }

  /** Takes all ports away, those that outlive the switch otherwise, too; and lets the exit command be answered. */
  async cleanUp(): Promise<void> {
    await this.removeBridges([...this.served.keys()]);
    this.ending.done();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async removeBridges(names: readonly string[]): Promise<void> {
    const all = names.flatMap((name) => this.served.get(name) ?? []);
    for (const name of names) this.served.delete(name);
    for (const { openflow, close } of all) {
      openflow.close();
      for (const c of close) await c();
    }
    const devices = all.flatMap((s) => [...s.bridge.ports()].map((p) => p.name));
    this.core.removeBridges(names);
    for (const n of devices) this.bed?.devices.remove(n);
  }

  addPort(bridge: Bridge, spec: VportSpec, options: PortOptions = {}): BridgePort {
    if (spec.dummy) this.bed?.devices.add(spec);
    const has = spec.dummy || isFound(spec.type);
    const found = has ? this.devices(spec.name).info(spec.name, spec.options?.netns ?? '') : undefined;
    try {
      const port = this.core.addPort(bridge, spec, { ...options, hwAddr: options.hwAddr ?? found?.mac });
      this.opened(port, spec);
      return port;
    } catch (e) {
      if (spec.dummy && !bridge.portByName(spec.name)) this.bed?.devices.remove(spec.name);
      throw e;
    }
  }

  /** A device that we made gets the address that OpenFlow tells of the port. */
  private opened(port: BridgePort, spec: VportSpec): void {
    if (spec.dummy) this.bed?.devices.opened(spec.name, port.vport, spec.options ?? {});
    else if (this.core.device(port.vport)) this.bed?.watchDevices();
    this.addressDevice(port);
    this.links.added(port.vport);
  }

  /** A dummy takes other options as it is. False: the port has to be made anew. */
  reconfigure(port: BridgePort, spec: VportSpec): boolean {
    const dummy = spec.dummy ? this.bed?.devices.get(port.name) : undefined;
    dummy?.configure(spec.options ?? {});
    if (dummy) this.links.added(port.vport);
    return dummy !== undefined;
  }

  private devices(name: string): Devices {
    return this.bed?.devices.get(name) ? this.bed.devices : KERNEL_DEVICES;
  }

  private addressDevice(port: BridgePort): void {
    const at = this.core.device(port.vport);
    if (at?.config.kind !== 'tap' && !at?.spec.dummy) return;
    const { device, netns } = at.config;
    this.tryDevice(port, () => this.devices(device).setMac(device, netns, port.hwAddr));
  }

  holdPackets(on: boolean): void {
    this.core.upcalls.holding = on;
  }

  hasDevice(name: string, netns: string): boolean {
    return this.devices(name).info(name, netns) !== undefined;
  }

  /** Sets the MTU of a port's device. */
  setMtu(port: BridgePort, mtu: number): void {
    const at = this.core.device(port.vport);
    if (!at) return;
    const { device, netns } = at.config;
    this.tryDevice(port, () => this.devices(device).setMtu(device, netns, mtu));
    this.links.added(port.vport);
  }

  private setDevice(port: BridgePort, up: boolean): void {
    const at = this.core.device(port.vport);
    if (!at) return;
    const { device, netns } = at.config;
    this.tryDevice(port, () => this.devices(device).setUp(device, netns, up));
    this.links.added(port.vport);
    void this.bed?.report();
  }

  private tryDevice(port: BridgePort, set: () => void): void {
    try {
      set();
    } catch (e) {
      this.log(`${port.name}: ${e instanceof Error ? e.message : String(e)}`);
    }
  }

  removePorts(ports: readonly { readonly bridge: Bridge; readonly name: string }[]): void {
    this.core.removePorts(ports);
    for (const { name } of ports) this.bed?.devices.remove(name);
  }

  /** What is known of the device behind a port; undefined where there is none. */
  link(port: BridgePort): LinkStatus | undefined {
    return this.links.status(port.vport);
  }

  paths(port: BridgePort): PortPaths | undefined {
    return this.driver.portPaths(port.vport);
  }

  /** Grows when `link` has something new to say of any port. */
  get linkChanges(): number {
    return this.links.changes;
  }

  servedBridge(name: string): Served | undefined {
    return this.served.get(name);
  }

  /** Sets the address of a port, and of its device where we made that. */
  setAddress(bridge: Bridge, port: BridgePort, mac: Uint8Array): void {
    bridge.deviceSays(port.number, { hwAddr: mac });
    this.addressDevice(port);
    this.links.added(port.vport);
  }

  private upkeepLater(part = 0, parts = UPKEEP_PARTS): void {
    this.cancel = this.clock.after(UPKEEP_MS / parts, () => {
      if (this.closed) return;
      if (part === 0) {
        this.links.look();
        this.guard.look();
        this.tidy.look(this.core.portsAdded, this.core.portsRemoved, this.core.upcalls.counts.misses);
      }
      this.coverage.look(this.clock.now());
      this.core.upkeep(part, parts);
      const wrong = this.core.upcalls.check(CHECKED_FLOWS / parts);
      if (wrong > 0) this.log(`${wrong} datapath flows were out of date: please report this`);
      if (part + 1 < parts) return this.upkeepLater(part + 1, parts);
      // Nobody waits while time stands, and who moved it wants all to be done.
      if (this.bed) return this.upkeepLater(0, 1);
      this.upkeepLater(0, partsFor(this.core.upcalls.flows.all.length));
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.cancel();
    this.settler.close();
    this.steering.close();
    for (const { openflow, close } of this.served.values()) {
      openflow.close();
      for (const c of close) await c();
    }
    this.served.clear();
    await this.closeControl();
    for (const f of this.pidFiles) rmSync(f, { force: true });
    this.bed?.close();
    this.core.close();
  }
}
