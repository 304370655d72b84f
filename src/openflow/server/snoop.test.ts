import t from 'tap';
import { VirtualClock } from '../../lib/clock.js';
import { Framer } from '../framing.js';
import { duplexPair } from '../testing/duplex-pair.js';
import { TestPeer } from '../testing/peer.js';
import { StubBridge } from '../testing/stub-bridge.js';
import { OpenFlowServer } from './server.js';

t.test('a listener hears both directions of a controller, and nothing of other peers', async (t) => {
  const clock = new VirtualClock();
  const server = new OpenFlowServer(new StubBridge(clock), clock);
  const controller = new TestPeer(server, 'primary');
  const tool = new TestPeer(server);
  controller.send('0400000800000001');
  tool.send('0100000800000001');
  await controller.settle();
  const [ours, theirs] = duplexPair();
  const heard: string[] = [];
  const framer = new Framer();
  ours.on('data', (d: Uint8Array) => {
    for (const m of framer.push(d) ?? []) heard.push(Buffer.from(m).toString('hex'));
  });
  server.snoop(theirs);
  ours.write(Buffer.from('0400000800000001', 'hex'));
  await controller.settle();
  controller.send('0414000800000007');
  tool.send('0112000800000009');
  await controller.settle();
  t.same(heard.slice(1), ['0414000800000007', '0415000800000007'], 'after the hello');
  server.close();
});

t.test('without a controller there is nothing to hear', async (t) => {
  const clock = new VirtualClock();
  const server = new OpenFlowServer(new StubBridge(clock), clock);
  const [ours, theirs] = duplexPair();
  let ended = false;
  ours.on('end', () => {
    ended = true;
  });
  ours.resume();
  server.snoop(theirs);
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  t.ok(ended);
});
