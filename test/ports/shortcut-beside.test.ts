/**
 * Flows that do more than pass on, beside such as have shortcuts (native/port/shortcuts.h): a meter, a mirror, a sample. They have none, what they do is done to each frame, and the
 * others keep theirs.
 */
import '../support/isolate.js';

import t from 'tap';
import { NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch, unbalanced } from '../support/live.js';
import { refusal as noStage } from './shortcut-stage.js';

const refusal = noStage ?? needPrograms({ ping: 'iputils-ping', 'ovs-ofctl': OVS_PROGRAMS['ovs-ofctl'] });
const LAB = 'wfy';
const BRIDGE = `${LAB}0`;
const SOON = 20_000;
t.setTimeout(60_000);

t.test('meters, mirrors and samples beside shortcuts', { skip: refusal }, async (t) => {
  const lab = new NetLab(LAB);
  t.teardown(() => lab.close());
  const [h1, h2, h3] = [1, 2, 3].map((n) => lab.host(`${n}`, { address: `10.79.0.${n}/24` }));
  for (const [n, h] of [h1, h2].entries()) lab.ip(`-n ${h.ns} addr add fd79::${n + 1}/64 dev e0 nodad`);
  const sw = new LiveSwitch([]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const run = (...words: string[]): string => {
    const r = sw.run('env', `OVS_RUNDIR=${sw.dir}`, ...words);
    t.equal(r.status, 0, r.stderr || words.join(' '));
    return r.stdout;
  };
  const ofctl = (...words: string[]) => run('ovs-ofctl', '-O', 'OpenFlow13', ...words);
  const vsctl = (line: string) => run('ovs-vsctl', '--timeout=20', ...line.split(' '));
  const add = (h: { outer: string }, n: number) =>
    `add-port ${BRIDGE} ${h.outer} -- set interface ${h.outer} ofport_request=${n}`;
  vsctl(`add-br ${BRIDGE} -- ${add(h1, 1)} -- ${add(h2, 2)} -- ${add(h3, 3)}`);
  ofctl('del-flows', BRIDGE);
  for (const [from, to] of [
    [1, 2],
    [2, 1],
  ])
    ofctl('add-flow', BRIDGE, `priority=10,in_port=${from},actions=output:${to}`);

  const ping = (to: string, n: number) =>
    lab
      .insideAsync(h1.ns, 'ping', '-i', '0.002', '-W', '1', '-c', `${n}`, '-q', to)
      .then((r) => Number(/(\d+) received/.exec(r.stdout)?.[1] ?? -1));
  const shown = () => sw.run('weft', 'appctl', 'weft/shortcuts').stdout;
  /** Shortcuts of a port's flows of a family. */
  const short = (port: { outer: string }, type: string) =>
    new RegExp(`in_port\\(${port.outer}\\).*eth_type\\(${type}\\)`).test(shown());
  const V4 = '0x0800';
  const V6 = '0x86dd';
  const both = (type: string) => short(h1, type) && short(h2, type);
  const shortened = (to: string, type: string) =>
    until(async () => {
      await ping(to, 200);
      return both(type);
    }, SOON);
  t.ok(await shortened('10.79.0.2', V4), shown());
  t.ok(await shortened('fd79::2', V6), shown());
  const arrived = () => Number(lab.inside(h3.ns, 'cat', '/sys/class/net/e0/statistics/rx_packets').stdout);

  /** While a rule or a record is there: each frame of IPv4 from host 1 does what it says, IPv6 goes as before. */
  const beside = async (what: string, isDone: (pings: number) => Promise<boolean>) => {
    t.equal(await ping('10.79.0.2', 300), 300, `${what}: all pass`);
    t.notOk(short(h1, V4), `${what}: no shortcut\n${shown()}`);
    t.ok(await isDone(300), `${what}: done to each`);
  };
  const METERED = 'priority=20,ip,in_port=1';
  ofctl('add-meter', BRIDGE, 'meter=1,pktps,stats,bands=type=drop,rate=100000');
  const metered = () => Number(/packet_in_count:(\d+)/.exec(ofctl('meter-stats', BRIDGE))?.[1]);
  ofctl('add-flow', BRIDGE, `${METERED},actions=meter:1,output:2`);
  await beside('a meter', (n) => until(() => metered() >= n, SOON));
  t.ok(await shortened('fd79::2', V6), 'beside it IPv6 has shortcuts');
  t.notOk(short(h1, V4), 'and IPv4 still none');
  ofctl('del-flows', BRIDGE, '--strict', METERED);
  t.ok(await shortened('10.79.0.2', V4), `again without\n${shown()}`);

  const MIRROR = `-- --id=@o get port ${h3.outer} -- --id=@s get port ${h1.outer} -- --id=@m create mirror name=m select_src_port=@s output_port=@o`;
  vsctl(`set bridge ${BRIDGE} mirrors=@m ${MIRROR}`);
  const had = arrived();
  await beside('a mirror', (n) => until(() => arrived() - had >= n, SOON));
  const v6 = arrived();
  t.equal(await ping('fd79::2', 100), 100);
  t.ok(await until(() => arrived() - v6 >= 100, SOON), 'of IPv6, too: none goes by a shortcut that it had before');
  t.notOk(short(h1, V6));
  vsctl(`clear bridge ${BRIDGE} mirrors`);
  t.ok(await shortened('10.79.0.2', V4), `again without\n${shown()}`);

  ofctl('add-flow', BRIDGE, `${METERED},actions=sample(probability=65535,collector_set_id=1),output:2`);
  t.equal(await ping('10.79.0.2', 300), 300, 'a sample that nobody collects');
  t.notMatch(sw.run('ovs-appctl', 'dpctl/dump-flows').stdout, /sample/, 'is no action of the datapath');
  t.same(unbalanced(sw.counters()), [], 'conserved');
});
