import t from 'tap';
import { Match } from '../../flow/match.js';
import { VirtualClock } from '../../lib/clock.js';
import { UserError } from '../../lib/errors.js';
import { Random } from '../../lib/random.js';
import { EXCHANGES } from '../fixtures/exchanges.js';
import { MESSAGES } from '../fixtures/messages.js';
import { decode, encode } from '../message.js';
import { TestPeer } from '../testing/peer.js';
import { StubBridge } from '../testing/stub-bridge.js';
import { formatBytes } from '../text/message.js';
import { OpenFlowServer } from './server.js';

const SEED = Number(process.env.SEED ?? 1);
const ROUNDS = Number(process.env.ROUNDS ?? 20_000);

/** A real message with some bytes, some lengths, or its end changed. Its header stays such that it is one message. */
function spoilt(seed: Uint8Array, random: Random): Uint8Array {
  let out = Uint8Array.from(seed);
  if (random.chance(0.3)) out = out.slice(0, random.between(8, out.length));
  if (random.chance(0.2)) out = Uint8Array.from([...out, ...random.bytes(random.below(40))]);
  for (let n = random.below(4); n > 0; n--) {
    const at = random.below(out.length);
    out[at] = random.chance(0.5) ? random.u32() : random.pick([0, 1, 7, 8, 0x7f, 0x80, 0xff]);
  }
  if (random.chance(0.8)) out[0] = seed[0];
  out[2] = out.length >> 8;
  out[3] = out.length & 0xff;
  return out;
}

t.test(`spoilt messages cost their sender an error and nobody else anything (SEED=${SEED})`, async (t) => {
  const random = new Random(SEED);
  const clock = new VirtualClock();
  const server = new OpenFlowServer(new StubBridge(clock), clock, {
    fault: (e) => {
      throw e;
    },
  });
  const seeds = [...MESSAGES.map(([hex]) => hex), ...EXCHANGES.flatMap((x) => x.sent)].map((hex) =>
    Buffer.from(hex, 'hex'),
  );
  let refused = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const bytes = spoilt(random.pick(seeds), random);
    try {
      formatBytes(bytes, { verbosity: 2 });
      try {
        decode(bytes);
      } catch (e) {
        if (!(e instanceof UserError)) throw e;
        refused++;
      }
      if (i % 4 !== 0) continue;
      const peer = new TestPeer(server, random.chance(0.5) ? 'service' : 'primary');
      peer.send(Buffer.from([Math.min(6, Math.max(1, bytes[0])), 0, 0, 8, 0, 0, 0, 1]));
      peer.send(bytes);
      peer.stream.destroy();
    } catch (e) {
      t.fail(`${Buffer.from(bytes).toString('hex')}: ${e instanceof Error ? e.stack : String(e)}`);
      return;
    }
  }
  t.ok(refused > ROUNDS / 4, `${refused} of ${ROUNDS} refused`);
  // What was taken in must be tellable, whatever version asks.
  for (let version = 1; version <= 6; version++) {
    const asker = new TestPeer(server);
    const hello = `0${version}00000800000001`;
    asker.send(hello);
    for (const kind of ['flow_stats_request', 'group_desc_request'] as const) {
      const filter = { table: 255, match: new Match(), outPort: 0xffffffff, outGroup: 0xffffffff };
      const value =
        kind === 'flow_stats_request' ? { ...filter, cookieFilter: 0n, cookieMask: 0n } : { id: 0xfffffffc };
      asker.send(encode(kind, value as never, { version, xid: 2 }));
    }
    await asker.settle();
    const got = asker.messages.map((m) => decode(m).kind);
    t.ok(got.includes('flow_stats_reply') && got.includes('group_desc_reply'), `version ${version}: ${got.join(' ')}`);
  }
  const peer = new TestPeer(server);
  peer.send('0400000800000001');
  peer.send('0414000800000007');
  await peer.settle();
  t.same(peer.take(), ['0415000800000007'], 'the next peer is served');
  server.close();
});
