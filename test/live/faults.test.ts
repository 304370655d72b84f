/** What can be wrong with a command line, a run directory or a privilege: a sentence that names the fault, and exit status 1. */
import '../support/isolate.js';

import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';

const noRoot = labRefusal() ?? needPrograms({ setpriv: 'util-linux' });
const NOBODY = 65534;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

const port = (settings: string): string[] => ['--bridge', 'wff0=wff1', '--port', `wff1:${settings}`];

type Row = readonly [what: string, args: readonly string[], says: RegExp];

const WORDS: readonly Row[] = [
  ['unknown option', ['--nonsense'], /Unknown option '--nonsense'/],
  ['stray word', ['stray'], /stray: a database is tcp:HOST/],
  ['option without its value', ['--workers'], /--workers/],
  ['workers that are no number', ['--workers', 'x'], /--workers must be a whole number from 1 to 64, not "x"/],
  ['no worker', ['--workers', '0'], /--workers must be .* not "0"/],
  ['VLAN limit', ['--vlan-limit', '3'], /--vlan-limit must be .* not "3"/],
  ['bridge without a name', ['--bridge', '=wff1'], /--bridge takes NAME=PORT,PORT\.\.\., not "=wff1"/],
  ['bridge name too long', ['--bridge', 'wff45678901234567'], /--bridge takes NAME=PORT/],
  [
    'port without settings',
    ['--bridge', 'wff0=wff1', '--port', 'wff1'],
    /--port takes NAME:KEY=VALUE,\.\.\., not "wff1"/,
  ],
  ['setting without a value', port('tag'), /--port wff1: "tag" is not KEY=VALUE/],
  [
    'settings of no port',
    ['--bridge', 'wff0=wff1', '--port', 'wff2:tag=1'],
    /--port wff2: no --bridge names this port/,
  ],
  ['settings given twice', [...port('tag=1'), '--port', 'wff1:tag=2'], /--port wff1 is given twice/],
  ['VLAN too large', port('tag=5000'), /--port wff1: VLAN must be a whole number from 0 to 4095, not "5000"/],
  ['VLAN empty', port('tag='), /VLAN must be .* not ""/],
  ['VLAN in words', port('trunks=1+two'), /VLAN must be .* not "two"/],
  ['VLAN mode', port('vlan_mode=best'), /--port wff1: vlan_mode must be one of access, trunk/],
  ['port number', port('number=0'), /--port wff1: number must be a whole number from 1 to 65279, not "0"/],
  [
    'controller of no bridge',
    ['--controller', 'wff0=tcp:127.0.0.1'],
    /--controller, --fail-mode or --protocols wff0: no such --bridge/,
  ],
];

const DEVICES: readonly Row[] = [
  ['bridge name of no device', ['--bridge', 'a/b'], /"a\/b" cannot be a device name/],
  ['port name too long', ['--bridge', 'wff0=wff45678901234567'], /"wff45678901234567" cannot be a device name/],
  ['device that is not there', port('type=system'), /no device wff1: No such device/],
  ['device that cannot be made', ['--bridge', 'wff0=all'], /cannot make tap device all: Invalid argument/],
  ['type', port('type=best'), /unknown interface type "best"/],
  ['setting that no port has', port('tags=1'), /wff1: a port of type tap has no setting "tags"/],
  ['setting that is neither true nor false', port('offload=maybe'), /wff1: options:offload must be true or false/],
  ['namespace', port('netns=/nowhere'), /cannot enter network namespace \/nowhere: No such file/],
  ['capture file', port('type=pcap,rx_pcap=/nowhere'), /\/nowhere: No such file/],
  ['port twice', ['--bridge', 'wff0=wff1,wff1'], /there is a port named wff1/],
  ['bridge twice', ['--bridge', 'wff0', '--bridge', 'wff0'], /there is a bridge named wff0/],
  ['port named as a bridge', ['--bridge', 'wff0=wff0'], /there is a port named wff0/],
  [
    'number twice',
    ['--bridge', 'wff0=wff1,wff2', '--port', 'wff1:number=2', '--port', 'wff2:number=2'],
    /wff0: port number 2 is in use/,
  ],
  [
    'run directory that is a file',
    ['--rundir', '/dev/null'],
    /cannot write to the run directory \/dev\/null \(not a directory\)/,
  ],
  [
    'run directory that cannot be made',
    ['--rundir', '/proc/none/x'],
    /cannot write to the run directory \/proc\/none\/x/,
  ],
  [
    'run directory with a long path',
    ['--rundir', `/tmp/${'x'.repeat(120)}`, '--bridge', 'wff0'],
    /has at most 107 bytes/,
  ],
];

async function refused(t: Test, [, args, says]: Row, wrapper: readonly string[] = []): Promise<void> {
  const sw = new LiveSwitch(args, wrapper);
  t.teardown(() => sw.close());
  t.notOk(await sw.ready(), 'it does not run');
  t.equal(await sw.stop(), 1, 'exit status 1');
  t.match(sw.output, says);
  t.match(sw.output, /^weft switchd: [^\n]*\n$/, 'one sentence, after the name of the program');
}

t.test('words that are wrong', { jobs: 4 }, async (t) => {
  for (const row of WORDS) t.test(row[0], (t) => refused(t, row));
});

// One after the other: they make devices of the same names.
t.test('devices, files and numbers', { skip: noRoot }, async (t) => {
  for (const row of DEVICES) t.test(row[0], (t) => refused(t, row));
});

t.test('without privileges', { skip: noRoot }, async (t) => {
  const first = new LiveSwitch(['--bridge', 'wff3'], AS_NOBODY);
  t.teardown(() => first.close());
  t.notOk(await first.ready(), 'a run directory of somebody else');
  t.match(first.output, /^weft switchd: cannot write to the run directory \S+ \(permission denied\); set WEFT_RUNDIR/);
  t.equal(await first.stop(), 1);

  chmodSync(first.dir, 0o755);
  const own = join(first.dir, 'own');
  mkdirSync(own);
  chownSync(own, NOBODY, NOBODY);
  for (const [bridge, says] of [
    ['wff3=lo', /cannot open a packet socket for lo: Operation not permitted \(it needs .*CAP_NET_RAW/],
    ['wff3=wff4', /cannot make tap device wff4: Operation not permitted \(it needs CAP_NET_ADMIN/],
  ] as const) {
    const sw = new LiveSwitch(['--rundir', own, '--bridge', bridge], AS_NOBODY);
    t.teardown(() => sw.close());
    t.notOk(await sw.ready(), bridge);
    t.match(sw.output, says);
    t.equal(await sw.stop(), 1);
  }
  t.same(readdirSync(own), [], 'nothing is left behind');

  const works = new LiveSwitch(['--bridge', 'wff3=wff4', '--port', 'wff4:type=null', '--rundir', own], AS_NOBODY);
  t.teardown(() => works.close());
  t.ok(await works.ready(), 'what needs no privilege works');
  t.match(works.output, /wff3: cannot make tap device wff3: .*; the bridge works without its LOCAL port/);
  t.equal(await works.stop(), 0);
  t.same(readdirSync(own), [], 'and leaves nothing behind');
});

t.test('two switches', { skip: noRoot }, async (t) => {
  const first = new LiveSwitch(['--bridge', 'wff5=wff6']);
  t.teardown(() => first.close());
  t.ok(await first.ready(), first.output);
  for (const [what, args, says] of [
    ['in one run directory', ['--rundir', first.dir, '--bridge', 'wff7'], /another switch is running there/],
    ['on one device', ['--bridge', 'wff7=wff6', '--port', 'wff6:type=tap'], /wff6: Device or resource busy/],
    ['with one bridge', ['--bridge', 'wff5'], /wff5: Device or resource busy/],
  ] as const) {
    const second = new LiveSwitch(args);
    t.teardown(() => second.close());
    t.notOk(await second.ready(), what);
    t.match(second.output, says);
    t.equal(await second.stop(), 1);
  }
  t.equal(first.run('weft', 'ofctl', 'show', 'wff5').status, 0, 'the first one goes on');
});

t.test('what a killed switch left is no hindrance', { skip: noRoot }, async (t) => {
  const args = ['--bridge', 'wff8=wff9'];
  const killed = new LiveSwitch(args);
  t.teardown(() => killed.close());
  t.ok(await killed.ready(), killed.output);
  t.equal(await killed.stop('SIGKILL'), 'SIGKILL');
  t.match(
    readdirSync(killed.dir).sort().join(' '),
    /^ovs-vswitchd\.\d+\.ctl ovs-vswitchd\.pid wff8\.mgmt wff8\.snoop$/,
  );
  t.match(killed.run('weft', 'appctl', 'version'), { status: 1, stderr: /No such process/ }, 'tools say so');

  const again = new LiveSwitch([...args, '--rundir', killed.dir]);
  t.teardown(() => again.close());
  t.ok(await again.ready(), again.output);
  t.equal(readdirSync(killed.dir).filter((f) => f.endsWith('.ctl')).length, 1, 'one control socket');
  t.equal(killed.run('weft', 'ofctl', 'show', 'wff8').status, 0);
  t.equal(await again.stop(), 0);
  t.same(readdirSync(killed.dir), [], 'all is tidy after a regular end');

  writeFileSync(join(killed.dir, 'wff8.mgmt'), 'mine');
  const inTheWay = new LiveSwitch([...args, '--rundir', killed.dir]);
  t.teardown(() => inTheWay.close());
  t.notOk(await inTheWay.ready(), 'a file of somebody else');
  t.match(inTheWay.output, /wff8\.mgmt is in the way: it is not a socket/);
  t.equal(await inTheWay.stop(), 1);
});
