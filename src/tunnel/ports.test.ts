import t from 'tap';
import { tunnelConfig } from './config.js';
import { type TunnelEntry, TunnelPorts } from './ports.js';

const REFUSED =
  "could not add network device t1 to ofproto (File exists)|t1: VXLAN-GBP, and non-VXLAN-GBP tunnels can't".split('|');

/** Options of a port, of another behind the same backer or not, and why that one is refused. */
const ROWS: readonly (readonly [string, string, boolean, string])[] = [
  ['key=1', 'key=2', true, ''],
  ['key=1', 'key=1', true, REFUSED[0]],
  ['key=1', 'key=1', false, ''],
  ['key=1', 'key=2 exts=gbp', true, REFUSED[1]],
  ['key=1', 'key=2 exts=gbp', false, ''],
  ['key=1', 'key=1 exts=gbp', true, REFUSED[1]],
  ['key=1', 'key=2 exts=gpe', true, ''],
  ['key=1', 'key=2 exts=gpe,gbp', true, REFUSED[1]],
  ['exts=gbp', 'key=2', true, REFUSED[1]],
  ['exts=gbp', 'key=2 exts=gpe', true, REFUSED[1]],
  ['exts=gbp', 'key=2 exts=gbp', true, ''],
  ['exts=gbp', 'key=2 exts=gbp,gpe', true, ''],
];

function entry(name: string, vport: number, options: string): TunnelEntry {
  const words = Object.fromEntries(options.split(' ').map((o) => o.split('=')));
  return { name, vport, config: tunnelConfig(name, 'vxlan', { remote_ip: '10.0.0.2', ...words }) };
}

for (const [first, second, together, refusal] of ROWS) {
  t.test(`${first} and ${second}, ${together ? 'one UDP port' : 'two'}`, (t) => {
    const ports = new TunnelPorts();
    const a = entry('t0', 1, first);
    const b = entry('t1', together ? 1 : 2, second);
    ports.add(a);
    if (refusal === '') ports.add(b);
    else t.throws(() => ports.add(b), { message: new RegExp(refusal.replace(/[()]/g, '\\$&')) });
    t.equal([...ports.all()].length, refusal === '' ? 2 : 1);
    ports.remove(a);
    if (refusal !== '') ports.add(b);
    t.same([...ports.all()], [b], 'who is alone is never refused');
    t.end();
  });
}

t.test('one that was refused and goes takes nothing with it', (t) => {
  const ports = new TunnelPorts();
  const plain = entry('t0', 1, 'key=1');
  const policy = entry('t1', 1, 'key=1 exts=gbp');
  ports.add(plain);
  t.throws(() => ports.add(policy));
  ports.remove(entry('t2', 1, 'key=9'));
  t.throws(() => ports.add(policy), 'as before');
  t.end();
});
