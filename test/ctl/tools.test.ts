// The tools: weft appctl beside ovs-appctl, each on both switches, and without any; weft dpctl as its manual says.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { main as appctl } from '../../src/cli/appctl.js';
import { main as dpctlMain } from '../../src/cli/dpctl.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import type { Streams } from '../../src/cli/streams.js';
import { WEFT } from '../support/live.js';
import { type Ran, World } from './world.js';

const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});

/** Without lines of the log, whose times differ. */
function plain(r: Ran): Ran {
  return {
    ...r,
    stderr: r.stderr.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z\|.*\n/gm, ''),
  };
}

const FRAME =
  '00112233445566778899aabb0800450000280000000040060000c0a801010a00000200500051000000000000000050020000000000000000';

/** Each switch numbers later passes as it goes. */
function unnumbered(r: Ran): Ran {
  return { ...r, stdout: r.stdout.replace(/(recirc\(|recirc_id[=(])0x[0-9a-f]*[1-9a-f][0-9a-f]*/g, '$1N') };
}

type Main = (args: readonly string[], program: string, streams: Streams) => Promise<number>;

/** A program of ours, within this process: starting one takes longer than all it does. */
async function ours(main: Main, name: string, args: readonly string[], dir: string): Promise<Ran> {
  process.env.WEFT_RUNDIR = dir;
  const out: string[] = [];
  const err: string[] = [];
  const status = await main(args, name, { out: (text) => void out.push(text), err: (text) => void err.push(text) });
  return plain({ status, stdout: out.join(''), stderr: err.join('') });
}

async function theirs(args: readonly string[], dir: string): Promise<Ran> {
  const env = { ...process.env, OVS_RUNDIR: dir };
  const { status, stdout, stderr } = spawnSync('ovs-appctl', args, { env, encoding: 'utf8', timeout: 20_000 });
  return plain({ status: status ?? 1, stdout, stderr });
}

t.test('options, and nothing to speak to', { skip: refusal ?? false }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-tools-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'dead.pid'), '4194304\n');
  writeFileSync(join(dir, 'empty.pid'), '');
  writeFileSync(join(dir, 'file'), '');
  const lines: readonly string[][] = [
    [],
    ['-t'],
    ['-T'],
    ['-t', join(dir, 'zz'), 'version'],
    ['-t', join(dir, 'file'), 'version'],
    ['-t', 'zz', 'version'],
    ['-t', 'dead', 'version'],
    ['-tdead', 'version'],
    ['-t', 'empty', 'version'],
    [`--target=${join(dir, 'zz')}`, 'x'],
    ['--targ', 'zz', 'x'],
    ['--target'],
    ['-T', '0', 'version'],
    ['-T', 'zz', 'version'],
    ['--timeout=zz', 'version'],
    ['-T', '5', '-t', join(dir, 'zz'), 'version'],
    ['--frob'],
    ['--help=5'],
    ['-x'],
    ['-o'],
    ['--option'],
    ['version'],
    ['-v', 'version'],
    ['--verbose', 'version'],
    ['--', 'version'],
  ];
  for (const args of lines)
    t.same(await ours(appctl, 'ovs-appctl', args, dir), await theirs(args, dir), args.join(' ') || 'no words');
  t.match(await ours(appctl, 'weft appctl', ['--version'], dir), {
    status: 0,
    stdout: /^weft appctl \(Open vSwitch\) /,
  });
  t.match(await ours(appctl, 'weft appctl', ['--help'], dir), { status: 0, stdout: /^usage: / });
});

t.test('on both switches', { skip: refusal ?? false }, async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  t.equal(await world.ready(), '');
  for (const dir of [world.ovs.dir, world.weft.dir]) {
    for (const args of [
      ['fdb/show', 'br0'],
      ['fdb/show', 'zz'],
      ['dpctl/parse-actions', '1', 'zz'],
      ['dpctl/parse-actions', '-h'],
      ['frob'],
      ['vlog/list-pattern'],
      ['-T', '10', 'ofproto/list'],
      ['qos/show', 'p1', 'p2'],
      ['fdb/show'],
      ['ofproto/trace', 'br0', 'in_port=1,tcp,nw_dst=10.0.0.2'],
      ['ofproto/trace', 'in_port(1),eth(),eth_type(0x0800),ipv4(proto=17,ttl=3),udp(dst=53)'],
      ['ofproto/trace', '--names', 'br0', 'in_port=p1,ip'],
      ['ofproto/trace', 'zz', 'in_port=1'],
      ['ofproto/trace', 'br0', 'in_port=1,frob'],
      ['ofproto/trace', 'br0'],
      ['ofproto/trace-packet-out', 'br0', 'in_port=1,ip', 'output:2'],
      ['ofproto/detrace', 'x'],
    ]) {
      t.same(await ours(appctl, 'ovs-appctl', args, dir), await theirs(args, dir), args.join(' '));
    }
  }
  // A trace over both sockets: the same text, whoever asks and whoever answers.
  const flow = ['add-flow', 'br0', 'priority=5,ip,actions=dec_ttl,mod_vlan_vid:7,2,LOCAL'];
  for (const run of [world.onOvs, world.onWeft]) t.equal(run('ovs-ofctl', flow).status, 0);
  for (const args of [
    ['ofproto/trace', '--names', 'br0', 'in_port=1,tcp,nw_dst=10.0.0.2,nw_ttl=9'],
    ['ofproto/trace', '--names', 'br0', 'in_port=p2', FRAME],
    ['ofproto/trace', 'br0', 'in_port=7,arp'],
    ['ofproto/trace', '--names', 'br0', 'in_port=1,udp,nw_ttl=3', '-generate', '--ct-next', 'trk,new'],
    ['ofproto/trace-packet-out', '--names', 'br0', 'in_port=1,ip', 'push_mpls:0x8847,output:2'],
    ['ofproto/trace', 'zz', 'in_port=1'],
    ['ofproto/trace', 'br0', 'in_port=1,tcp,udp'],
    ['ofproto/trace', 'br0', 'in_port=1,frob'],
    ['ofproto/trace'],
    ['ofproto/detrace', 'x'],
  ]) {
    const wanted = unnumbered(await theirs(args, world.ovs.dir));
    t.same(unnumbered(await ours(appctl, 'ovs-appctl', args, world.ovs.dir)), wanted, `weft asks: ${args.join(' ')}`);
    t.same(unnumbered(await theirs(args, world.weft.dir)), wanted, `weft answers: ${args.join(' ')}`);
  }
  // One that does not answer.
  world.weft.signal('SIGSTOP');
  const env = { ...process.env, WEFT_RUNDIR: world.weft.dir };
  const stopped = spawnSync(process.execPath, [WEFT, 'appctl', '-T', '1', 'version'], { env, timeout: 20_000 });
  world.weft.signal('SIGCONT');
  t.equal(stopped.signal, 'SIGALRM');
  await dpctl(t, world);
  strangers(t, world);
});

/** No version in common: both clients say the same of both switches. How the end of the connection is called depends on who notices it first. */
function strangers(t: Test, world: World): void {
  t.equal(world.vsctl('set', 'bridge', 'br0', 'protocols=OpenFlow13'), '');
  const TIME = /^[\d-]+T[\d:.]+Z/;
  const END = / \((Protocol error|Broken pipe)\)$/m;
  for (const [run, name] of [
    [world.onOvs, 'ovs-vswitchd'],
    [world.onWeft, 'weft'],
  ] as const) {
    for (const versions of ['OpenFlow10', 'OpenFlow10,OpenFlow15']) {
      const args = ['-O', versions, 'show', 'br0'];
      const [theirs, own] = [run('ovs-ofctl', args), run('weft', ['ofctl', ...args])];
      t.match(own.stderr, TIME);
      t.match(own.stderr, END);
      const said = (r: Ran) =>
        r.stderr
          .replace(TIME, '')
          .replace(END, '')
          .replace(/^weft ofctl/m, 'ovs-ofctl');
      t.equal(said(own), said(theirs), `${versions}, asking ${name}`);
      t.equal(own.status, theirs.status);
    }
  }
}

/** What the family of dpctl says, told by the program of its own. */
async function dpctl(t: Test, world: World): Promise<void> {
  for (const [name, dir] of [
    ['ovs-vswitchd', world.ovs.dir],
    ['weft', world.weft.dir],
  ] as const) {
    const file = join(dir, 'flows.txt');
    writeFileSync(file, FLOW);
    for (const [line, want] of DPCTL) {
      const words = line.map((w) => (w === 'FILE' ? file : w));
      t.match(await ours(dpctlMain, 'weft dpctl', words, dir), want, `${line.join(' ')} on ${name}`);
    }
  }
}

const FLOW = 'in_port(p1),eth_type(0x0800),ipv4(frag=no) drop\n';

const DPCTL: readonly (readonly [string[], object])[] = [
  [[], { status: 1, stderr: 'weft dpctl: missing command name; use --help for help\n' }],
  [['frob'], { status: 1, stderr: "weft dpctl: unknown command 'frob'; use --help for help\n" }],
  [['--frob', 'show'], { status: 1, stderr: "weft dpctl: unrecognized option '--frob'\n" }],
  [['-t', 'zz', 'show'], { status: 1, stderr: 'weft dpctl: value zz on -t or --timeout is invalid\n' }],
  [['parse-actions'], { status: 1, stderr: "weft dpctl: 'parse-actions' command requires at least 1 arguments\n" }],
  [['dump-dps', 'x'], { status: 1, stderr: "weft dpctl: 'dump-dps' command takes at most 0 arguments\n" }],
  [['parse-actions', '1,2'], { status: 0, stdout: '1,2\n' }],
  [['parse-actions', '1', 'zz'], { status: 1, stderr: '1\nweft dpctl: odp_actions_from_string (Invalid argument)\n' }],
  [['-t', '5', 'dump-dps'], { status: 0, stdout: 'netdev@ovs-netdev\n' }],
  [['list-commands'], { status: 0, stdout: /^The available commands are:\n {2}add-dp {18}/ }],
  [['show'], { status: 0, stdout: /^netdev@ovs-netdev:\n {2}lookups: .*\n(.*\n)* {2}port \d+: p1/ }],
  [['-s', 'show'], { status: 0, stdout: /^ {4}RX packets:\d+ errors:\S+ dropped:/m }],
  [['show', 'zz'], { status: 1, stderr: 'weft dpctl: opening datapath zz failed (No such device)\n' }],
  [
    ['--read-only', 'del-flows'],
    { status: 1, stderr: "weft dpctl: 'del-flows' command does not work in read only mode\n" },
  ],
  [['add-flows', 'FILE'], { status: 0, stdout: '' }],
  [['--may-create', 'mod-flow', 'in_port(p2),eth_type(0x0800),ipv4(frag=no)', 'drop'], { status: 0, stderr: '' }],
  [['del-flows'], { status: 0, stdout: '', stderr: '' }],
  [['--names', 'dump-flows'], { status: 0, stdout: '' }],
];
