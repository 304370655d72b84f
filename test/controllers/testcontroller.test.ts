/** ovs-testcontroller as the controller of bridges: hosts ping through weft, whatever it is told to do. */
import '../support/isolate.js';

import t from 'tap';
import { NetLab, until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import { controllersRefusal, freePort } from './os-ken.js';

const refusal = controllersRefusal({
  'ovs-testcontroller': 'openvswitch-testcontroller',
  'ovs-ofctl': 'openvswitch-common',
});
t.setTimeout(120_000);

interface Row {
  readonly what: string;
  readonly args: readonly string[];
  readonly protocol: string;
  /** What its flows look like; undefined: it makes none. */
  readonly flows?: RegExp;
}
const ROWS: readonly Row[] = [
  { what: 'learning', args: [], protocol: 'OpenFlow10', flows: /dl_src=\S+,dl_dst=\S+.* actions=output:\d/ },
  { what: 'learning with wildcards', args: ['--wildcards'], protocol: 'OpenFlow10', flows: /actions=output:\d/ },
  { what: 'learning in 1.3', args: ['-O', 'OpenFlow13'], protocol: 'OpenFlow13', flows: /actions=output:\d/ },
  { what: 'every packet up', args: ['--noflow'], protocol: 'OpenFlow10' },
  { what: 'a hub', args: ['--hub'], protocol: 'OpenFlow10', flows: /actions=FLOOD/ },
  { what: 'NORMAL', args: ['--normal'], protocol: 'OpenFlow10', flows: /actions=(NORMAL|FLOOD|output:\d)/ },
];

t.test('ovs-testcontroller', { skip: refusal }, async (t) => {
  const lab = new NetLab('wtc');
  t.teardown(() => lab.close());
  const bridge = (i: number): string => `wtcb${i}`;
  const ports: number[] = [];
  const args: string[] = [];
  for (const m of ['1', '2', '3']) lab.namespace(m);
  for (const [i, row] of ROWS.entries()) {
    const devices = ['1', '2', '3'].map((m) => {
      const outer = `${bridge(i)}.${m}`;
      lab.veth(outer, bridge(i), `wtc${m}`);
      lab.ip(`-n wtc${m} addr add 10.88.${i}.${m}/24 dev ${bridge(i)}`);
      lab.ip(`-n wtc${m} link set ${bridge(i)} up`);
      return outer;
    });
    const port = await freePort();
    ports.push(port);
    const run = lab.startAsync('ovs-testcontroller', [`ptcp:${port}:127.0.0.1`, '--unixctl=none', ...row.args]);
    void run.done.then((r) => (t.passing() && !closing ? t.comment(`${row.what}: ${r.stderr}`) : undefined));
    args.push('--bridge', `${bridge(i)}=${devices.join(',')}`, '--fail-mode', `${bridge(i)}=secure`);
    args.push('--protocols', `${bridge(i)}=${row.protocol}`);
    args.push('--controller', `${bridge(i)}=tcp:127.0.0.1:${port},max_backoff=1000`);
  }
  let closing = false;
  const sw = new LiveSwitch(args);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const status = () => JSON.parse(sw.run('weft', 'appctl', 'weft/controllers').stdout);
  const connected = () => ROWS.every((_, i) => status()[bridge(i)].controllers[0].isConnected);
  t.ok(await until(connected, 20_000), 'all are connected');
  await Promise.all(
    ROWS.map(async (row, i) => {
      for (const [from, to] of [
        ['1', '2'],
        ['2', '3'],
        ['3', '1'],
      ]) {
        const answered = await lab.pings(`wtc${from}`, `10.88.${i}.${to}`, 5);
        t.equal(answered.length, 5, `${row.what}: ${from} to ${to}`);
      }
    }),
  );
  for (const [i, row] of ROWS.entries()) {
    const dump = sw.run('ovs-ofctl', '-O', row.protocol, 'dump-flows', bridge(i)).stdout;
    if (row.flows) t.match(dump, row.flows, `${row.what}: its flows`);
    else t.notMatch(dump, /actions=/, `${row.what}: no flows`);
  }
  closing = true;
  t.equal(await sw.stop(), 0);
  t.notMatch(sw.output, /Error:|weft bug/);
});
