/** Commands on ports, bonds and interfaces. */
import { UserError } from '../../lib/errors.js';
import { TokenReader } from '../../ovsdb/text/parse.js';
import { type Command, type Context, MANY, type Needs } from './command.js';
import { needsSwitch, type Port, SwitchModel } from './switch-model.js';
import { readColumnKey, setColumn } from './values.js';

/** Settings of the port's record behind the other arguments. */
function needsSettings(needs: Needs, settings: readonly string[]): void {
  needsSwitch(needs);
  const table = needs.schema.table('Port');
  if (!table) return;
  for (const s of settings) needs.add('Port', readColumnKey(new TokenReader(s), table).column.name);
}

interface NewPort {
  readonly bridge: string;
  readonly name: string;
  readonly ifaces: readonly string[];
  readonly settings: readonly string[];
  readonly fakeIface: boolean;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().every((n, i) => n === [...b].sort()[i]);
}

/** True when there is such a port already. Throws UserError when it is another. */
function checkSame(s: SwitchModel, command: string, p: NewPort): boolean {
  const found = s.ports.get(p.name);
  if (!found) return false;
  const given = p.ifaces.length > 1 ? p.ifaces : [];
  const shown = `"--may-exist ${command} ${[p.bridge, p.name, ...given].join(' ')}"`;
  if (found.bridge !== s.bridge(p.bridge)) {
    throw new UserError(`${shown} but ${p.name} is actually attached to bridge ${found.bridge.name}`);
  }
  const names = found.ifaces.map((i) => i.name);
  if (!sameNames(names, p.ifaces)) {
    throw new UserError(`${shown} but ${p.name} actually has interface(s) ${names.sort().join(', ')}`);
  }
  return true;
}

function addPort(c: Context, command: string, p: NewPort): void {
  const s = new SwitchModel(c.model);
  const { model } = s;
  if (c.mayExist && checkSame(s, command, p)) return;
  s.checkFree(p.name, `cannot create a port named ${p.name}`);
  for (const name of p.ifaces) s.checkFree(name, `cannot create an interface named ${name}`);
  const bridge = s.bridge(p.bridge);
  const ifaces = p.ifaces.map((name) => s.addInterface(name));
  for (const i of ifaces) c.expect(i);
  const port = s.addPort(bridge, p.name, ifaces);
  if (p.fakeIface) model.setOne(port, 'bond_fake_iface', true);
  if (bridge.parent) model.setOne(port, 'tag', bridge.vlan);
  for (const text of p.settings) setColumn(model, port, text, c.symbols.use);
}

/** Throws UserError when the port is not on the bridge that was named. */
function checkBridge(s: SwitchModel, bridgeName: string, port: Port): void {
  const bridge = s.bridge(bridgeName);
  if (port.bridge === bridge) return;
  if (port.bridge.parent === bridge) {
    throw new UserError(
      `bridge ${bridgeName} does not have a port ${port.name} (although its child bridge ${port.bridge.name} does)`,
    );
  }
  if (port.bridge === bridge.parent) {
    throw new UserError(
      `bridge ${bridgeName} does not have a port ${port.name} (although its parent bridge ${port.bridge.name} does)`,
    );
  }
  throw new UserError(`bridge ${bridgeName} does not have a port ${port.name}`);
}

function deletePort(c: Context): void {
  const s = new SwitchModel(c.model);
  const name = c.args[c.args.length - 1];
  let port = s.ports.get(name);
  if (c.options.has('--with-iface')) port ??= s.ifaces.get(name)?.port;
  if (port && s.bridges.has(port.name)) {
    if (c.ifExists && c.args.length === 1) return;
    throw new UserError(
      `cannot delete port ${name} because it is the local port for bridge ${name} (deleting this port requires deleting the entire bridge)`,
    );
  }
  if (!port) {
    if (c.ifExists) return;
    throw new UserError(`no port${c.options.has('--with-iface') ? ' or interface' : ''} named ${name}`);
  }
  if (c.args.length === 2) checkBridge(s, c.args[0], port);
  s.deletePort(port);
}

function addBondIface(c: Context): void {
  const s = new SwitchModel(c.model);
  const [bond, name] = c.args;
  const port = s.port(bond);
  const found = s.ifaces.get(name);
  if (c.mayExist && found) {
    if (found.port === port) return;
    throw new UserError(
      `"--may-exist add-bond-iface ${bond} ${name}" but ${name} is actually attached to port ${found.port.name}`,
    );
  }
  s.checkFree(name, `cannot create an interface named ${name}`);
  const iface = s.addInterface(name);
  c.expect(iface);
  s.model.verify(port.row, 'interfaces');
  s.model.setRefs(port.row, 'interfaces', [...s.model.refs(port.row, 'interfaces'), iface]);
}

function deleteBondIface(c: Context): void {
  const s = new SwitchModel(c.model);
  const name = c.args[c.args.length - 1];
  const iface = c.ifExists ? s.ifaces.get(name) : s.iface(name);
  if (!iface) return;
  if (c.args.length === 2) {
    const port = s.port(c.args[0]);
    if (iface.port !== port) throw new UserError(`port ${port.name} does not have an interface ${name}`);
  }
  const rest = s.model.refs(iface.port.row, 'interfaces').filter((i) => i !== iface.row);
  if (rest.length === 0) throw new UserError(`cannot delete last interface from port ${iface.port.name}`);
  s.model.verify(iface.port.row, 'interfaces');
  s.model.setRefs(iface.port.row, 'interfaces', rest);
  s.model.delete(iface.row);
}

/** Interfaces end where the first setting stands. */
function bondOf(args: readonly string[]): { ifaces: readonly string[]; settings: readonly string[] } {
  const rest = args.slice(2);
  const first = rest.findIndex((s) => s.includes('='));
  return first < 0 ? { ifaces: rest, settings: [] } : { ifaces: rest.slice(0, first), settings: rest.slice(first) };
}

export const PORT_COMMANDS: readonly Command[] = [
  {
    name: 'list-ports',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsSwitch,
    run(c) {
      const s = new SwitchModel(c.model);
      for (const n of s.portNames(s.bridge(c.args[0]))) c.print(n);
    },
  },
  {
    name: 'add-port',
    options: ['--may-exist'],
    args: [2, MANY],
    usage: '!BRIDGE !NEW-PORT *COLUMN?:KEY=VALUE',
    needs: (needs, args) => needsSettings(needs, args.slice(2)),
    run(c) {
      const [bridge, name, ...settings] = c.args;
      addPort(c, 'add-port', { bridge, name, ifaces: [name], settings, fakeIface: false });
    },
  },
  {
    name: 'add-bond',
    options: ['--may-exist', '--fake-iface'],
    args: [4, MANY],
    usage: '!BRIDGE !BOND +IFACE *COLUMN?:KEY=VALUE',
    needs(needs, args) {
      const { ifaces, settings } = bondOf(args);
      needsSettings(needs, ifaces.length < 2 ? [] : settings);
      needs.add('Port', 'bond_fake_iface');
    },
    run(c) {
      const [bridge, name] = c.args;
      const { ifaces, settings } = bondOf(c.args);
      if (ifaces.length < 2)
        throw new UserError(`add-bond requires at least 2 interfaces, but only ${ifaces.length} were specified`);
      addPort(c, 'add-bond', { bridge, name, ifaces, settings, fakeIface: c.options.has('--fake-iface') });
    },
  },
  {
    name: 'add-bond-iface',
    options: ['--may-exist'],
    args: [2, 2],
    usage: '!BOND !IFACE',
    needs: needsSwitch,
    run: addBondIface,
  },
  {
    name: 'del-bond-iface',
    options: ['--if-exists'],
    args: [1, 2],
    usage: '?BOND !IFACE',
    needs: needsSwitch,
    run: deleteBondIface,
  },
  {
    name: 'del-port',
    options: ['--if-exists', '--with-iface'],
    args: [1, 2],
    usage: '?BRIDGE !PORT|IFACE',
    needs: needsSwitch,
    run: deletePort,
  },
  {
    name: 'port-to-br',
    args: [1, 1],
    usage: '!PORT',
    needs: needsSwitch,
    run: (c) => c.print(new SwitchModel(c.model).port(c.args[0]).bridge.name),
  },
  {
    name: 'list-ifaces',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsSwitch,
    run(c) {
      const s = new SwitchModel(c.model);
      const bridge = s.bridge(c.args[0]);
      const names = bridge.ports.flatMap((p) => p.ifaces.map((i) => i.name)).filter((n) => n !== bridge.name);
      for (const n of names.sort()) c.print(n);
    },
  },
  {
    name: 'iface-to-br',
    args: [1, 1],
    usage: '!IFACE',
    needs: needsSwitch,
    run: (c) => c.print(new SwitchModel(c.model).iface(c.args[0]).port.bridge.name),
  },
];
