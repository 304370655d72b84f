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
priority=3,in_port=1,dl_type=0x88b6,cookie=7,actions=push:NXM_NX_REG1[],load:5->NXM_NX_REG1[],controller(pause,userdata=0a),load:3->NXM_NX_REG2[],resubmit(,5),pop:NXM_NX_REG1[],resubmit(,6)
table=4,actions=controller(userdata=01.02.03)
table=6,actions=output:2
table=5,cookie=8,actions=controller(pause),mod_dl_src:02:00:00:00:00:01,push:NXM_NX_REG2[],controller(max_len=30)
`;
const ETH = '505400000007505400000005';
/** By port: TCP, a tagged UDP, ARP, a fragment, LLDP, an unknown type behind a tag, MPLS, ICMP, one that is paused twice; and how often each is told. */
const FRAMES: readonly (readonly [port: string, hex: string, told?: number])[] = [
  ['p1', `${ETH}080045040028000000004006f978c0a80001c0a8000200080050000000000000000050022e37000000000000`],
  ['p2', `${ETH}8100e063080045000020000000004011f979c0a80001c0a800020008005000 0c999a00010203`.replace(' ', '')],
  ['p2', `${ETH}0806000108000604000150540000000501020304000000000000 01020305`.replace(' ', '')],
  ['p2', `${ETH}080045000014000020644001d931c0a80001c0a80002`],
  ['p2', `${ETH}88cc0207045054000000050000`],
  ['p1', `${ETH}8100e00588b500000000`],
  ['p2', `${ETH}884700064740`],
  ['p2', `${ETH}08004500001c000000004001f98dc0a80001c0a800020800f7ff00000000`],
  ['p1', `${ETH}88b600000000`, 3],
];

const MONITORS: readonly (readonly string[])[] = [
  ['monitor', 'br0', '65534'],
  ['-P', 'standard', 'monitor', 'br0', '65534'],
  ['-m', '-P', 'nxt_packet_in', 'monitor', 'br0', '65534'],
  ['-O', 'OpenFlow11', '-P', 'standard', 'monitor', 'br0', '65534'],
  ['-O', 'OpenFlow13', '-P', 'standard', 'monitor', 'br0', '65534'],
  ['-O', 'OpenFlow15', 'monitor', 'br0', '65534'],
  ['monitor', 'br0', 'resume'],
  ['monitor', 'br0', 'watch:'],
  ['-O', 'OpenFlow13', 'monitor', 'br0', 'watch:!initial,!actions'],
  ['-O', 'OpenFlow14', 'monitor', 'br0', 'watch:table=4'],
];

interface Side {
  readonly name: string;
  /** The ofctl that monitors. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  inject(port: string, frame: string): void;
  /** Lets a switch go on that does nothing by itself. */
  step?(): void;
}

function normal(text: string): string {
  return (
    text
      .replace(/^\d{4}-\d\d-\d\dT[^|]*\|\d+\|.*\n/gm, '')
      .replace(/duration[0-9.]+s/g, 'duration')
      .replace(/addr:[0-9a-f:]{17}/g, 'addr:A')
      .replace(/(continuation\.(bridge|odp_port))=.*/g, '$1')
      // What a dummy device is not: fast, and up.
      .replace(/state: .*/g, 'state:')
      .replace(/^ {5}(current|speed): .*\n/gm, '')
  );
}

/** A frame that only asks whether one listens: its source says so, and it is left out of what is compared. */
const MARK = '0a0000000001';
const MARK_TEXT = 'dl_src=0a:00:00:00:00:01';
/** Changes of flows end with one of this cookie. */
const LAST_COOKIE = '0xe0d';

/** Messages, each with its lines. */
function blocks(text: string): string[] {
  return text.split(/^(?=(?:send: )?(?:OFPT|OFPST|NXT|NXST|ONFT|ONFST)_)/m);
}

class Listener {
  private text = '';
  private readonly child: ChildProcess;
  /** Does it hear of packets, or of flows? */
  readonly hearsPackets: boolean;

  constructor(args: readonly string[], side: Side) {
    this.hearsPackets = !args.some((a) => a.startsWith('watch:'));
    this.child = spawn(...mortal(side.program, ['--no-names', ...args]), { env: side.env });
    // What was asked for goes to standard output, what comes unasked to standard error.
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (d) => {
        this.text += d;
      });
    }
  }

  /** A flow monitor prints what is there when it begins, if only that it is nothing. */
  get isReady(): boolean {
    return this.hearsPackets ? this.text.includes(MARK_TEXT) : this.text.includes('FLOW_MONITOR reply');
  }

  get packets(): number {
    return blocks(this.text).filter(
      (b) => /^\S*PACKET_IN\d? /.test(b) && /\n.*dl_src/.test(b) && !b.includes(MARK_TEXT),
    ).length;
  }

  get hasLastChange(): boolean {
    return this.hearsPackets || this.text.includes(`cookie=${LAST_COOKIE}`);
  }

  /** The last it heard of ports. */
  get ports(): number {
    return blocks(this.text).filter((b) => b.includes('PORT_STATUS')).length;
  }

  /** It writes what it holds back when it is asked to end. */
  end(): Promise<string> {
    return new Promise((resolve) => {
      this.child.on('close', () =>
        resolve(
          normal(
            blocks(this.text)
              .filter((b) => !b.includes(MARK_TEXT))
              .join(''),
          ),
        ),
      );
      this.child.kill('SIGTERM');
    });
  }
}

const PATIENCE_MS = 30_000;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Looks again and again, `ask` before each look. Rejects when nothing comes of it. */
async function until(side: Side, what: string, isSo: () => boolean, ask?: () => Promise<void>): Promise<void> {
  const over = Date.now() + PATIENCE_MS;
  for (;;) {
    side.step?.();
    if (isSo()) return;
    if (Date.now() > over) throw new Error(`${side.name}: waited in vain: ${what}`);
    await ask?.();
    await pause(10);
  }
}

async function ofctl(side: Side, args: readonly string[], input?: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn('ovs-ofctl', args, { env: side.env });
    let err = '';
    child.stderr.on('data', (d) => {
      err += d;
    });
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`${args.join(' ')}: ${err}`))));
    // It may end without reading.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

async function watch(side: Side): Promise<string[]> {
  await ofctl(side, ['del-flows', 'br0']);
  await ofctl(side, ['add-flows', 'br0', '-'], FLOWS);
  const listeners = MONITORS.map((args) => new Listener(args, side));
  const mark = (): Promise<void> =>
    ofctl(side, ['packet-out', 'br0', `packet=${ETH.slice(0, 12)}${MARK}88b50000,actions=controller`]);
  await until(side, 'all listen', () => listeners.every((l) => l.isReady), mark);
  const hear = listeners.filter((l) => l.hearsPackets);
  let told = 0;
  for (const [port, frame, times = 1] of FRAMES) {
    side.inject(port, frame);
    told += times;
    await until(side, `all hear of ${frame}`, () => hear.every((l) => l.packets >= told));
  }
  await ofctl(side, ['add-flow', 'br0', 'table=4,priority=3,in_port=3,send_flow_rem,cookie=5,actions=drop']);
  await ofctl(side, ['mod-flows', 'br0', 'table=4,in_port=3,actions=output:1']);
  await ofctl(side, ['--strict', 'del-flows', 'br0', 'table=4,priority=3,in_port=3']);
  await ofctl(side, ['mod-port', 'br0', 'p2', 'no-flood']);
  await ofctl(side, ['mod-port', 'br0', 'p2', 'flood']);
  await ofctl(side, ['add-flow', 'br0', `table=4,priority=4,cookie=${LAST_COOKIE},actions=drop`]);
  // Only 1.0 can say NO_FLOOD.
  const last = () => listeners[0].ports >= 2 && listeners.every((l) => l.hasLastChange);
  await until(side, 'all hear of the last changes', last);
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
  const expected = await watch({ name: 'ovs-ofctl on ovs-vswitchd', program: 'ovs-ofctl', env, inject });
  const printed = await watch({ name: 'weft ofctl on ovs-vswitchd', program: ours, env, inject });
  const found = await watch({
    name: 'ovs-ofctl on weft',
    program: 'ovs-ofctl',
    env: { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir },
    inject: (port, frame) => {
      bridge.port(port).send(parseHex(frame));
      sw.run();
    },
    step: () => void sw.run(),
  });
  MONITORS.forEach((args, i) => {
    t.match(expected[i], /./, `${args.join(' ')}: ovs-vswitchd says something`);
    t.same(found[i].split('\n'), expected[i].split('\n'), `ovs-ofctl on weft: ${args.join(' ')}`);
    t.same(printed[i].split('\n'), expected[i].split('\n'), `weft ofctl on ovs-vswitchd: ${args.join(' ')}`);
  });
});
