/** Commands on bridges. */
import { UserError } from '../../lib/errors.js';
import { mapGet } from '../../ovsdb/value/datum.js';
import type { Command, Context, Needs } from './command.js';
import { column, type Row } from './model.js';
import { type Bridge, needsSwitch, SwitchModel } from './switch-model.js';

/** Where the identifiers of a fake bridge are: on its port, behind a prefix. */
const FAKE_PREFIX = 'fake-bridge-';

function vlanOf(text: string): number {
  const v = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(v >= 0 && v <= 4095)) throw new UserError('add-br: vlan must be between 0 and 4095');
  return v;
}

/** What --may-exist says of a bridge that is there already. Throws UserError when it is another kind of bridge. */
function checkSame(c: Context, found: Bridge, parent: string | undefined, vlan: number | undefined): void {
  const [name] = c.args;
  const shown = `"--may-exist add-br ${c.args.join(' ')}"`;
  if (parent === undefined || vlan === undefined) {
    if (found.parent) throw new UserError(`${shown} but ${name} is a VLAN bridge for VLAN ${found.vlan}`);
  } else if (!found.parent) {
    throw new UserError(`${shown} but ${name} is not a VLAN bridge`);
  } else if (found.parent.name !== parent) {
    throw new UserError(`${shown} but ${name} has the wrong parent ${found.parent.name}`);
  } else if (found.vlan !== vlan) {
    throw new UserError(`${shown} but ${name} is a VLAN bridge for the wrong VLAN ${found.vlan}`);
  }
}

function addBridge(c: Context): void {
  const s = new SwitchModel(c.model);
  const { model } = s;
  const [name, parentName, vlanText] = c.args;
  if (c.args.length === 2) throw new UserError("'add-br' command takes exactly 1 or 3 arguments");
  const vlan = vlanText === undefined ? undefined : vlanOf(vlanText);
  const found = s.bridges.get(name);
  if (c.mayExist && found) {
    checkSame(c, found, parentName, vlan);
    return;
  }
  s.checkFree(name, `cannot create a bridge named ${name}`);
  if (parentName === undefined || vlan === undefined) {
    const iface = s.addInterface(name, 'internal');
    c.expect(iface);
    const row = model.insert('Bridge');
    model.setOne(row, 'name', name);
    s.addPort({ name, row, parent: undefined, vlan: 0, fakePort: undefined, ports: [] }, name, [iface]);
    model.setRefs(s.root, 'bridges', [...model.refs(s.root, 'bridges'), row]);
    return;
  }
  const parent = s.bridges.get(parentName);
  if (parent?.parent) throw new UserError('cannot create bridge with fake bridge as parent');
  if (!parent) throw new UserError(`parent bridge ${parentName} does not exist`);
  const sibling = [...s.bridges.values()].find((b) => b.parent === parent && b.vlan === vlan);
  if (sibling) {
    throw new UserError(`bridge ${parentName} already has a child VLAN bridge ${sibling.name} on VLAN ${vlan}`);
  }
  const iface = s.addInterface(name, 'internal');
  c.expect(iface);
  const port = s.addPort(parent, name, [iface]);
  model.setOne(port, 'fake_bridge', true);
  model.setOne(port, 'tag', vlan);
}

/** The row and the prefix under which a bridge has its identifiers. */
function identifiers(b: Bridge): { row: Row; prefix: string } {
  return b.fakePort ? { row: b.fakePort, prefix: FAKE_PREFIX } : { row: b.row, prefix: '' };
}

const needsIdentifiers = (needs: Needs): void => {
  needsSwitch(needs);
  needs.add('Bridge', 'external_ids');
  needs.add('Port', 'external_ids');
};

export const BRIDGE_COMMANDS: readonly Command[] = [
  {
    name: 'add-br',
    options: ['--may-exist'],
    args: [1, 3],
    usage: '!NEW-BRIDGE ?PARENT ?NEW-VLAN',
    needs: needsSwitch,
    run: addBridge,
  },
  {
    name: 'del-br',
    options: ['--if-exists'],
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsSwitch,
    run(c) {
      const s = new SwitchModel(c.model);
      const found = c.ifExists ? s.bridges.get(c.args[0]) : s.bridge(c.args[0]);
      if (found) s.deleteBridge(found);
    },
  },
  {
    name: 'list-br',
    options: ['--real', '--fake'],
    args: [0, 0],
    needs: needsSwitch,
    run(c) {
      const fake = c.options.has('--fake');
      const all = [...new SwitchModel(c.model).bridges.values()];
      const any = c.options.has('--real') === fake;
      const names = all.filter((b) => any || (b.parent !== undefined) === fake).map((b) => b.name);
      for (const n of names.sort()) c.print(n);
    },
  },
  {
    name: 'br-exists',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsSwitch,
    run(c) {
      if (!new SwitchModel(c.model).bridges.has(c.args[0])) c.exit(2);
    },
  },
  {
    name: 'br-to-vlan',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsSwitch,
    run: (c) => c.print(String(new SwitchModel(c.model).bridge(c.args[0]).vlan)),
  },
  {
    name: 'br-to-parent',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsSwitch,
    run(c) {
      const b = new SwitchModel(c.model).bridge(c.args[0]);
      c.print((b.parent ?? b).name);
    },
  },
  {
    name: 'br-set-external-id',
    args: [2, 3],
    usage: '!BRIDGE !KEY ?VALUE',
    needs: needsIdentifiers,
    run(c) {
      const { model } = c;
      const [name, key, value] = c.args;
      const { row, prefix } = identifiers(new SwitchModel(model).bridge(name));
      const ids = model.get(row, 'external_ids');
      const pairs = new Map(ids.keys.map((k, i) => [String(k), String(ids.values?.[i])]));
      if (value === undefined) pairs.delete(prefix + key);
      else pairs.set(prefix + key, value);
      model.verify(row, 'external_ids');
      model.setMap(row, 'external_ids', pairs);
    },
  },
  {
    name: 'br-get-external-id',
    args: [1, 2],
    usage: '!BRIDGE ?KEY',
    needs: needsIdentifiers,
    run(c) {
      const [name, key] = c.args;
      const { row, prefix } = identifiers(new SwitchModel(c.model).bridge(name));
      const ids = c.model.get(row, 'external_ids');
      if (key !== undefined) {
        const value = mapGet(ids, prefix + key, column(row, 'external_ids').type);
        if (value !== undefined) c.print(String(value));
        return;
      }
      ids.keys.forEach((k, i) => {
        if (String(k).startsWith(prefix)) c.print(`${String(k).slice(prefix.length)}=${ids.values?.[i]}`);
      });
    },
  },
];
