/** Commands on controllers, the fail mode, managers and SSL. */
import { UserError } from '../../lib/errors.js';
import type { Command, Context, Needs } from './command.js';
import { MANY } from './command.js';
import type { Row } from './model.js';
import { type Bridge, needsSwitch, rootOf, SwitchModel } from './switch-model.js';

const CONTROLLER_TARGET = /^(ssl|tcp|unix|pssl|ptcp|punix):|^none$/;
const MANAGER_TARGET = /^(ssl|tcp|unix|pssl|ptcp|punix):/;

function needsControllers(needs: Needs): void {
  needsSwitch(needs);
  needs.add('Bridge', 'controller', 'fail_mode');
  needs.add('Controller', 'target', 'inactivity_probe');
}

function needsManagers(needs: Needs): void {
  needs.add('Open_vSwitch', 'manager_options');
  needs.add('Manager', 'target', 'inactivity_probe');
}

function needsSsl(needs: Needs): void {
  needs.add('Open_vSwitch', 'ssl');
  needs.add('SSL', 'private_key', 'certificate', 'ca_cert', 'bootstrap_ca_cert');
}

/** A fake bridge has its parent's. */
function real(c: Context): Bridge {
  const b = new SwitchModel(c.model).bridge(c.args[0]);
  return b.parent ?? b;
}

function probe(c: Context): number | undefined {
  const text = c.options.get('--inactivity-probe');
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UserError(`${text}: the inactivity probe is a number of milliseconds`);
  return Number(text);
}

/** New rows, one a target. */
function connections(c: Context, table: string, targets: readonly string[], known: RegExp): Row[] {
  const ms = probe(c);
  return targets.map((target) => {
    if (!known.test(target)) c.warn('vsctl', `target type "${target}" is possibly erroneous`);
    const row = c.model.insert(table);
    c.model.setOne(row, 'target', target);
    if (ms !== undefined) c.model.setOne(row, 'inactivity_probe', ms);
    return row;
  });
}

function replace(c: Context, holder: Row, column: string, rows: readonly Row[]): void {
  c.model.verify(holder, column);
  for (const r of c.model.refs(holder, column)) c.model.delete(r);
  c.model.setRefs(holder, column, rows);
}

function printTargets(c: Context, rows: readonly Row[]): void {
  const targets = rows.map((r) => c.model.text(r, 'target') ?? '');
  for (const t of targets.sort()) c.print(t);
}

/** Of the SSL row. */
const SSL_LINES: readonly [string, string][] = [
  ['Private key', 'private_key'],
  ['Certificate', 'certificate'],
  ['CA Certificate', 'ca_cert'],
  ['Bootstrap', 'bootstrap_ca_cert'],
];

export const CONTROLLER_COMMANDS: readonly Command[] = [
  {
    name: 'get-controller',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsControllers,
    run: (c) => printTargets(c, c.model.refs(real(c).row, 'controller')),
  },
  {
    name: 'del-controller',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsControllers,
    run: (c) => replace(c, real(c).row, 'controller', []),
  },
  {
    name: 'set-controller',
    options: ['--inactivity-probe='],
    args: [1, MANY],
    usage: '!BRIDGE +TARGET',
    needs: needsControllers,
    run(c) {
      const { row } = real(c);
      replace(c, row, 'controller', connections(c, 'Controller', c.args.slice(1), CONTROLLER_TARGET));
    },
  },
  {
    name: 'get-fail-mode',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsControllers,
    run(c) {
      const mode = c.model.text(real(c).row, 'fail_mode');
      if (mode !== undefined) c.print(mode);
    },
  },
  {
    name: 'del-fail-mode',
    args: [1, 1],
    usage: '!BRIDGE',
    needs: needsControllers,
    run: (c) => c.model.setOne(real(c).row, 'fail_mode', undefined),
  },
  {
    name: 'set-fail-mode',
    args: [2, 2],
    usage: '!BRIDGE !MODE',
    needs: needsControllers,
    run(c) {
      const { row } = real(c);
      const [, mode] = c.args;
      if (mode !== 'standalone' && mode !== 'secure') {
        throw new UserError('fail-mode must be "standalone" or "secure"');
      }
      c.model.setOne(row, 'fail_mode', mode);
    },
  },
  {
    name: 'get-manager',
    args: [0, 0],
    needs: needsManagers,
    run: (c) => printTargets(c, c.model.refs(rootOf(c.model), 'manager_options')),
  },
  {
    name: 'del-manager',
    args: [0, 0],
    needs: needsManagers,
    run: (c) => replace(c, rootOf(c.model), 'manager_options', []),
  },
  {
    name: 'set-manager',
    options: ['--inactivity-probe='],
    args: [1, MANY],
    usage: '+TARGET',
    needs: needsManagers,
    run(c) {
      replace(c, rootOf(c.model), 'manager_options', connections(c, 'Manager', c.args, MANAGER_TARGET));
    },
  },
  {
    name: 'get-ssl',
    args: [0, 0],
    needs: needsSsl,
    run(c) {
      const [row] = c.model.refs(rootOf(c.model), 'ssl');
      if (row) for (const [label, column] of SSL_LINES) c.print(`${label}: ${c.model.text(row, column)}`);
    },
  },
  { name: 'del-ssl', args: [0, 0], needs: needsSsl, run: (c) => replace(c, rootOf(c.model), 'ssl', []) },
  {
    name: 'set-ssl',
    options: ['--bootstrap'],
    args: [3, 3],
    usage: '!PRIVATE-KEY !CERTIFICATE !CA-CERT',
    needs: needsSsl,
    run(c) {
      const { model } = c;
      const row = model.insert('SSL');
      ['private_key', 'certificate', 'ca_cert'].forEach((name, i) => {
        model.setOne(row, name, c.args[i]);
      });
      model.setOne(row, 'bootstrap_ca_cert', c.options.has('--bootstrap'));
      replace(c, rootOf(model), 'ssl', [row]);
    },
  },
];
