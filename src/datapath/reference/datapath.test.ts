import t from 'tap';
import { DP_KEY_BYTES, K, updateLines } from '../../packet/key.js';
import type { DpAction } from '../action.js';
import { type DatapathHandlers, NO_OFFLOAD, type PortCounters, type Upcall } from '../datapath.js';
import { DROP, type DropReasonName } from '../drop-reasons.js';
import { type PortConfig, plainPort } from '../native.js';
import { type ReferenceConfig, ReferenceDatapath } from './datapath.js';
import { put32 } from './metadata.js';

const MEMORY: PortConfig = { ...plainPort('memory'), mtu: 1500 };
const udp = Buffer.from(
  '020000000002020000000001080045000020000100004011 66ca0a0000010a00000200010002000c0000 01020304'.replaceAll(' ', ''),
  'hex',
);
const out = (port: number): DpAction => ({ type: 'output', port });
const drop = (reason: DropReasonName): DpAction => ({ type: 'drop', reason: DROP[reason] });

/** A datapath with ports 1 to 3 that writes down what comes up. */
function setup(config: Partial<ReferenceConfig> = {}) {
  const dp = new ReferenceDatapath(config);
  const seen: string[] = [];
  const misses: number[] = [];
  const handlers: DatapathHandlers = {
    upcall(u: Upcall) {
      seen.push(`${u.type} ${u.port}`);
      if (u.type === 'miss') misses.push(u.pending);
    },
    frame: (vport, frame) => void seen.push(`frame ${vport} ${frame.length}`),
    portEvent: () => {},
  };
  dp.setHandlers(handlers);
  for (const vport of [1, 2, 3]) dp.portAdd(vport, MEMORY);
  return { dp, seen, misses };
}

/** Matches in_port, and recirc_id. */
function flow(dp: ReferenceDatapath, slot: number, inPort: number, actions: DpAction[], recircId = 0) {
  const key = new Uint8Array(DP_KEY_BYTES);
  const mask = new Uint8Array(DP_KEY_BYTES);
  put32(key, K.inPort, inPort);
  put32(key, K.recircId, recircId);
  mask.fill(0xff, 0, 8);
  updateLines(key);
  updateLines(mask);
  dp.flowPut(slot, key, mask, actions);
}

const sum = (c: PortCounters) => c.forwarded + c.held + c.drops.reduce((a, b) => a + b, 0);

t.test('a miss holds packets in order until it is resumed', (t) => {
  const { dp, seen, misses } = setup({ pendingDepth: 3 });
  for (let n = 0; n < 4; n++) dp.inject(1, udp);
  dp.run();
  t.same(seen, ['miss 1']);
  t.equal(dp.portCounters(1).held, 3);
  t.equal(dp.portCounters(1).drops[DROP.pending_full], 1);
  flow(dp, 5, 1, [out(2)]);
  dp.resume(0, misses[0], 5, [out(2)]);
  dp.inject(1, udp);
  dp.run();
  t.same(seen.slice(1), Array(4).fill(`frame 2 ${udp.length}`));
  const c = dp.portCounters(1);
  t.match(c, { rx_packets: 5, rx_bytes: 5 * udp.length, forwarded: 4, held: 0 });
  t.equal(sum(c), c.rx_packets);
  t.match(dp.portCounters(2), { tx_packets: 4, tx_bytes: 4 * udp.length, tx_dropped: 0 });
  t.match(dp.flowCounters(5), { packets: 4, bytes: 4 * udp.length });
  dp.resume(0, misses[0], 5, [out(2)]);
  t.equal(dp.run(), 0, 'a decision comes once');
  t.end();
});

t.test('a decision that never comes', (t) => {
  const { dp } = setup();
  dp.inject(1, udp);
  dp.run();
  dp.setClock(2000);
  dp.run();
  t.equal(dp.portCounters(1).held, 1);
  dp.setClock(2001);
  dp.run();
  t.match(dp.portCounters(1), { held: 0 });
  t.equal(dp.portCounters(1).drops[DROP.pending_timeout], 1);
  t.end();
});

/** Actions for a packet on port 1, what comes out, and its end: forwarded or a reason. */
const ENDS: [string, DpAction[], string[], DropReasonName | 'forwarded'][] = [
  ['empty list', [], [], 'policy'],
  ['nothing is sent', [{ type: 'trunc', maxLen: 20 }], [], 'policy'],
  ['two ways out', [out(2), out(3)], ['frame 2 46', 'frame 3 46'], 'forwarded'],
  ['back to its port', [out(1)], ['frame 1 46'], 'forwarded'],
  ['no such port', [out(9)], [], 'no_such_port'],
  ['one of two is missing', [out(9), out(2)], ['frame 2 46'], 'forwarded'],
  ['the other of two is missing', [out(2), out(9)], ['frame 2 46'], 'forwarded'],
  ['what failed last is the reason', [out(9), { type: 'clone', actions: [drop('ttl')] }], [], 'ttl'],
  ['sent, then dropped', [out(2), drop('ttl')], ['frame 2 46'], 'forwarded'],
  ['dropped, then sent', [drop('ttl'), out(2)], [], 'ttl'],
  ['a copy is sent', [{ type: 'clone', actions: [out(2)] }, drop('ttl')], ['frame 2 46'], 'forwarded'],
  [
    'cut once, by the first output, within a list or behind it',
    [{ type: 'trunc', maxLen: 20 }, { type: 'clone', actions: [out(3)] }, out(2), out(2)],
    ['frame 3 20', 'frame 2 46', 'frame 2 46'],
    'forwarded',
  ],
  ['never sampled', [{ type: 'sample', probability: 0, actions: [out(2)] }], [], 'sampled_out'],
  ['always sampled', [{ type: 'sample', probability: 0xffffffff, actions: [out(2)] }], ['frame 2 46'], 'forwarded'],
  ['too long', [{ type: 'check_pkt_len', length: 45, greater: [drop('mtu')], lessEqual: [out(2)] }], [], 'mtu'],
  [
    'not too long; changes within are not seen after',
    [
      {
        type: 'check_pkt_len',
        length: 46,
        greater: [drop('mtu')],
        lessEqual: [{ type: 'push_vlan', tpid: 0x8100, tci: 0x1005 }, out(2)],
      },
      out(3),
    ],
    ['frame 2 50', 'frame 3 46'],
    'forwarded',
  ],
  ['sent up', [{ type: 'userspace', cookie: { type: 'slow_path', reasons: 1 } }], ['action 1'], 'forwarded'],
  ['a meter that is not there', [{ type: 'meter', id: 77 }, out(2)], ['frame 2 46'], 'forwarded'],
  ['round for ever', [{ type: 'recirc', id: 7 }], [], 'recirc_limit'],
  ['round once', [{ type: 'recirc', id: 8 }], ['frame 3 46'], 'forwarded'],
];

t.test('each packet ends once', (t) => {
  for (const [name, actions, frames, end] of ENDS) {
    const { dp, seen } = setup();
    flow(dp, 0, 1, actions);
    flow(dp, 1, 1, [{ type: 'recirc', id: 7 }], 7);
    flow(dp, 2, 1, [out(3)], 8);
    dp.inject(1, udp);
    dp.run();
    t.same(seen, frames, name);
    const c = dp.portCounters(1);
    t.equal(sum(c), 1, `${name}: conserved`);
    t.equal(end === 'forwarded' ? c.forwarded : c.drops[DROP[end]], 1, `${name}: ${end}`);
  }
  t.end();
});

t.test('ports refuse frames and say why', (t) => {
  const { dp, seen } = setup();
  dp.portAdd(4, { ...MEMORY, mtu: 31 });
  flow(dp, 0, 1, [out(4)]);
  flow(dp, 1, 2, [out(3)]);
  dp.portState(3, false);
  dp.inject(1, udp);
  dp.inject(2, udp);
  dp.inject(3, udp);
  dp.inject(1, udp.subarray(0, 13));
  dp.run();
  t.same(seen, []);
  t.equal(dp.portCounters(1).drops[DROP.mtu], 1);
  t.equal(dp.portCounters(1).drops[DROP.too_short], 1);
  t.equal(dp.portCounters(2).drops[DROP.port_down], 1);
  t.equal(dp.portCounters(3).drops[DROP.port_down], 1);
  t.match([dp.portCounters(4).tx_dropped, dp.portCounters(3).tx_dropped], [1, 1]);
  t.throws(() => dp.portAdd(1, MEMORY), /exists/);
  t.throws(() => dp.portAdd(9, { ...MEMORY, kind: 'tap' }), /memory/);
  t.throws(() => dp.inject(9, udp), /does not exist/);
  t.end();
});

t.test('meters and upcall limits follow the clock', (t) => {
  const { dp, seen } = setup();
  dp.meterSet(1, { unit: 'pktps', bands: [{ rate: 10, burst: 2 }] });
  flow(dp, 0, 1, [{ type: 'meter', id: 1 }, out(2)]);
  const burst = (port: number) => {
    seen.length = 0;
    for (let n = 0; n < 4; n++) dp.inject(port, udp);
    dp.run();
    return seen.length;
  };
  t.same([burst(1), burst(1)], [2, 0]);
  dp.setClock(100);
  t.equal(burst(1), 1);
  t.equal(dp.portCounters(1).drops[DROP.meter], 9);
  dp.meterSet(1, { unit: 'kbps', bands: [{ rate: 1, burst: 1 }] }); // 1000 bits: two frames of 46 bytes
  t.equal(burst(1), 2);
  dp.meterSet(1, undefined);
  t.equal(burst(1), 4);

  dp.upcallLimit(2, 1, 3);
  flow(dp, 1, 2, [{ type: 'userspace', cookie: { type: 'slow_path', reasons: 1 } }]);
  t.equal(burst(2), 3);
  t.equal(dp.portCounters(2).drops[DROP.upcall_rate], 1);
  t.end();
});

t.test('frames made by the switch', (t) => {
  const { dp, seen } = setup();
  const key = new Uint8Array(DP_KEY_BYTES);
  dp.execute(key, udp, NO_OFFLOAD, [out(2)]);
  dp.run();
  t.same(seen, ['frame 2 46']);
  t.match(dp.portCounters(0), { rx_packets: 1, forwarded: 1 });
  t.end();
});
