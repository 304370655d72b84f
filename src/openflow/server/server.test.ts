import t from 'tap';
import { VirtualClock } from '../../lib/clock.js';
import { EXCHANGES } from '../fixtures/exchanges.js';
import { TestPeer } from '../testing/peer.js';
import { StubBridge } from '../testing/stub-bridge.js';
import { OpenFlowServer } from './server.js';

const fault = (e: unknown): never => {
  throw e;
};

function serve(): { server: OpenFlowServer; bridge: StubBridge; clock: VirtualClock } {
  const clock = new VirtualClock();
  const bridge = new StubBridge(clock);
  return { server: new OpenFlowServer(bridge, clock, { fault }), bridge, clock };
}

const HELLO_10 = '0100000800000001';
const HELLO_13 = '0400000800000001';

t.test('answers as Open vSwitch does, errors with the type, code and bytes of its own', async (t) => {
  for (const x of EXCHANGES) {
    const { server } = serve();
    const peer = new TestPeer(server);
    for (const m of x.sent) peer.send(m);
    await peer.settle();
    t.same(peer.take(), x.replies, x.name);
    t.equal(peer.closed, x.closed, `${x.name}: hangs up or not`);
  }
});

t.test('every message cut at every byte: a peer gets answers or silence, and the next peer is served', async (t) => {
  const { server } = serve();
  let cuts = 0;
  for (const x of EXCHANGES) {
    const last = x.sent[x.sent.length - 1];
    for (let bytes = 8; bytes < last.length / 2; bytes++) {
      const cut = Buffer.from(last.slice(0, bytes * 2), 'hex');
      cut.writeUInt16BE(bytes, 2);
      const peer = new TestPeer(server);
      peer.send(Number.parseInt(last.slice(0, 2), 16) === 1 ? HELLO_10 : HELLO_13);
      peer.send(cut);
      cuts++;
    }
  }
  const peer = new TestPeer(server);
  peer.send(HELLO_13);
  peer.send('0414000800000007');
  await peer.settle();
  t.same(peer.take(), ['0415000800000007']);
  t.ok(cuts > 500, `${cuts} messages`);
  server.close();
});

t.test('bytes in any portions give the same messages', async (t) => {
  for (const size of [1, 3, 7, 9, 64]) {
    const { server } = serve();
    const peer = new TestPeer(server);
    const all = Buffer.from(`${HELLO_13}0414000800000001041400080000000204020010000000030102030405060708`, 'hex');
    for (let at = 0; at < all.length; at += size) peer.send(all.subarray(at, at + size));
    await peer.settle();
    t.same(
      peer.take(),
      ['0415000800000001', '0415000800000002', '04030010000000030102030405060708'],
      `${size} at a time`,
    );
  }
});

t.test('a secondary controller reads but does not change', async (t) => {
  const { server } = serve();
  const a = new TestPeer(server, 'primary');
  const b = new TestPeer(server, 'primary');
  a.send(HELLO_13);
  b.send(HELLO_13);
  a.send('041800180000000200000002000000000000000000000001');
  await a.settle();
  b.send('041800180000000200000002000000000000000000000002');
  await b.settle();
  a.take();
  a.send('0418001800000003000000000000000000000000000000ff');
  await a.settle();
  t.same(a.take(), ['041900180000000300000003000000000000000000000002'], 'b became primary, so a is secondary');
});

t.test('a peer that does not read is not read from, and unasked messages to it are dropped', async (t) => {
  const { server, bridge } = serve();
  const peer = new TestPeer(server, 'primary');
  peer.send(HELLO_13);
  await peer.settle();
  peer.stream.pause();
  const port = bridge.list[0];
  for (let i = 0; i < 40_000; i++) {
    bridge.portMod(1, i & 1, 1);
  }
  await peer.settle();
  const [session] = server.connections();
  t.ok(session.dropped > 0, `${session.dropped} dropped`);
  t.ok(port);
  server.close();
});
