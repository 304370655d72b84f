/** Packets that wait for a decision: what every datapath engine must do with them. Run by runSuite. */
import { DP_KEY_BYTES } from '../packet/key.js';
import { DROP } from './drop-reasons.js';
import { be32, type Case, drop, flow, out, TCP_SYN, UDP, up } from './suite.js';

export const MISS_CASES: readonly Case[] = [
  [
    'a miss holds packets in order until it is resumed; what comes after the flow overtakes nobody',
    (t, b) => {
      b.send(1, UDP, UDP, TCP_SYN, UDP, UDP);
      t.same(b.upcalls, [`miss 1 ${UDP.length}`, `miss 1 ${TCP_SYN.length}`]);
      t.equal(b.dp.portCounters(1).held, 4);
      t.equal(b.dp.portCounters(1).drops[DROP.pending_full], 1);
      flow(b, 5, { inPort: be32(1) }, [out(2)]);
      b.send(1, TCP_SYN, UDP);
      const waited = [...Array(3).fill(UDP.length), TCP_SYN.length];
      t.same(b.sent(2), [...waited, TCP_SYN.length, UDP.length], 'of both, the flow being of both');
      b.dp.resume(0, b.misses[1], undefined, []);
      b.dp.resume(0, b.misses[0], 5, [out(2)]);
      b.dp.run();
      t.equal(b.sent(2).length, 6, 'a decision comes once');
      t.match(b.dp.portCounters(1), { rx_packets: 7, forwarded: 6, held: 0 });
      t.match(b.dp.flowCounters(5), { packets: 6 });
    },
    { pendingDepth: 3 },
  ],
  [
    'a flow that sends packets up, or drops them, leaves what waits to its decision',
    (t, b) => {
      for (const actions of [[up], [], [drop('policy')], [{ type: 'clone', actions: [up] } as const, out(3)]]) {
        b.send(1, UDP);
        flow(b, 5, { inPort: be32(1) }, actions);
        b.dp.run();
        t.equal(b.dp.portCounters(1).held, 1);
        b.dp.resume(0, b.misses[b.misses.length - 1], 5, [out(2)]);
        b.dp.run();
        t.equal(b.dp.portCounters(1).held, 0);
        b.dp.flowDelete(5, () => {});
      }
      t.same([b.sent(2).length, b.sent(3).length], [4, 0]);
    },
  ],
  [
    'handlers that install and resume at once',
    (t, b) => {
      let slot = 0;
      b.onUpcall = (u) => {
        const mask = new Uint8Array(DP_KEY_BYTES).fill(0xff);
        b.dp.flowPut(slot, u.key.slice(), mask, [out(2)]);
        b.dp.resume(u.worker, u.pending, slot++, [out(2)]);
      };
      const frames = Array.from({ length: 100 }, (_, i) => {
        const f = UDP.slice();
        f[35] = i % 50;
        return f;
      });
      b.send(1, ...frames);
      b.send(1, ...frames);
      t.equal(b.misses.length, 50, 'one upcall a microflow');
      t.equal(b.sent(2).length, 200);
      t.equal(b.dp.flowCounters(0).packets, 4);
    },
  ],
  [
    'a decision that never comes',
    (t, b) => {
      b.send(1, UDP);
      b.dp.setClock(2000);
      b.dp.run();
      t.equal(b.dp.portCounters(1).held, 1);
      b.dp.setClock(2001);
      b.dp.run();
      t.match(b.dp.portCounters(1), { held: 0 });
      t.equal(b.dp.portCounters(1).drops[DROP.pending_timeout], 1);
      b.dp.resume(0, b.misses[0], undefined, [out(2)]);
      b.dp.run();
      t.same(b.sent(2), []);
    },
  ],
];
