/**
 * What every datapath engine must do, as cases on memory ports: reference and native run the same file. An engine here has no threads.
 */
import type { Test } from 'tap';
import { DP_KEY_BYTES, K, updateLines } from '../packet/key.js';
import type { DpAction } from './action.js';
import { type Datapath, NO_OFFLOAD, type Offload, type PortCounters, type Upcall } from './datapath.js';
import { DROP, type DropReasonName } from './drop-reasons.js';
import { type DatapathConfig, type PortConfig, plainPort } from './native.js';

export type EngineConfig = Partial<Pick<DatapathConfig, 'maxFlows' | 'maxVlans' | 'pendingDepth' | 'seed'>>;
export type MakeEngine = (config: EngineConfig) => Datapath;

export const MEMORY: PortConfig = { ...plainPort('memory'), mtu: 1500 };
export const NULL_PORT: PortConfig = { ...MEMORY, kind: 'null' };

const hex = (s: string) => Uint8Array.from(Buffer.from(s.replaceAll(' ', ''), 'hex'));
export const ETH = '020000000002 020000000001';
export const UDP = hex(`${ETH} 0800 45000020000100004011 66ca 0a000001 0a000002 00010002000c0000 01020304`);
export const TCP_SYN = hex(
  `${ETH} 0800 4500002800010000400666cd 0a000001 0a000002 00010002 00000000 00000000 5002 0000 00000000`,
);
export const IPV6 = hex(
  `${ETH} 86dd 60000000 0008 1140 ${'20010db8'.padEnd(32, '0')} ${'20010db9'.padEnd(32, '0')} 00010002 0008 0000`,
);

export const out = (port: number): DpAction => ({ type: 'output', port });
export const drop = (reason: DropReasonName): DpAction => ({ type: 'drop', reason: DROP[reason] });
export const up: DpAction = { type: 'userspace', cookie: { type: 'slow_path', reasons: 5 } };

export const sum = (c: PortCounters) => c.forwarded + c.held + c.drops.reduce((a, b) => a + b, 0);

/** Fields by slot, as bytes; the mask is all ones there. Always matches recirc_id, 0 unless given. */
export function match(fields: Partial<Record<keyof typeof K, readonly number[]>>): [Uint8Array, Uint8Array] {
  const key = new Uint8Array(DP_KEY_BYTES);
  const mask = new Uint8Array(DP_KEY_BYTES);
  mask.fill(0xff, K.recircId.offset, K.recircId.offset + 4);
  for (const [name, bytes] of Object.entries(fields)) {
    const slot = K[name as keyof typeof K];
    key.set(bytes, slot.offset);
    mask.fill(0xff, slot.offset, slot.offset + slot.bytes);
  }
  updateLines(key);
  updateLines(mask);
  return [key, mask];
}

export const be32 = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

/** A datapath with memory ports 1 to 3 that writes down what comes up: frames by port, upcalls in order. */
export class Bench {
  readonly upcalls: string[] = [];
  readonly misses: number[] = [];
  readonly keys: Uint8Array[] = [];
  readonly frames = new Map<number, string[]>();
  readonly offloads: Offload[] = [];
  /** Called for each upcall, after it was written down. */
  onUpcall: (u: Upcall) => void = () => {};

  constructor(readonly dp: Datapath) {
    dp.setHandlers({
      upcall: (u) => {
        this.upcalls.push(`${u.type} ${u.port} ${u.frameLength}${u.cookie ? ` ${u.cookie.type}` : ''}`);
        this.keys.push(u.key.slice());
        if (u.type === 'miss') this.misses.push(u.pending);
        this.onUpcall(u);
      },
      frame: (vport, frame, offload) => {
        const list = this.frames.get(vport) ?? [];
        list.push(Buffer.from(frame).toString('hex'));
        this.frames.set(vport, list);
        this.offloads.push(offload);
      },
      portEvent() {},
    });
    for (const vport of [1, 2, 3]) dp.portAdd(vport, MEMORY);
  }

  sent(vport: number): number[] {
    return (this.frames.get(vport) ?? []).map((h) => h.length / 2);
  }

  send(vport: number, ...frames: Uint8Array[]): void {
    for (const f of frames) this.dp.inject(vport, f);
    this.dp.run();
  }
}

/** Every case once for an engine. `close` runs after each. Those of suite-miss.ts are another list. */
export function runSuite(t: Test, make: MakeEngine, cases = CASES): void {
  for (const [name, run, config] of cases) {
    t.test(name, (t) => {
      const dp = make(config ?? {});
      run(t, new Bench(dp));
      for (const vport of [0, 1, 2, 3]) {
        const c = dp.portCounters(vport);
        t.equal(c.rx_packets, sum(c), `port ${vport} is conserved`);
      }
      dp.close();
      t.end();
    });
  }
}

export const flow = (b: Bench, slot: number, fields: Parameters<typeof match>[0], actions: DpAction[]) =>
  b.dp.flowPut(slot, ...match(fields), actions);

export type Case = readonly [string, (t: Test, b: Bench) => void, EngineConfig?];

const CASES: readonly Case[] = [
  [
    'a flow forwards, and counts',
    (t, b) => {
      b.dp.setClock(70);
      flow(b, 7, { inPort: be32(1) }, [out(2)]);
      b.send(1, UDP, TCP_SYN, UDP);
      t.same(b.sent(2), [UDP.length, TCP_SYN.length, UDP.length]);
      t.same(b.dp.flowCounters(7), {
        packets: 3,
        bytes: 2 * UDP.length + TCP_SYN.length,
        usedMs: 70,
        tcpFlags: 2,
      });
      t.match(b.dp.portCounters(1), { rx_packets: 3, forwarded: 3, tx_packets: 0 });
      t.match(b.dp.portCounters(2), { rx_packets: 0, tx_packets: 3 });
      t.same(b.upcalls, []);
    },
  ],
  [
    'masks: the flow that matches is taken, in any subtable',
    (t, b) => {
      flow(b, 0, { inPort: be32(1), nwProto: [6] }, [out(2)]);
      flow(b, 1, { inPort: be32(1), ethType: [8, 0], nwProto: [17], tpDst: [0, 2] }, [out(3)]);
      flow(b, 2, { inPort: be32(1), ethType: [0x86, 0xdd], ipv6Src: [0x20, 1, 13, 0xb8, ...Array(12).fill(0)] }, [
        out(1),
      ]);
      flow(b, 3, { inPort: be32(2) }, [out(1)]);
      for (let n = 0; n < 3; n++) b.send(1, TCP_SYN, UDP, IPV6);
      b.send(2, UDP);
      t.same(b.sent(2), Array(3).fill(TCP_SYN.length));
      t.same(b.sent(3), Array(3).fill(UDP.length));
      t.same(b.sent(1).length, 4);
      t.same(
        [0, 1, 2, 3].map((slot) => b.dp.flowCounters(slot).packets),
        [3, 3, 3, 1],
      );
    },
  ],
  [
    'many flows of one mask: put, found, deleted',
    (t, b) => {
      const n = 200;
      const frame = (i: number) => {
        const f = UDP.slice();
        f[26] = i;
        return f;
      };
      for (let i = 0; i < n; i++) flow(b, i, { nwSrc: [i, 0, 0, 1] }, [out(2 + (i % 2))]);
      const all = Array.from({ length: n }, (_, i) => frame(i));
      b.send(1, ...all);
      b.send(1, ...all);
      t.equal(b.sent(2).length, n);
      t.equal(b.sent(3).length, n);
      const last: number[] = [];
      for (let i = 0; i < n; i += 3) b.dp.flowDelete(i, (c) => void last.push(c.packets));
      b.send(1, ...all);
      t.same(last, Array(Math.ceil(n / 3)).fill(2), 'the last counters');
      t.equal(b.misses.length, Math.ceil(n / 3), 'deleted flows miss, though the microflow cache had them');
      t.equal(b.sent(2).length + b.sent(3).length, 3 * n - b.misses.length);
      for (const m of b.misses) b.dp.resume(0, m, undefined, [drop('policy')]);
      b.dp.run();
    },
  ],
  [
    'new actions for a flow; a slot used again',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [out(2)]);
      b.send(1, UDP);
      b.dp.flowModify(0, [out(3)]);
      b.send(1, UDP);
      b.dp.flowModify(0, []);
      b.send(1, UDP);
      t.equal(b.dp.flowCounters(0).packets, 3);
      b.dp.flowDelete(0, () => {});
      b.dp.run();
      flow(b, 0, { inPort: be32(2) }, [out(3)]);
      b.send(2, UDP);
      b.send(1, UDP);
      t.equal(b.dp.flowCounters(0).packets, 1);
      t.same([b.sent(2).length, b.sent(3).length, b.misses.length], [1, 2, 1]);
      t.equal(b.dp.portCounters(1).drops[DROP.policy], 1);
    },
  ],
  [
    'recirculation: keys, misses and the limit',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [{ type: 'recirc', id: 8 }]);
      b.send(1, UDP);
      t.same([...b.keys[0].subarray(K.recircId.offset, K.recircId.offset + 4)], be32(8));
      flow(b, 1, { recircId: be32(9) }, [out(3)]);
      b.dp.resume(0, b.misses[0], undefined, [{ type: 'recirc', id: 9 }]);
      flow(b, 2, { recircId: be32(8) }, [{ type: 'recirc', id: 8 }]);
      b.send(1, UDP);
      t.same(b.sent(3).length, 1);
      t.equal(b.dp.portCounters(1).drops[DROP.recirc_limit], 1);
      b.dp.flowModify(2, [out(2), { type: 'recirc', id: 8 }]);
      b.send(1, UDP);
      t.same(b.sent(2).length, 6, 'as often as with Open vSwitch');
    },
  ],
  [
    'ports refuse frames and say why',
    (t, b) => {
      b.dp.portAdd(4, { ...MEMORY, mtu: 31 });
      flow(b, 0, { inPort: be32(1) }, [out(4)]);
      flow(b, 1, { inPort: be32(2) }, [out(3)]);
      b.dp.portState(3, false);
      b.send(1, UDP, UDP.subarray(0, 13), UDP.subarray(0, 0));
      b.send(2, UDP);
      b.send(3, UDP);
      b.dp.flowModify(0, [out(9)]);
      b.send(1, UDP);
      const drops = (vport: number, name: DropReasonName) => b.dp.portCounters(vport).drops[DROP[name]];
      t.match([drops(1, 'mtu'), drops(1, 'too_short'), drops(1, 'no_such_port')], [1, 2, 1]);
      t.match([drops(2, 'port_down'), drops(3, 'port_down')], [1, 1]);
      t.match([b.dp.portCounters(4).tx_dropped, b.dp.portCounters(3).tx_dropped], [1, 1]);
      b.dp.portState(3, true);
      b.send(2, UDP);
      t.equal(b.sent(3).length, 1);
      b.dp.flowModify(0, [out(4)]);
      [30, 32, 0].forEach((mtu, left) => {
        b.dp.portMtu(4, mtu);
        b.send(1, UDP);
        t.equal(b.sent(4).length, left, `MTU ${mtu}`);
      });
    },
  ],
  [
    'a port goes and comes again',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [out(2)]);
      b.send(1, UDP);
      b.dp.portRemove(2);
      b.send(1, UDP);
      t.equal(b.dp.portCounters(1).drops[DROP.no_such_port], 1);
      b.dp.portAdd(2, MEMORY);
      t.match(b.dp.portCounters(2), { tx_packets: 0 });
      b.send(1, UDP);
      t.equal(b.sent(2).length, 2);
      b.send(3, UDP);
      b.dp.portRemove(3);
      b.dp.resume(0, b.misses[0], undefined, [out(2)]);
      b.dp.run();
      t.equal(b.sent(2).length, 3, 'what waits outlives its port');
      t.match(b.dp.portCounters(3), { rx_packets: 1, forwarded: 1 });
      b.dp.portAdd(3, MEMORY);
      t.throws(() => b.dp.portAdd(3, MEMORY), { name: 'UserError' });
      t.throws(() => b.dp.portAdd(0, MEMORY), { name: 'UserError' });
      t.throws(() => b.dp.portRemove(9), { name: 'UserError' });
      t.throws(() => b.dp.inject(9, UDP), { name: 'UserError' });
      b.dp.portAdd(5, NULL_PORT);
      t.throws(() => b.dp.inject(5, UDP), { name: 'UserError' });
    },
  ],
  [
    'sent up by an action, with its cookie; the limit of upcalls',
    (t, b) => {
      b.dp.upcallLimit(1, 10, 2);
      flow(b, 0, { inPort: be32(1) }, [up]);
      b.send(1, UDP, UDP, UDP);
      t.same(b.upcalls, Array(2).fill(`action 1 ${UDP.length} slow_path`));
      t.equal(b.dp.portCounters(1).drops[DROP.upcall_rate], 1);
      b.dp.setClock(100);
      b.send(1, UDP, UDP);
      t.equal(b.upcalls.length, 3);
      b.dp.upcallLimit(1, 0, 0);
      b.send(1, UDP, UDP, UDP);
      t.equal(b.upcalls.length, 6);
      t.equal(b.dp.portCounters(1).forwarded, 6);
    },
  ],
  [
    'meters follow the clock',
    (t, b) => {
      b.dp.meterSet(1, { unit: 'pktps', bands: [{ rate: 10, burst: 2 }] });
      flow(b, 0, { inPort: be32(1) }, [{ type: 'meter', id: 1 }, out(2)]);
      b.send(1, UDP, UDP, UDP);
      t.equal(b.sent(2).length, 2);
      b.dp.setClock(100);
      b.send(1, UDP, UDP);
      t.equal(b.sent(2).length, 3);
      t.equal(b.dp.portCounters(1).drops[DROP.meter], 2);
      b.dp.meterSet(1, { unit: 'kbps', bands: [{ rate: 1, burst: 1 }] });
      b.send(1, UDP, UDP, UDP);
      t.equal(b.sent(2).length, 5, 'a kilobit is two frames of 46 bytes');
      b.dp.meterSet(1, undefined);
      b.send(1, UDP, UDP);
      t.equal(b.sent(2).length, 7);
    },
  ],
  [
    'frames made by the switch are counted once: as new, or not at all',
    (t, b) => {
      const key = new Uint8Array(DP_KEY_BYTES);
      b.dp.execute(key, UDP, NO_OFFLOAD, [out(2)]);
      b.dp.run();
      t.match(b.dp.portCounters(0), { rx_packets: 1, rx_bytes: UDP.length, forwarded: 1 });
      key.set(be32(1), K.inPort.offset);
      b.dp.execute(key, UDP, NO_OFFLOAD, [out(2), out(3)], false);
      b.dp.execute(key, UDP, NO_OFFLOAD, [drop('ttl')], true);
      b.dp.execute(key, UDP.subarray(0, 9), NO_OFFLOAD, [out(2)], true);
      b.dp.run();
      t.match(b.dp.portCounters(1), { rx_packets: 2, forwarded: 0 });
      t.same([b.sent(2).length, b.sent(3).length], [2, 1]);
      t.equal(b.dp.portCounters(1).drops[DROP.too_short], 1);
    },
  ],
  [
    'checksum and segmentation state crosses with its frame',
    (t, b) => {
      const offload = { flags: 1, gsoType: 1, hdrLen: 54, gsoSize: 1400, csumStart: 34, csumOffset: 16 };
      const big = new Uint8Array(40000);
      big.set(TCP_SYN);
      big.set([0x9c, 0x32], 16);
      flow(b, 0, { inPort: be32(1) }, [out(2)]);
      b.dp.inject(1, big, offload);
      b.dp.inject(1, big);
      b.dp.run();
      t.same(b.sent(2), [40000]);
      t.same(b.offloads, [offload]);
      t.equal(b.dp.portCounters(1).drops[DROP.mtu], 1, 'not to be cut, so too long');
      b.send(2, UDP);
      t.same(b.misses.length, 1);
    },
  ],
];
