/** What one peer may cost: memory, time, and nothing at all of the others'. */
import t from 'tap';
import { flowModFromText } from '../../bridge/flow-text.js';
import { KEY_BYTES } from '../../flow/key.js';
import { Match } from '../../flow/match.js';
import { VirtualClock } from '../../lib/clock.js';
import { decode, encode, type Message } from '../message.js';
import { BUNDLE } from '../messages/bundle.js';
import { duplexPair } from '../testing/duplex-pair.js';
import { TestPeer } from '../testing/peer.js';
import { StubBridge } from '../testing/stub-bridge.js';
import { OpenFlowServer } from './server.js';

const HELLO_13 = '0400000800000001';
const HELLO_14 = '0500000800000001';
const ECHO = '0402000c00000007aabbccdd';
const EVERYTHING = { table: 255, match: new Match(), outPort: 0xffffffff, outGroup: 0xffffffff };
const dump = (version: number): Uint8Array =>
  encode('flow_stats_request', { ...EVERYTHING, cookieFilter: 0n, cookieMask: 0n }, { version, xid: 3 });

/** A clock on which every look takes as long as a busy machine's. */
class SlowClock extends VirtualClock {
  perLook = 0;
  private offset = 0;

  override now(): number {
    this.offset += this.perLook;
    return super.now() + this.offset;
  }
}

function serve() {
  const clock = new SlowClock();
  const bridge = new StubBridge(clock);
  const server = new OpenFlowServer(bridge, clock, {
    fault: (e) => {
      throw e;
    },
  });
  const add = (text: string): void => bridge.flowMod(flowModFromText(text, 'add', () => undefined));
  return { clock, bridge, server, add };
}

const read = (p: TestPeer): Message[] => p.take().map((hex) => decode(Uint8Array.from(Buffer.from(hex, 'hex'))));

t.test('a flow too long for a message of the version that asks', async (t) => {
  const { server, bridge, add } = serve();
  add('table=1,tcp,actions=1');
  // 8 bytes an action where it was made, 16 where it is told.
  bridge.flowMod({
    ...flowModFromText('table=2,tcp,actions=2', 'add', () => undefined),
    actions: Array.from(
      { length: 8000 },
      () => flowModFromText('ip,actions=mod_nw_src:1.2.3.4', 'add', () => undefined).actions[0],
    ),
  });
  add('table=3,tcp,actions=3');
  for (const [version, hello, told] of [
    [1, '0100000800000001', 3],
    [4, HELLO_13, 2],
  ] as const) {
    const peer = new TestPeer(server);
    peer.send(hello);
    peer.send(dump(version));
    peer.send(version === 4 ? ECHO : '0102000800000007');
    await peer.settle();
    const got = read(peer);
    const flows = got.flatMap((m) => (m.kind === 'flow_stats_reply' ? m.value : []));
    t.equal(flows.length, told, 'the others are told');
    t.equal(
      got.some((m) => m.kind === 'error' && m.xid === 3),
      told < 3,
      'and that one is missing',
    );
    t.ok(
      got.some((m) => m.kind === 'echo_reply'),
      'and the connection goes on',
    );
  }
});

t.test('frames of 64 KB go to controllers as far as a message has room', async (t) => {
  const { server, bridge } = serve();
  const peer = new TestPeer(server, 'primary');
  peer.send(HELLO_13);
  await peer.settle();
  peer.take();
  for (const format of [0, 1, 2]) {
    peer.send(encode('set_packet_in_format', { format }, { version: 4, xid: 1 }));
    for (const userdata of [0, 40_000, 65_500]) {
      const key = new Uint8Array(KEY_BYTES);
      const what = { frame: new Uint8Array(65_549), totalLen: 65_549, maxLen: 0xffff, reason: 1, table: 0, cookie: 0n };
      for (const l of bridge.listeners) {
        l.packetIn?.({ ...what, key, controllerId: 0, userdata: new Uint8Array(userdata) });
      }
      await peer.settle();
      const got = read(peer);
      if (format === 2 && userdata === 65_500) t.equal(got.length, 0, 'no room at all');
      else t.match(got, [{ kind: 'packet_in' }], `format ${format}, ${userdata} bytes of userdata`);
      const [m] = got;
      if (m?.kind !== 'packet_in') continue;
      const least = format === 2 ? 65_535 - 200 - userdata : 65_000;
      t.ok(m.value.data.length > least && m.value.data.length < 65_535, `${m.value.data.length} bytes of it`);
    }
  }
});

t.test('a bundle that is forgotten ends after ten seconds', async (t) => {
  const { server, clock } = serve();
  const peer = new TestPeer(server);
  peer.send(HELLO_14);
  const control = (id: number, type: number, xid: number): void =>
    peer.send(encode('bundle_control', { id, type, flags: 0 }, { version: 5, xid }));
  control(1, BUNDLE.open, 0x11);
  control(2, BUNDLE.open, 0x12);
  await peer.settle();
  peer.take();
  clock.advance(9000);
  control(2, BUNDLE.close, 0x13);
  await peer.settle();
  peer.take();
  clock.advance(2000);
  await peer.settle();
  // OFPET_BUNDLE_FAILED, OFPBFC_TIMEOUT, about the request that opened it.
  t.match(read(peer), [{ kind: 'error', xid: 0x11, value: { type: 17, code: 14 } }]);
  control(1, BUNDLE.commit, 0x14);
  control(2, BUNDLE.commit, 0x15);
  await peer.settle();
  t.match(read(peer), [
    { kind: 'error', xid: 0x14, value: { type: 17, code: 2 } },
    { kind: 'bundle_control', xid: 0x15 },
  ]);
  clock.advance(60_000);
  await peer.settle();
  t.same(read(peer), []);
});

t.test('a peer that does not read', async (t) => {
  const { server, add, bridge } = serve();
  for (let i = 0; i < 3000; i++) add(`table=${i % 200},tcp,tp_dst=${i},actions=1`);
  const idle = Array.from({ length: 200 }, () => {
    const [ours, theirs] = duplexPair();
    server.accept(theirs, 'primary');
    // Hello, then one dump after the other; nothing is ever read.
    ours.write(Buffer.from(HELLO_13, 'hex'));
    for (let i = 0; i < 100; i++) ours.write(dump(4));
    return theirs;
  });
  const peer = new TestPeer(server);
  peer.send(HELLO_13);
  peer.send(ECHO);
  await peer.settle();
  t.match(read(peer), [{ kind: 'echo_reply', xid: 7 }], 'another peer is served');
  const key = new Uint8Array(KEY_BYTES);
  const what = { frame: new Uint8Array(1500), totalLen: 1500, maxLen: 0xffff, reason: 1, table: 0, cookie: 0n, key };
  for (let i = 0; i < 200; i++) {
    for (const l of bridge.listeners) l.packetIn?.({ ...what, controllerId: 0, userdata: new Uint8Array(0) });
  }
  await peer.settle();
  const waiting = idle.map((s) => s.writableLength);
  const all = waiting.reduce((a, b) => a + b, 0);
  t.ok(all < 100 << 20, `${(all / 2 ** 20).toFixed(1)} MB wait for 200 peers`);
  t.ok(Math.max(...waiting) < 1 << 19, `at most ${Math.max(...waiting)} bytes for one`);
  t.ok(all > 1 << 20, 'which were all asked for');
  server.close();
});

t.test('a peer whose requests take long gives way', async (t) => {
  const { server, clock, add } = serve();
  for (let i = 0; i < 300; i++) add(`table=${i % 200},tcp,tp_dst=${i},actions=1`);
  const busy = new TestPeer(server);
  busy.send(HELLO_13);
  const other = new TestPeer(server);
  other.send(HELLO_13);
  await other.settle();
  busy.take();
  other.take();
  // Every look at the clock is half a millisecond later.
  clock.perLook = 0.5;
  busy.send(Buffer.concat(Array.from({ length: 100 }, () => dump(4))));
  other.send(ECHO);
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  let turns = 0;
  for (; other.messages.length === 0 && turns < 1000; turns++) await turn();
  t.ok(turns < 5, `answered after ${turns} turns`);
  t.ok(busy.messages.length < 20, `when the busy one had ${busy.messages.length} of its answers`);
  for (turns = 0; busy.messages.length < 100 && turns < 5000; turns++) await turn();
  t.equal(read(busy).filter((m) => m.kind === 'flow_stats_reply' && !m.more).length, 100, 'the busy one is served too');
});
