/**
 * Bridges, ports and interfaces as the commands mean them: by name, with fake bridges (a port with fake_bridge set and a tag stands for a bridge on
 * that VLAN of its parent, and the parent's ports with that tag are its ports).
 */
import { UserError } from '../../lib/errors.js';
import type { Needs } from './command.js';
import type { Model, Row } from './model.js';

export interface Bridge {
  readonly name: string;
  /** Of a fake bridge: its parent's. */
  readonly row: Row;
  readonly parent: Bridge | undefined;
  readonly vlan: number;
  /** The port that stands for a fake bridge. */
  readonly fakePort: Row | undefined;
  readonly ports: Port[];
}

export interface Port {
  readonly name: string;
  readonly row: Row;
  readonly bridge: Bridge;
  readonly ifaces: Iface[];
}

export interface Iface {
  readonly name: string;
  readonly row: Row;
  readonly port: Port;
}

/** What every command on bridges and ports reads. */
export function needsSwitch(needs: Needs): void {
  needs.add('Open_vSwitch', 'bridges', 'cur_cfg');
  needs.add('Bridge', 'name', 'ports');
  needs.add('Port', 'name', 'fake_bridge', 'tag', 'interfaces');
  needs.add('Interface', 'name', 'ofport', 'error');
}

export class SwitchModel {
  readonly bridges = new Map<string, Bridge>();
  readonly ports = new Map<string, Port>();
  readonly ifaces = new Map<string, Iface>();
  readonly root: Row;

  constructor(readonly model: Model) {
    this.root = rootOf(model);
    for (const row of model.refs(this.root, 'bridges')) this.readBridge(row);
  }

  private readBridge(row: Row): void {
    const { model } = this;
    const name = model.text(row, 'name') ?? '';
    if (this.bridges.has(name)) return;
    const bridge: Bridge = { name, row, parent: undefined, vlan: 0, fakePort: undefined, ports: [] };
    this.bridges.set(name, bridge);
    const ports = model.refs(row, 'ports');
    const onVlan = new Map<number, Bridge>();
    for (const p of ports) {
      const vlan = this.fakeVlan(p);
      const n = model.text(p, 'name') ?? '';
      if (vlan === undefined || this.bridges.has(n)) continue;
      const fake: Bridge = { name: n, row, parent: bridge, vlan, fakePort: p, ports: [] };
      this.bridges.set(n, fake);
      onVlan.set(vlan, fake);
    }
    for (const p of ports) this.readPort(p, bridge, onVlan);
  }

  private fakeVlan(port: Row): number | undefined {
    const [fake] = this.model.get(port, 'fake_bridge').keys;
    const [tag] = this.model.get(port, 'tag').keys;
    return fake === true && tag !== undefined ? Number(tag) : undefined;
  }

  private readPort(row: Row, bridge: Bridge, onVlan: ReadonlyMap<number, Bridge>): void {
    const { model } = this;
    const name = model.text(row, 'name') ?? '';
    // The port of a bridge's own name is the bridge.
    if (this.ports.has(name)) return;
    const [tag] = model.get(row, 'tag').keys;
    const own = (tag !== undefined && onVlan.get(Number(tag))) || bridge;
    const port: Port = { name, row, bridge: own, ifaces: [] };
    this.ports.set(name, port);
    own.ports.push(port);
    for (const i of model.refs(row, 'interfaces')) {
      const iface: Iface = { name: model.text(i, 'name') ?? '', row: i, port };
      if (this.ifaces.has(iface.name)) continue;
      this.ifaces.set(iface.name, iface);
      port.ifaces.push(iface);
    }
  }

  /** The bridge itself and what a name may be taken for. Throws UserError when a bridge, port or interface has the name. */
  checkFree(name: string, refusal: string): void {
    const { model } = this;
    for (const r of [this.root]) model.verify(r, 'bridges');
    if (this.bridges.has(name)) throw new UserError(`${refusal} because a bridge named ${name} already exists`);
    const port = this.ports.get(name);
    if (port) {
      throw new UserError(`${refusal} because a port named ${name} already exists on bridge ${port.bridge.name}`);
    }
    const iface = this.ifaces.get(name);
    if (iface) {
      throw new UserError(
        `${refusal} because an interface named ${name} already exists on bridge ${iface.port.bridge.name}`,
      );
    }
  }

  /** Throws UserError. */
  bridge(name: string): Bridge {
    const b = this.bridges.get(name);
    this.model.verify(this.root, 'bridges');
    if (!b) throw new UserError(`no bridge named ${name}`);
    return b;
  }

  /** Not a fake one. Throws UserError. */
  realBridge(name: string): Bridge {
    const b = this.bridge(name);
    if (b.parent) throw new UserError(`${name} is a fake bridge`);
    return b;
  }

  /** Throws UserError. */
  port(name: string): Port {
    const p = this.ports.get(name);
    if (!p || this.bridges.has(name)) throw new UserError(`no port named ${name}`);
    return p;
  }

  /** Throws UserError. */
  iface(name: string): Iface {
    const i = this.ifaces.get(name);
    if (!i || this.bridges.has(name)) throw new UserError(`no interface named ${name}`);
    return i;
  }

  /** Those that users made, in order of names: not the one of the bridge itself. */
  portNames(bridge: Bridge): string[] {
    return bridge.ports
      .map((p) => p.name)
      .filter((n) => n !== bridge.name)
      .sort();
  }

  addPort(bridge: Bridge, name: string, ifaces: readonly Row[]): Row {
    const { model } = this;
    const row = model.insert('Port');
    model.setOne(row, 'name', name);
    model.setRefs(row, 'interfaces', ifaces);
    this.attach(bridge.row, row);
    return row;
  }

  attach(bridge: Row, port: Row): void {
    this.model.verify(bridge, 'ports');
    this.model.setRefs(bridge, 'ports', [...this.model.refs(bridge, 'ports'), port]);
  }

  addInterface(name: string, type = ''): Row {
    const row = this.model.insert('Interface');
    this.model.setOne(row, 'name', name);
    if (type !== '') this.model.setOne(row, 'type', type);
    return row;
  }

  deletePort(port: Port): void {
    const { model } = this;
    const { row: bridge } = port.bridge;
    model.verify(bridge, 'ports');
    model.setRefs(
      bridge,
      'ports',
      model.refs(bridge, 'ports').filter((p) => p !== port.row),
    );
    for (const i of port.ifaces) model.delete(i.row);
    model.delete(port.row);
  }

  deleteBridge(bridge: Bridge): void {
    const { model, root } = this;
    for (const p of [...bridge.ports]) this.deletePort(p);
    if (bridge.parent) return;
    for (const b of this.bridges.values()) if (b.parent === bridge) for (const p of b.ports) this.deletePort(p);
    model.verify(root, 'bridges');
    model.setRefs(
      root,
      'bridges',
      model.refs(root, 'bridges').filter((b) => b !== bridge.row),
    );
    model.delete(bridge.row);
  }
}

/** The one row of Open_vSwitch. */
export function rootOf(model: Model): Row {
  const [root] = model.list('Open_vSwitch');
  return root ?? model.insert('Open_vSwitch');
}
