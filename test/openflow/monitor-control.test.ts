/** monitor in the background: its pid file, its control socket and what can be said there, of ovs-ofctl and weft ofctl, both on ovs-vswitchd. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { WEFT } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';

const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });

const ask = (...words: string[]): string => `ovs-appctl -t ovs-ofctl ${words.join(' ')}`;
/** One after the other, in the run directory. */
const SESSION: readonly string[] = [
  'ovs-ofctl monitor br0 65534 --detach --no-chdir --pidfile 2>log',
  'ls ovs-ofctl.pid ovs-ofctl.*.ctl | sed "s/[0-9]\\+/N/"',
  `${ask('list-commands')} | grep -v "vlog/\\|coverage/\\|packet-out"`,
  ask('ofctl/barrier'),
  ask('ofctl/send', '0102000800000009', 'zz', '010200'),
  ask('ofctl/send', '0102000800000009'),
  ask('ofctl/send', '01020008'),
  ask('ofctl/send'),
  ask('ofctl/barrier'),
  ask('ofctl/block'),
  ask('ofctl/block'),
  ask('ofctl/send', '010200080000000a'),
  ask('ofctl/unblock'),
  ask('ofctl/unblock'),
  ask('ofctl/barrier'),
  ask('ofctl/set-output-file', '/nonexistent/x'),
  ask('ofctl/set-output-file', 'second'),
  ask('ofctl/barrier'),
  ask('ofctl/nonsense'),
  'ovs-ofctl monitor br0 --detach --no-chdir --pidfile',
  'ovs-ofctl monitor br9 --detach --no-chdir --pidfile=x.pid',
  'ovs-ofctl -O OpenFlow13 monitor br0 --detach --pidfile=$PWD/b.pid --unixctl=$PWD/b.ctl 2>/dev/null',
  'ls b.pid b.ctl',
  'ovs-appctl -t $PWD/b.ctl ofctl/barrier',
  'ovs-appctl -t $PWD/b.ctl exit',
  ask('exit'),
  'for i in $(seq 200); do ls *.pid *.ctl | grep -q "^b\\.\\|^ovs-ofctl" || break; sleep 0.05; done; ls ovs-ofctl* b.*',
  'cat log; echo; cat second',
];

const OWN: readonly (readonly [RegExp, string])[] = [
  [/\(xid=0x[0-9a-f]+\)/g, '(xid=N)'],
  [/\/\S*\/(?=ovs-ofctl\.pid|b\.)/g, ''],
  [/as pid \d+/g, 'as pid N'],
  [/^\d{4}-\d\d-\d\dT[^|]*\|/gm, ''],
];

/** `bin`: a folder whose programs are found first. */
function session(ovs: RealOvs, bin: string): string[] {
  const env = { ...ovs.env, WEFT_RUNDIR: ovs.dir, PATH: `${bin}:${process.env.PATH}` };
  return SESSION.map((line) => {
    const r = spawnSync('bash', ['-c', line], { env, cwd: ovs.dir, encoding: 'utf8', timeout: 30_000 });
    return OWN.reduce((text, [own, to]) => text.replace(own, to), `[${r.status}] ${r.stdout}${r.stderr}`);
  });
}

/** Whatever a session that failed has left. */
function end(pidFile: string): void {
  if (existsSync(pidFile)) process.kill(Number.parseInt(readFileSync(pidFile, 'utf8'), 10));
}

t.test('monitor in the background', { skip: missing ?? false, timeout: 120_000 }, async (t) => {
  const bin = mkdtempSync(join(tmpdir(), 'weft-monitor-'));
  symlinkSync(WEFT, join(bin, 'ovs-ofctl'));
  const ovs = new RealOvs();
  t.teardown(() => {
    for (const name of ['ovs-ofctl.pid', 'b.pid']) end(join(ovs.dir, name));
    ovs.close();
    rmSync(bin, { recursive: true, force: true });
  });
  ovs.addBridge('br0', 1, 'OpenFlow10,OpenFlow13');
  const expected = session(ovs, '/usr/bin');
  for (const file of ['log', 'second']) rmSync(join(ovs.dir, file), { force: true });
  const found = session(ovs, bin);
  SESSION.forEach((line, i) => {
    t.equal(found[i], expected[i], line);
  });
  t.match(expected.at(-1), /send: OFPT_ECHO_REQUEST/, 'there is something to compare');
});
