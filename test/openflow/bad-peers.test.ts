/** Peers that do what they should not, all at once with one that does what it should: it notices nothing, and neither does the traffic. */
import '../support/isolate.js';

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { Match } from '../../src/flow/match.js';
import { Random } from '../../src/lib/random.js';
import { encode } from '../../src/openflow/message.js';
import { corpus } from '../../src/openflow/testing/corpus.js';
import { spoilt } from '../../src/openflow/testing/spoil.js';
import { LiveSwitch } from '../support/live.js';
import { flowMod, OfPeer } from '../support/of-peer.js';

const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping' });
t.setTimeout(180_000);

/** Silence of a peer after which it is asked, and again before it is hung up on. */
const PROBE_MS = 1000;
/** The machine is shared, and other suites run on it: an echo takes one millisecond when all is quiet. */
const ECHO_MS = 3000;
const FLOWS = 20_000;
const everything = { table: 255, match: new Match(), outPort: 0xffffffff, outGroup: 0xffffffff };
const DUMP = { ...everything, cookieFilter: 0n, cookieMask: 0n };

/** The good peer: asks for an echo all the time, and remembers the longest wait. */
class Witness {
  worstMs = 0;
  echoes = 0;
  private stopped = false;
  readonly done: Promise<void>;

  constructor(readonly peer: OfPeer) {
    this.done = this.run();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.worstMs = Math.max(this.worstMs, await this.peer.echo(10_000));
      this.echoes++;
      this.peer.got.length = 0;
      await new Promise((r) => setTimeout(r, 10));
    }
  }

  stop(): Promise<void> {
    this.stopped = true;
    return this.done;
  }
}

t.test('bad peers beside a good one', { skip: refusal }, async (t) => {
  const lab = new NetLab('wbp');
  t.teardown(() => lab.close());
  const [a, b] = [1, 2].map((n) => lab.host(`${n}`, { address: `10.86.0.${n}/24`, mac: `02:00:00:86:00:0${n}` }));
  lab.ip(`-n ${a.ns} neigh add 10.86.0.2 lladdr 02:00:00:86:00:02 dev e0`);
  lab.ip(`-n ${b.ns} neigh add 10.86.0.1 lladdr 02:00:00:86:00:01 dev e0`);
  const probed = `/tmp/wbp-${process.pid}.sock`;
  const samples = corpus(2, 20);
  const sw: LiveSwitch = new LiveSwitch([
    ...['--bridge', `wbp0=${a.outer},${b.outer}`, '--fail-mode', 'wbp0=secure'],
    ...['--controller', `wbp0=punix:${probed},inactivity_probe=${PROBE_MS}`],
    ...['--controller', `wbp0=punix:${probed}.good,inactivity_probe=20000`],
  ]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const mgmt = join(sw.dir, 'wbp0.mgmt');
  t.ok(existsSync(probed));

  const good = await OfPeer.at(`${probed}.good`);
  const flow = (text: string): void => void good.send('flow_mod', flowMod(text));
  flow('in_port=1,actions=2');
  flow('in_port=2,actions=1');
  for (let i = 0; i < FLOWS; i++) flow(`table=9,tcp,nw_dst=10.0.${i >> 8}.${i & 0xff},tp_dst=${i},actions=2`);
  const [error] = [await good.reply(good.send('barrier_request', {}), 20_000)];
  t.match(error, { kind: 'barrier_reply' });
  const traffic = lab.startAsync('ip', ['netns', 'exec', a.ns, 'ping', '-i', '0.01', '-q', '10.86.0.2']);
  const witness = new Witness(good);
  const baseKb = sw.residentKb();

  /** What holds after each attack. */
  const unharmed = async (t: Test): Promise<void> => {
    const asked = witness.echoes;
    t.ok(await until(() => witness.echoes > asked + 3, 20_000), 'the good peer is served');
    t.notOk(good.closed, 'and was not hung up on');
    t.ok(witness.worstMs < ECHO_MS, `it waited ${witness.worstMs.toFixed(1)} ms at most`);
    witness.worstMs = 0;
    t.ok(sw.running, 'it runs');
    const mb = Math.round((sw.residentKb() - baseKb) / 1024);
    t.ok(mb < 300, `${mb} MB more resident than before`);
  };

  await t.test('bytes that are no messages', async (t) => {
    const r = new Random(1);
    const peers = await Promise.all(Array.from({ length: 50 }, () => OfPeer.at(probed, 4, true)));
    for (const p of peers) p.raw(r.bytes(5000));
    t.ok(await until(() => peers.every((p) => p.closed), 4 * PROBE_MS + 3000), 'all are hung up on');
    await unharmed(t);
  });

  await t.test('spoilt messages', async (t) => {
    const r = new Random(2);
    for (let n = 0; n < 20; n++) {
      const version = r.between(1, 6);
      const of = samples.filter((s) => s.version === version);
      const p = await OfPeer.at(mgmt, version);
      p.keeps = false;
      for (let i = 0; i < 300; i++) {
        const bytes = spoilt(r.pick(of).bytes, r.pick(of).bytes, r);
        // Not those that delete what the others stand on.
        if (bytes[1] === 14 || bytes[1] === 4 || bytes[1] === 16 || bytes[1] === 15) bytes[1] = 99;
        p.raw(bytes);
      }
      const before = p.bytes;
      await until(() => p.closed || p.bytes > before + 300 * 12, 3000);
      p.close();
    }
    await unharmed(t);
  });

  await t.test('errors carry type, code and the transaction id', async (t) => {
    const p = await OfPeer.at(mgmt);
    const deep = (n: number): Uint8Array => {
      let inner = new Uint8Array(0);
      for (let i = 0; i < n; i++) {
        const out = new Uint8Array(16 + inner.length);
        out.set([0xff, 0xff, out.length >> 8, out.length & 0xff, 0, 0, 0x23, 0x20, 0, 42]);
        out.set(inner, 16);
        inner = out;
      }
      return inner;
    };
    const packetOut = (actions: Uint8Array, lie = 0): Uint8Array => {
      const head = Buffer.from('040d0000000000ffffffffff00000001000000000000'.concat('0000'), 'hex');
      const bytes = Buffer.concat([head, actions]);
      bytes.writeUInt16BE(bytes.length, 2);
      bytes.writeUInt16BE(actions.length + lie, 16);
      return bytes;
    };
    const rows: readonly (readonly [what: string, bytes: Uint8Array, type: number, code: number])[] = [
      ['no such type', Buffer.from('04630008000000ff', 'hex'), 1, 1],
      ['another version', Buffer.from('05140008000000ff', 'hex'), 1, 0],
      ['no such statistics', Buffer.from('04120010000000ff0fff000000000000', 'hex'), 1, 2],
      ['no such vendor', Buffer.from('04040010000000ff1234567800000000', 'hex'), 1, 3],
      ['half a flow_mod', Buffer.from('040e0014000000ff000000000000000000000000', 'hex'), 1, 6],
      ['lists 200 deep', packetOut(deep(200)), 2, 5],
      ['a list longer than its message', packetOut(new Uint8Array(16), 8), 1, 6],
      ['an action of length 0', packetOut(new Uint8Array(8)), 2, 1],
      ['64 KB of actions that are none', packetOut(new Uint8Array(65_400).fill(0xee)), 2, 0],
    ];
    for (const [what, bytes, type, code] of rows) {
      p.got.length = 0;
      p.raw(bytes);
      t.match(await p.reply(0xff), { kind: 'error', value: { vendor: 0, type, code } }, what);
    }
    t.ok((await p.echo()) < ECHO_MS, 'on one connection, which goes on');
    p.close();
    await unharmed(t);
  });

  await t.test('half a message, and no more', async (t) => {
    const half = encode('flow_stats_request', DUMP, { version: 4, xid: 1 }).subarray(0, 30);
    const big = Buffer.alloc(60_000);
    big.set([4, 13, 0xff, 0xff]);
    const start = await Promise.all(Array.from({ length: 100 }, () => OfPeer.at(probed)));
    for (const p of start) {
      p.answers = false;
      p.raw(start.indexOf(p) % 2 ? half : big);
    }
    const mute = await Promise.all(Array.from({ length: 100 }, () => OfPeer.at(probed, 4, true)));
    for (const p of mute) p.raw(Uint8Array.of(4, 0, 0));
    // A byte now and then is no sign of life.
    const slow = await Promise.all(Array.from({ length: 20 }, () => OfPeer.at(probed)));
    for (const p of slow) {
      p.answers = false;
      p.raw(Uint8Array.of(4, 13, 0xff, 0xff));
    }
    const drip = setInterval(() => {
      for (const p of slow) if (!p.closed) p.raw(Uint8Array.of(0));
    }, PROBE_MS / 5);
    const all = [...start, ...mute, ...slow];
    t.ok(await until(() => all.every((p) => p.closed), 6 * PROBE_MS + 3000), 'all are hung up on');
    t.same(
      [start, mute, slow].map((list) => list.filter((p) => !p.closed).length),
      [0, 0, 0],
    );
    clearInterval(drip);
    await unharmed(t);
  });

  await t.test('peers that ask and do not read', async (t) => {
    const peers = await Promise.all(Array.from({ length: 60 }, (_, n) => OfPeer.at(n % 2 ? probed : mgmt)));
    for (const p of peers) {
      p.socket.pause();
      for (let i = 0; i < 200; i++) p.send('flow_stats_request', DUMP);
    }
    await unharmed(t);
    for (const p of peers) p.close();
    await unharmed(t);
  });

  await t.test('peers that ask without end, and read', async (t) => {
    const peers = await Promise.all(Array.from({ length: 4 }, () => OfPeer.at(mgmt)));
    for (const p of peers) {
      p.keeps = false;
      for (let i = 0; i < 10; i++) p.send('flow_stats_request', DUMP);
    }
    const least = 10 * FLOWS * 56;
    t.ok(await until(() => peers.every((p) => p.bytes > least), 30_000), 'all get their answers');
    await unharmed(t);
    for (const p of peers) p.close();
  });

  await t.test('1,000 connections', async (t) => {
    const peers: OfPeer[] = [];
    for (let i = 0; i < 1000; i++) peers.push(await OfPeer.at(i % 2 ? probed : mgmt));
    const waits = await Promise.all(peers.map((p) => p.echo(20_000)));
    t.ok(waits.every(Number.isFinite), 'all are served');
    await unharmed(t);
    for (const p of peers) p.close();
    await unharmed(t);
  });

  await witness.stop();
  traffic.child.kill('SIGINT');
  const { stdout } = await traffic.done;
  const m = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  t.ok(Number(m?.[1]) > 100, stdout);
  t.ok(Number(m?.[2]) >= Number(m?.[1]) - 2, `${m?.[2]} of ${m?.[1]} packets came back`);
  good.close();
  t.equal(await sw.stop(), 0, 'it ends as asked');
  t.notMatch(sw.output, /Error|weft bug|at .*\.js/, 'no fault of ours');
});
