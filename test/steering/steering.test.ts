/**
 * Workers and receive queues under real traffic: processors by pmd-cpu-mask, ports pinned and moved to and fro, and every frame comes out in the order in
 * which it went in.
 */
import '../support/isolate.js';

import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { loadAddon } from '../../src/datapath/driver/load.js';
import { LiveSwitch, WEFT } from '../support/live.js';

const refusal =
  labRefusal() ??
  needPrograms({
    ip: 'iproute2',
    'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
    'ovs-ofctl': OVS_PROGRAMS['ovs-ofctl'],
    'ovs-appctl': OVS_PROGRAMS['ovs-appctl'],
  });
const one = loadAddon().processors().length < 2 ? 'there is one processor' : false;
const SECONDS = 3;
const MOVES = 8;

/** Processors of each worker's thread, as the kernel says; a thread that has just begun has no name yet, so there may soon be `n`. */
async function workersOf(pid: number, n: number): Promise<string[]> {
  await until(() => threadsOf(pid).length === n, 5000);
  return threadsOf(pid);
}

function threadsOf(pid: number): string[] {
  const of = (task: string, file: string) => readFileSync(`/proc/${pid}/task/${task}/${file}`, 'utf8');
  return readdirSync(`/proc/${pid}/task`)
    .filter((task) => of(task, 'comm').startsWith('weft-worker'))
    .map((task) => /Cpus_allowed_list:\s*(\S+)/.exec(of(task, 'status'))?.[1] ?? '')
    .sort();
}

t.test('ports move between workers', { skip: refusal ?? one }, async (t) => {
  const lab = new NetLab('wsm');
  t.teardown(() => lab.close());
  const sw = new LiveSwitch([]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const env = `OVS_RUNDIR=${sw.dir}`;
  const vsctl = (line: string) => sw.run('env', env, 'ovs-vsctl', '--timeout=20', ...line.split(' '));
  const show = () => sw.run('env', env, 'ovs-appctl', 'dpif-netdev/pmd-rxq-show').stdout;
  const a = lab.host('a', {});
  const b = lab.host('b', {});
  // The kernel hands a frame from one end of a pair to the other by the queue of the processor that sends. Who sends from two of them would see his frames overtake
  // each other before they come to us, or after: so one processor serves each end.
  t.equal(sw.run('sh', '-c', `echo 1 > /sys/class/net/${a.outer}/queues/rx-0/rps_cpus`).status, 0);
  t.equal(lab.inside(b.ns, 'sh', '-c', 'echo 1 > /sys/class/net/e0/queues/rx-0/rps_cpus').status, 0);
  t.same(vsctl(`add-br wsm0 -- add-port wsm0 ${a.outer} -- add-port wsm0 ${b.outer}`).stderr, '');
  const flow = `in_port=${a.outer},actions=${b.outer}`;
  t.same(sw.run('env', env, 'ovs-ofctl', 'add-flow', 'wsm0', flow).stderr, '');

  const [first, second] = loadAddon().processors();
  const both = ((1n << BigInt(first)) | (1n << BigInt(second))).toString(16);
  const alone = (1n << BigInt(second)).toString(16);
  t.equal((await workersOf(sw.pid, 1)).length, 1, 'one worker without a mask');
  t.equal(vsctl(`set open_vswitch . other_config:pmd-cpu-mask=${both}`).stderr, '');
  t.same(await workersOf(sw.pid, 2), [String(first), String(second)].sort());
  t.match(
    show(),
    new RegExp(
      `pmd thread numa_id 0 core_id ${first}:\\n {2}isolated : false\\n(.*\\n)*pmd thread numa_id 0 core_id ${second}:\\n`,
    ),
  );
  t.equal(vsctl(`set interface ${a.outer} other_config:pmd-rxq-affinity=0:${second}`).stderr, '');
  const mine = new RegExp(
    `core_id ${second}:\\n {2}isolated : true\\n {2}port: ${a.outer} +queue-id: {2}0 \\(enabled\\)`,
  );
  t.match(show(), mine);

  const args = ['pktgen', '--port', 'e0', '--netns', a.ns, '--receive', 'e0', '--receive-netns', b.ns];
  const load = ['--flows', '50', '--rate', '3000', '--duration', String(SECONDS), '--json'];
  const running = lab.insideAsync(b.ns, process.execPath, WEFT, ...args, ...load);
  const moved: string[] = [];
  for (let i = 0; i < MOVES; i++) {
    vsctl(`set interface ${a.outer} other_config:pmd-rxq-affinity=0:${i % 2 ? second : first}`);
    vsctl(`set interface ${b.outer} other_config:pmd-rxq-affinity=0:${i % 4 < 2 ? second : first}`);
    if (i === MOVES / 2) vsctl(`set open_vswitch . other_config:pmd-cpu-mask=${alone}`);
    if (i === MOVES / 2) moved.push((await workersOf(sw.pid, 1)).join(','));
    if (i === MOVES / 2) vsctl(`set open_vswitch . other_config:pmd-cpu-mask=${both}`);
  }
  const { status, stdout, stderr } = await running;
  t.equal(status, 0, stderr);
  const r = JSON.parse(stdout);
  t.same(moved, [String(second)], 'one worker less, while frames come');
  t.equal(r.reordered, 0, 'no frame overtakes another of its flow');
  // A worker that gets no processor for long leaves no room to lend it more; that is no matter of moves.
  const { drops, rx_errors } = sw.counters().wsm0[a.outer];
  const full = (drops.tx_full ?? 0) + rx_errors;
  t.equal(r.received + full, r.sent, `no frame is lost\n${JSON.stringify(sw.counters())}`);
  t.ok(r.sent > 1000, stdout);

  vsctl(`remove open_vswitch . other_config pmd-cpu-mask -- remove interface ${a.outer} other_config pmd-rxq-affinity`);
  const left = await workersOf(sw.pid, 1);
  t.equal(left.length, 1, 'as the program was started');
  t.notMatch(left[0], new RegExp(`^${second}$`), 'on any processor');
  t.equal(sw.run('env', env, 'ovs-appctl', 'dpif-netdev/pmd-rxq-rebalance').stdout, 'pmd rxq rebalance requested.\n');
  t.ok(await until(() => /pmd usage: +\d+ %/.test(show()), 15_000), 'usage is measured');
  t.match(show(), /overhead: +\d+ %\n$/);
});
