/** A TAP device with several receive queues: its frames come by all of them and cross on several workers, and those of a flow stay in order. */
import '../support/isolate.js';

import t from 'tap';
import { labRefusal, NetLab } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { loadAddon } from '../../src/datapath/driver/load.js';
import { LiveSwitch, WEFT } from '../support/live.js';

const refusal =
  labRefusal() ??
  needPrograms({ ip: 'iproute2', 'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'], 'ovs-appctl': OVS_PROGRAMS['ovs-appctl'] });
const one = loadAddon().processors().length < 2 ? 'there is one processor' : false;
const QUEUES = 4;
const FLOWS = 64;

t.test('frames of a TAP device come by several queues', { skip: refusal ?? one }, async (t) => {
  const lab = new NetLab('wst');
  t.teardown(() => lab.close());
  const sw = new LiveSwitch([]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const run = (program: string, ...args: string[]) => sw.run('env', `OVS_RUNDIR=${sw.dir}`, program, ...args);
  const vsctl = (line: string) => run('ovs-vsctl', '--timeout=20', ...line.split(' ')).stderr;
  const get = (name: string) => run('ovs-vsctl', '--timeout=20', 'get', 'interface', name, 'status').stdout;
  const [first, second] = loadAddon().processors();
  const mask = ((1n << BigInt(first)) | (1n << BigInt(second))).toString(16);
  t.equal(vsctl(`set open_vswitch . other_config:pmd-cpu-mask=${mask}`), '');
  const tap = (name: string) => `-- add-port wst0 ${name} -- set interface ${name} type=tap options:n_rxq=${QUEUES}`;
  t.equal(vsctl(`add-br wst0 ${tap('wsta')} ${tap('wstb')} options:io_uring=false`), '');
  t.equal(run('ovs-ofctl', 'add-flow', 'wst0', 'in_port=wsta,actions=wstb').stderr, '');
  for (const name of ['wsta', 'wstb']) t.equal(sw.run('ip', 'link', 'set', name, 'up').stderr, '');

  // Which of the two a machine allows, its test under a guard of calls (test/native/tap.cc) tells apart.
  t.match(get('wsta'), /tap-mode=(io_uring|read-write, tap-mode-reason="io_uring: [^"]+")/);
  t.match(get('wstb'), /tap-mode=read-write, tap-mode-reason="options:io_uring is false"/);

  const shown = run('ovs-appctl', 'dpif-netdev/pmd-rxq-show').stdout;
  const queues = [...shown.matchAll(/core_id (\d+):|port: wsta +queue-id: +(\d+)/g)];
  const byCore = new Map<string, number[]>();
  let core = '';
  for (const [, c, q] of queues) {
    if (c !== undefined) core = c;
    else byCore.set(core, [...(byCore.get(core) ?? []), Number(q)]);
  }
  t.same(
    [...byCore.values()].flat().sort(),
    Array.from({ length: QUEUES }, (_, i) => i),
    shown,
  );
  t.equal(byCore.size, 2, `both workers have queues of it\n${shown}`);

  const args = ['pktgen', '--port', 'system:wsta', '--receive', 'system:wstb', '--flows', String(FLOWS)];
  const { status, stdout, stderr } = await lab.startAsync(process.execPath, [
    WEFT,
    ...args,
    '--rate',
    '3000',
    '--duration',
    '2',
    '--json',
  ]).done;
  t.equal(status, 0, stderr);
  const r = JSON.parse(stdout);
  t.ok(r.sent > 1000, stdout);
  t.equal(r.reordered, 0, 'in each flow the order is kept');
  const { drops, rx_errors } = sw.counters().wst0.wsta;
  t.equal(r.received + (drops.tx_full ?? 0) + rx_errors, r.sent, `no frame is lost\n${JSON.stringify(sw.counters())}`);
  const each = [...run('ovs-appctl', 'dpif-netdev/pmd-stats-show').stdout.matchAll(/packets received: (\d+)/g)].map(
    (m) => Number(m[1]),
  );
  t.equal(each.length, 2);
  for (const n of each) t.ok(n > r.sent / 10, `both workers received a part: ${each}`);
  const perf = run('ovs-appctl', 'dpif-netdev/pmd-perf-show').stdout;
  t.match(perf, /- busy iterations: +[1-9]\d* {2}\( *[\d.]+ % of used cycles\)\n {2}- sleep iterations: +[1-9]/);
  t.match(perf, /Tx packets: +[1-9]\d* {2}\(\d+ Kpps\)\n {2}Tx batches: +[1-9]\d* {2}\(\d+\.\d\d pkts\/batch\)/);
});
