/**
 * Makes the switch what the database wants: the difference between the two is applied, and nothing else. What failed is tried again at the next
 * change. Ports that stay as they are are not touched, so that their traffic does not notice.
 *
 * Order: what goes, goes first, so that names and numbers are free; then bridges; then ports that ask for a number; then the others, each with the
 * number it had the last time where that is free, else with the next one that was not given out before: a number that just became free may still be
 * in somebody's flows.
 */
import type { Bridge } from '../../bridge/bridge.js';
import type { BridgePort } from '../../bridge/port.js';
import { OFPP } from '../../flow/field.js';
import { UserError } from '../../lib/errors.js';
import { naturalOrder } from '../../lib/natural.js';
import { TunnelFault } from '../../tunnel/config.js';
import { isFound, type VportSpec } from '../../vport/kinds.js';
import type { PortOptions } from '../core.js';
import { askedMac, type DummyMode, type Effective, effectiveType, openError, vlanSpec, vportSpec } from './ports.js';
import type { InterfaceRow, PortRow } from './tables.js';
import type { Wanted, WantedBridge, WantedInterface } from './wanted.js';

/** What is asked of the switch. */
export interface Plant {
  addBridge(name: string, local: Omit<VportSpec, 'name'>): Promise<Bridge>;
  removeBridges(names: readonly string[]): Promise<void>;
  addPort(bridge: Bridge, spec: VportSpec, options: PortOptions): BridgePort;
  removePorts(ports: readonly { readonly bridge: Bridge; readonly name: string }[]): void;
  /** What a bridge or port of a name has of itself. */
  readonly core: { addressOf(name: string): Uint8Array };
  /** Of a port, and of its device where we made that. */
  setAddress(bridge: Bridge, port: BridgePort, mac: Uint8Array): void;
  setMtu(port: BridgePort, mtu: number): void;
  hasDevice(name: string, netns: string): boolean;
  /** Other options for a port that stays. False: it has to be made anew. */
  reconfigure(port: BridgePort, spec: VportSpec): boolean;
}

/** An interface of the database as it is in the switch: with a port, or with the reason why not. */
export interface Made {
  row: InterfaceRow;
  portRow: PortRow;
  readonly type: string;
  spec: VportSpec;
  readonly bridge: MadeBridge;
  port?: BridgePort;
  error?: string;
}

export interface MadeBridge {
  readonly name: string;
  readonly bridge: Bridge;
  readonly local: Effective;
  wanted: WantedBridge;
  /** The number given out last. */
  lastNumber: number;
}

const MAX_NUMBER = 0xfeff;

/** What cannot change while a port is open. */
function shape(type: string, spec: VportSpec, row: InterfaceRow): string {
  const options = Object.entries(spec.options ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([type, options, row.ofport_request]);
}

export class Applier {
  readonly bridges = new Map<string, MadeBridge>();
  /** By interface name. */
  readonly made = new Map<string, Made>();
  /** Ports whose device was not there. */
  private readonly missing = new Set<Made>();
  private readonly said = new Set<string>();

  constructor(
    private readonly plant: Plant,
    private readonly log: (text: string) => void,
    readonly dummies: DummyMode = 'off',
  ) {}

  async apply(w: Wanted): Promise<void> {
    for (const fault of w.faults) this.sayOnce(fault);
    await this.removeBridges(w);
    const wantedNames = new Map<string, WantedBridge>();
    for (const b of w.bridges) {
      for (const p of b.ports) for (const i of p.interfaces) wantedNames.set(i.row.name, b);
    }
    this.remove([...this.made.values()].filter((m) => wantedNames.get(m.row.name)?.name !== m.bridge.name));
    for (const b of w.bridges) await this.bridge(b);
  }

  /** A device that a port lacked is there now. */
  mayRetry(): boolean {
    for (const m of this.missing) {
      if (this.made.get(m.row.name) !== m) this.missing.delete(m);
      else if (this.plant.hasDevice(m.row.name, m.spec.options?.netns ?? '')) return this.missing.delete(m);
    }
    return false;
  }

  private async removeBridges(w: Wanted): Promise<void> {
    const wanted = new Map(w.bridges.map((b) => [b.name, b]));
    const gone = new Set<MadeBridge>();
    for (const made of this.bridges.values()) {
      const b = wanted.get(made.name);
      if (!b || this.localType(b).type !== made.local.type) gone.add(made);
    }
    if (gone.size === 0) return;
    for (const made of gone) this.bridges.delete(made.name);
    for (const m of [...this.made.values()]) if (gone.has(m.bridge)) this.made.delete(m.row.name);
    await this.plant.removeBridges([...gone].map((made) => made.name));
  }

  private localType(b: WantedBridge): Effective {
    const local = localOf(b);
    return local ? effectiveType(local, b.row.datapath_type, this.dummies) : { type: 'null', dummy: false };
  }

  private async bridge(b: WantedBridge): Promise<void> {
    const made = this.bridges.get(b.name) ?? (await this.makeBridge(b));
    made.wanted = b;
    const all: WantedInterface[] = [];
    for (const p of b.ports) for (const i of p.interfaces) if (!this.keep(made, i)) all.push(i);
    // Rows have no order of their own, and numbers are given out in this one.
    all.sort((a, b) => naturalOrder(a.row.name, b.row.name));
    const asks = (i: WantedInterface): boolean => i.row.ofport_request !== undefined || i.row.ofport !== undefined;
    for (const i of all) if (i.row.ofport_request !== undefined) this.make(made, i);
    for (const i of all) if (i.row.ofport_request === undefined && asks(i)) this.make(made, i);
    for (const i of all) if (!asks(i)) this.make(made, i);
  }

  private async makeBridge(b: WantedBridge): Promise<MadeBridge> {
    const kind = this.localType(b);
    const local = localOf(b);
    const options = Object.fromEntries(local?.row.options ?? []);
    let bridge: Bridge;
    let error: string | undefined;
    try {
      bridge = await this.plant.addBridge(b.name, { ...kind, options, keep: true });
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      error = openError(b.name, e.message);
      this.log(`${b.name}: ${e.message}; the bridge works without its LOCAL port`);
      bridge = await this.plant.addBridge(b.name, { type: 'null' });
    }
    const made: MadeBridge = { name: b.name, bridge, local: kind, wanted: b, lastNumber: 0 };
    this.bridges.set(b.name, made);
    if (local) {
      const port = error === undefined ? bridge.port(OFPP.local) : undefined;
      const spec = vportSpec(local, kind);
      const { row } = local;
      this.made.set(row.name, { row, portRow: local.port.row, type: kind.type, spec, bridge: made, port, error });
      if (port && row.mtu_request !== undefined) this.plant.setMtu(port, row.mtu_request);
    }
    return made;
  }

  /** True: the interface is there as it is wanted. */
  private keep(b: MadeBridge, i: WantedInterface): boolean {
    const m = this.made.get(i.row.name);
    if (!m) return false;
    if (m.row !== i.row) {
      const kind = effectiveType(i, b.wanted.row.datapath_type, this.dummies);
      if (!this.isSame(m, i, kind)) {
        this.remove([m]);
        return false;
      }
      this.change(m, i);
    }
    if (m.portRow !== i.port.row) {
      m.portRow = i.port.row;
      if (m.port) {
        b.bridge.setVlan(m.port.number, vlanSpec(i.port.row));
        b.bridge.setProtected(m.port.number, i.port.row.protected);
      }
    }
    return m.port !== undefined || i.isLocal;
  }

  private isSame(m: Made, i: WantedInterface, kind: Effective): boolean {
    const spec = vportSpec(i, kind);
    if (shape(kind.type, spec, i.row) === shape(m.type, m.spec, m.row)) return true;
    const sameNumber = m.row.ofport_request === i.row.ofport_request;
    if (!m.port || kind.type !== m.type || !sameNumber || !this.plant.reconfigure(m.port, spec)) return i.isLocal;
    m.spec = spec;
    return true;
  }

  /** What may change while the port is open. */
  private change(m: Made, { row, isLocal }: WantedInterface): void {
    const { port } = m;
    const before = m.row;
    m.row = row;
    if (!port) return;
    if (row.mtu_request !== undefined && row.mtu_request !== before.mtu_request)
      this.plant.setMtu(port, row.mtu_request);
    if (row.mac === before.mac || (m.type !== 'internal' && m.type !== 'dummy-internal')) return;
    if (isLocal)
      this.sayOnce(`${row.name}: the address of a bridge's own port is other_config:hwaddr of the Bridge record`);
    else this.plant.setAddress(m.bridge.bridge, port, askedMac(row) ?? this.plant.core.addressOf(row.name));
  }

  private remove(all: readonly Made[]): void {
    for (const m of all) this.made.delete(m.row.name);
    const ports = all.flatMap((m) => (m.port ? [{ bridge: m.bridge.bridge, name: m.row.name }] : []));
    if (ports.length > 0) this.plant.removePorts(ports);
  }

  private make(b: MadeBridge, i: WantedInterface): void {
    const { row, port } = i;
    const kind = effectiveType(i, b.wanted.row.datapath_type, this.dummies);
    const { type } = kind;
    const spec = vportSpec(i, kind);
    const m: Made = { row, portRow: port.row, type, spec, bridge: b };
    this.made.set(row.name, m);
    const { lastNumber } = b;
    try {
      const number = this.number(b, row);
      const hwAddr = isFound(type) || (spec.dummy && type !== 'dummy-internal') ? undefined : askedMac(row);
      m.port = this.plant.addPort(b.bridge, spec, { number, vlan: vlanSpec(port.row), hwAddr });
      b.bridge.setProtected(number, port.row.protected);
      if (isFound(type) && spec.mtu !== undefined && !spec.dummy) this.plant.setMtu(m.port, spec.mtu);
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      b.lastNumber = lastNumber;
      m.error = e instanceof TunnelFault ? e.message : openError(row.name, e.message, type);
      // By what failed, not by a second look: the device may have come between the two.
      if (isFound(type) && m.error.endsWith('(No such device)')) this.missing.add(m);
      this.sayOnce(`${b.name}: ${e.message}`);
    }
  }

  private number(b: MadeBridge, row: InterfaceRow): number {
    const { bridge } = b;
    const asked = row.ofport_request ?? row.ofport ?? 0;
    if (asked >= 1 && asked <= MAX_NUMBER && !bridge.port(asked)) return asked;
    for (let tries = 0; tries < MAX_NUMBER; tries++) {
      b.lastNumber = b.lastNumber >= MAX_NUMBER ? 1 : b.lastNumber + 1;
      if (!bridge.port(b.lastNumber)) return b.lastNumber;
    }
    throw new UserError(`${b.name}: no port number is free`);
  }

  private sayOnce(text: string): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    this.log(text);
  }
}

function localOf(b: WantedBridge): WantedInterface | undefined {
  for (const p of b.ports) for (const i of p.interfaces) if (i.isLocal) return i;
  return undefined;
}
