/**
 * What a switch says unasked, as ovs-ofctl monitor prints it: packet-ins of frames that go through the pipeline, removed flows, changed ports and
 * watched flows. The frames are the same on ovs-vswitchd and on weft, and so must be the text.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { mortal } from '../../src/cli/lab/mortal.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { parseHex } from '../../src/lib/bytes.js';
import { OpenFlowServer } from '../../src/openflow/server/server.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';
import { Switch } from '../../src/switch/switch.js';
import { RealOvs } from '../support/ovs.js';

t.setTimeout(300_000);
const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });

const FLOWS = `priority=1,in_port=1,cookie=9,actions=controller(max_len=20)
priority=2,in_port=2,actions=load:5->NXM_NX_REG3[],load:7->OXM_OF_METADATA[],resubmit(,4)
table=4,actions=controller(userdata=01.02.03)
`;
const ETH = '505400000007505400000005';
/** By port: TCP, a tagged UDP, ARP, a fragment, LLDP, an unknown type behind a tag, MPLS, ICMP. */
const FRAMES: readonly (readonly [port: string, hex: string])[] = [
  ['p1', `${ETH}080045040028000000004006f978c0a80001c0a8000200080050000000000000000050022e37000000000000`],
  ['p2', `${ETH}8100e063080045000020000000004011f979c0a80001c0a800020008005000 0c999a00010203`.replace(' ', '')],
  ['p2', `${ETH}0806000108000604000150540000000501020304000000000000 01020305`.replace(' ', '')],
  ['p2', `${ETH}080045000014000020644001d931c0a80001c0a80002`],
  ['p2', `${ETH}88cc0207045054000000050000`],
  ['p1', `${ETH}8100e00588b500000000`],
  ['p2', `${ETH}884700064740`],
  ['p2', `${ETH}08004500001c000000004001f98dc0a80001c0a800020800f7ff00000000`],
];

const MONITORS: readonly (readonly string[])[] = [
  ['monitor', 'br0', '65534'],
  ['-P', 'standard', 'monitor', 'br0', '65534'],
  ['-m', '-P', 'nxt_packet_in', 'monitor', 'br0', '65534'],
  ['-O', 'OpenFlow11', '-P', 'standard', 'monitor', 'br0', '65534'],
  ['-O', 'OpenFlow13', '-P', 'standard', 'monitor', 'br0', '65534'],
  ['-O', 'OpenFlow15', 'monitor', 'br0', '65534'],
  ['monitor', 'br0', 'watch:'],
  ['-O', 'OpenFlow13', 'monitor', 'br0', 'watch:!initial,!actions'],
  ['-O', 'OpenFlow14', 'monitor', 'br0', 'watch:table=4'],
];

interface Side {
  /** The ofctl that monitors. */
  readonly program: string;
  /** Milliseconds after which all monitors listen. */
  readonly startUp: number;
  readonly env: NodeJS.ProcessEnv;
  inject(port: string, frame: string): void;
}

function normal(text: string): string {
  return (
    text
      .replace(/^\d{4}-\d\d-\d\dT[^|]*\|\d+\|.*\n/gm, '')
      .replace(/duration[0-9.]+s/g, 'duration')
      .replace(/addr:[0-9a-f:]{17}/g, 'addr:A')
      // What a dummy device is not: fast, and up.
      .replace(/state: .*/g, 'state:')
      .replace(/^ {5}(current|speed): .*\n/gm, '')
  );
}

class Listener {
  private text = '';
  private readonly child: ChildProcess;

  constructor(args: readonly string[], side: Side) {
    this.child = spawn(...mortal(side.program, ['--no-names', ...args]), { env: side.env });
    // What was asked for goes to standard output, what comes unasked to standard error.
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (d) => {
        this.text += d;
      });
    }
  }

  /** It writes what it holds back when it is asked to end. */
  end(): Promise<string> {
    return new Promise((resolve) => {
      this.child.on('close', () => resolve(normal(this.text)));
      this.child.kill('SIGTERM');
    });
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function ofctl(side: Side, args: readonly string[], input?: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn('ovs-ofctl', args, { env: side.env });
    let err = '';
    child.stderr.on('data', (d) => {
      err += d;
    });
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`${args.join(' ')}: ${err}`))));
    child.stdin.end(input ?? '');
  });
}

async function watch(side: Side): Promise<string[]> {
  await ofctl(side, ['del-flows', 'br0']);
  await ofctl(side, ['add-flows', 'br0', '-'], FLOWS);
  const listeners = MONITORS.map((args) => new Listener(args, side));
  // When they have begun to listen, and when they have read the last message, cannot be seen from outside.
  await pause(side.startUp);
  for (const [port, frame] of FRAMES) {
    side.inject(port, frame);
    await pause(30);
  }
  await ofctl(side, ['add-flow', 'br0', 'table=4,priority=3,in_port=3,send_flow_rem,cookie=5,actions=drop']);
  await ofctl(side, ['mod-flows', 'br0', 'table=4,in_port=3,actions=output:1']);
  await ofctl(side, ['--strict', 'del-flows', 'br0', 'table=4,priority=3,in_port=3']);
  await ofctl(side, ['mod-port', 'br0', 'p2', 'no-flood']);
  await ofctl(side, ['mod-port', 'br0', 'p2', 'flood']);
  await pause(500);
  return Promise.all(listeners.map((l) => l.end()));
}

t.test('what a switch says unasked', { skip: missing ?? false }, async (t) => {
  const ovs = new RealOvs();
  const dir = mkdtempSync(join(tmpdir(), 'weft-mon-'));
  const clock = new RealClock();
  const sw = new Switch({ datapath: 'reference', clock });
  const bridge = sw.bridge('br0');
  for (const [i, name] of ['p1', 'p2'].entries()) bridge.addPort(name, { number: i + 1 });
  const server = new OpenFlowServer(bridge.bridge, clock, {
    fault: (e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)),
  });
  const close = await listenUnix(join(dir, 'br0.mgmt'), (s) => void server.accept(s));
  t.teardown(async () => {
    server.close();
    await close();
    sw.close();
    ovs.close();
    rmSync(dir, { recursive: true, force: true });
  });
  ovs.addBridge('br0', 2, 'OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15');
  execFileSync('ovs-vsctl', [`--db=unix:${join(ovs.dir, 'db.sock')}`, 'set', 'bridge', 'br0', 'fail-mode=secure']);
  const ours = join(dir, 'ovs-ofctl');
  symlinkSync(fileURLToPath(new URL('../../../bin/weft', import.meta.url)), ours);
  const inject = (port: string, frame: string): void => ovs.receive(port, frame);
  const env = { ...ovs.env, WEFT_RUNDIR: ovs.dir };
  const expected = await watch({ program: 'ovs-ofctl', startUp: 1500, env, inject });
  const printed = await watch({ program: ours, startUp: 8000, env, inject });
  const found = await watch({
    program: 'ovs-ofctl',
    startUp: 1500,
    env: { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir },
    inject: (port, frame) => {
      bridge.port(port).send(parseHex(frame));
      sw.run();
    },
  });
  MONITORS.forEach((args, i) => {
    t.match(expected[i], /./, `${args.join(' ')}: ovs-vswitchd says something`);
    t.same(found[i].split('\n'), expected[i].split('\n'), `ovs-ofctl on weft: ${args.join(' ')}`);
    t.same(printed[i].split('\n'), expected[i].split('\n'), `weft ofctl on ovs-vswitchd: ${args.join(' ')}`);
  });
});
