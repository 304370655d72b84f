/** AF_XDP ports by the database: options, what is read back, faults and their words, devices that go and come, the switch killed and started again. */
import '../support/isolate.js';

import t from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch, unbalanced } from '../support/live.js';

const refusal =
  labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', 'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'] });
const SOON = 10_000;
/** The same behind a device that came back. */
const MAC = '02:00:00:00:82:02';
t.setTimeout(120_000);

/** Options of a port that works or does not: what `status`, `error` and dpif/show say then. */
const ROWS: readonly {
  readonly options: string;
  readonly status: RegExp;
  readonly error: RegExp;
  readonly shown: RegExp;
}[] = [
  {
    options: '',
    status: /^\{driver_name=veth, .*, xdp-mode=native, xdp-mode-reason="the driver has no zero-copy"\}$/,
    error: /^\[\]$/,
    shown: /\(afxdp: n_rxq=1, use-need-wakeup=true, xdp-mode=best-effort, xdp-mode-in-use=native\)/,
  },
  {
    options: 'options:xdp-mode=generic options:use-need-wakeup=false',
    status: /^\{driver_name=veth, .*, xdp-mode=generic\}$/,
    error: /^\[\]$/,
    shown: /\(afxdp: n_rxq=1, use-need-wakeup=false, xdp-mode=generic, xdp-mode-in-use=generic\)/,
  },
  {
    options: 'options:xdp-mode=native',
    status: /^\{driver_name=veth, .*, xdp-mode=native\}$/,
    error: /^\[\]$/,
    shown: /xdp-mode=native, xdp-mode-in-use=native\)/,
  },
  {
    options: 'options:xdp-mode=native-with-zerocopy',
    status: /^\{\}$/,
    error:
      /could not add network device wfza to ofproto \(cannot bind an AF_XDP socket to wfza: Operation not supported/,
    shown: /^(?!.*wfza)/s,
  },
  {
    options: 'options:xdp-mode=fast',
    status: /^\{\}$/,
    error: /wfza: could not set configuration \(options:xdp-mode must be one of best-effort, native-with-zerocopy, /,
    shown: /^(?!.*wfza)/s,
  },
  {
    options: 'options:n_rxq=17',
    status: /^\{\}$/,
    error: /wfza: could not set configuration \(options:n_rxq must be 1 to 16/,
    shown: /^(?!.*wfza)/s,
  },
  {
    options: 'options:n_rxq=9',
    status: /^\{\}$/,
    error: /cannot bind an AF_XDP socket to wfza: Invalid argument \(has it so many queues\? options:n_rxq\)/,
    shown: /^(?!.*wfza)/s,
  },
  {
    options: 'options:use-need-wakeup=perhaps',
    status: /^\{\}$/,
    error: /could not set configuration \(options:use-need-wakeup must be true or false/,
    shown: /^(?!.*wfza)/s,
  },
  { options: '', status: /xdp-mode=native/, error: /^\[\]$/, shown: /wfza 1\// },
];

t.test('AF_XDP by the database', { skip: refusal ?? false }, async (t) => {
  const lab = new NetLab('wfz');
  t.teardown(() => lab.close());
  let sw = new LiveSwitch([]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const { dir } = sw;
  const a = lab.host('a', { address: '10.82.0.1/24', outer: 'wfza' });
  const b = lab.host('b', { address: '10.82.0.2/24', outer: 'wfzb', mac: MAC });
  const run = (line: string) => sw.run('env', `OVS_RUNDIR=${dir}`, ...line.split(' '));
  const vsctl = (line: string) => run(`ovs-vsctl --timeout=20 ${line}`);
  const get = (what: string): string => vsctl(`get ${what}`).stdout.trim();
  const answers = (): Promise<boolean> =>
    lab.insideAsync(a.ns, 'ping', '-c', '1', '-W', '1', '10.82.0.2').then((r) => r.status === 0);
  const pings = (): Promise<boolean> => until(answers, SOON);
  const add = (port: string): string => `add-port wfz0 ${port} -- set interface ${port} type=afxdp`;

  t.same(vsctl(`add-br wfz0 -- ${add('wfza')} -- ${add('wfzb')}`).stderr, '');
  t.ok(await pings(), 'forwards');
  for (const { options, status, error, shown } of ROWS) {
    const what = options || 'no options';
    vsctl(`clear interface wfza options${options && ` -- set interface wfza ofport_request=1 ${options}`}`);
    t.match(get('interface wfza status'), status, `${what}: status`);
    t.match(get('interface wfza error').replaceAll('\\"', "'"), error, `${what}: error`);
    t.match(run('ovs-appctl dpif/show').stdout, shown, `${what}: dpif/show`);
    t.equal(get('interface wfza ofport') === '-1', !error.test('[]'), `${what}: a number, or none`);
    if (error.test('[]')) t.ok(await pings(), `${what}: forwards`);
  }

  t.equal(vsctl('del-port wfzb').status, 0);
  t.notOk(await answers(), 'removed');
  t.notMatch(lab.ip('link show wfzb'), /xdp/, 'and so is our program');
  t.equal(vsctl(add('wfzb')).stderr, '', 'added again at once');
  t.ok(await pings(), 'and forwards');

  lab.ip('link del wfzb');
  t.ok(await until(() => /No such device/.test(get('interface wfzb error')), SOON), 'a device that goes is told');
  lab.ip(`netns del ${b.ns}`);
  lab.host('b', { address: '10.82.0.2/24', outer: 'wfzb', mac: MAC });
  t.ok(await pings(), 'one that is back is taken up');
  t.match(get('interface wfzb status'), /xdp-mode=native/);
  t.match(vsctl(add('wfzm')).stderr, /could not open network device wfzm \(No such device\)/, 'one that is missing');
  lab.veth('wfzm', 'wfzn');
  t.ok(await until(() => get('interface wfzm ofport') !== '-1', SOON), 'is taken when it comes');
  t.same(unbalanced(sw.counters()), [], 'received = forwarded + dropped + held');

  await sw.stop('SIGKILL');
  t.ok(await until(() => !/xdp/.test(lab.ip('link show wfza')), SOON), 'our program goes with the process');
  sw = new LiveSwitch(['--rundir', dir]);
  t.ok(await pings(), 'killed and started again it forwards');
  t.match(get('interface wfza status'), /xdp-mode=native/);
  await sw.stop('SIGKILL');
  sw = new LiveSwitch(['--rundir', dir]);
  t.ok(await pings(), 'and with no pause between');
});
