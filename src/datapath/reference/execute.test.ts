import t from 'tap';
import { Random } from '../../lib/random.js';
import { extract } from '../../packet/extract.js';
import { DP_KEY_BYTES, K } from '../../packet/key.js';
import { randomFrame } from '../../packet/random.js';
import type { DpAction, UserCookie } from '../action.js';
import { NO_OFFLOAD, type Offload, type TunnelCounter } from '../datapath.js';
import { loadAddon } from '../driver/load.js';
import { DROP } from '../drop-reasons.js';
import { encodeActions, encodeCookie, WordWriter } from '../encode.js';
import { type ExecutorEvent, PORT_COUNTERS } from '../native.js';
import { randomActions } from '../random-actions.js';
import { execute, type Sink } from './execute.js';
import { newPacket, type Packet } from './packet.js';

/** Both executors on the same frame and list: each event, byte for byte. */
const addon = loadAddon();

function offloadBytes(o: Offload): Uint8Array {
  const v = new DataView(new ArrayBuffer(12));
  v.setUint8(0, o.flags);
  v.setUint8(1, o.gsoType);
  [o.hdrLen, o.gsoSize, o.csumStart, o.csumOffset].forEach((n, i) => {
    v.setUint16(2 + 2 * i, n, true);
  });
  return new Uint8Array(v.buffer);
}

/** The rules of native/boundary/exec.cc. */
class TestSink implements Sink {
  readonly events: ExecutorEvent[] = [];
  private upcalls = 0;
  private draws = 0;

  constructor(private readonly numbers: Uint32Array) {}

  private event(what: string, number: number, p?: Packet, key?: Uint8Array, cookie?: Uint8Array): void {
    if (!p) return void this.events.push([what, number, new Uint8Array(0), new Uint8Array(0), 0, 0]);
    const flags = (p.delivered ? 1 : 0) | (p.counted ? 2 : 0);
    this.events.push([what, number, p.frame.slice(), offloadBytes(p.offload), flags, p.headroom, key?.slice(), cookie]);
  }
  output(p: Packet, port: number): number {
    this.event('output', port, p);
    return port >= 100 ? DROP.no_such_port : port % 10 === 9 ? DROP.port_down : 0;
  }
  recirculate(p: Packet, key: Uint8Array, id: number): void {
    this.event('recirc', id, p, key);
  }
  drop(p: Packet, reason: number): void {
    this.event('drop', reason, p);
  }
  release(p: Packet): void {
    this.event('release', 0, p);
  }
  userspace(p: Packet, key: Uint8Array, cookie: UserCookie): number {
    const bytes = encodeCookie(cookie);
    this.event('userspace', bytes.length, p, key, bytes);
    return ++this.upcalls % 3 === 0 ? DROP.upcall_rate : 0;
  }
  encapsulated(p: Packet, port: number, bytes: number): number {
    this.event('encapsulated', port + bytes * 256, p);
    return 0x10203 + port;
  }
  arrive(p: Packet, port: number, bytes: number): number {
    if (port >= 100) return DROP.no_such_port;
    this.event('arrive', port + bytes * 256, p);
    p.counted = true;
    p.delivered = false;
    p.inPort = port;
    return 0;
  }
  tally(port: number, counter: TunnelCounter, n: number): void {
    this.event('tally', port + PORT_COUNTERS.indexOf(counter) * 256 + n * 65536);
  }
  meter(id: number, bytes: number): boolean {
    this.event('meter', bytes);
    return id % 4 !== 0;
  }
  random(): number {
    return this.numbers[this.draws++ % this.numbers.length];
  }
}

const NAMES = ['what', 'number', 'frame', 'offload', 'flags', 'headroom', 'key', 'cookie'];
const text = (v: string | number | Uint8Array | undefined) =>
  v instanceof Uint8Array ? Buffer.from(v).toString('hex') : String(v);

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The first difference, in words. */
function difference(plain: ExecutorEvent[], native: ExecutorEvent[] | undefined): string | undefined {
  if (!native) return 'the addon refuses the list';
  for (let i = 0; i < Math.max(plain.length, native.length); i++) {
    const [a, b] = [plain[i], native[i]];
    if (!a || !b) return `event ${i}: ${text(a?.[0])} against ${text(b?.[0])}`;
    for (let f = 0; f < NAMES.length; f++) {
      const [x, y] = [a[f], b[f]];
      const same = x instanceof Uint8Array && y instanceof Uint8Array ? sameBytes(x, y) : x === y;
      if (!same) return `event ${i} (${a[0]} ${a[1]}), ${NAMES[f]}:\n  plain  ${text(x)}\n  native ${text(y)}`;
    }
  }
  return undefined;
}

function randomOffload(r: Random, frame: Uint8Array): Offload {
  if (r.chance(0.6)) return NO_OFFLOAD;
  // Often where a transport header of an untagged or tagged frame begins.
  const csumStart = r.pick([34, 38, 54, 58, r.below(frame.length + 10)]);
  return {
    flags: r.pick([0, 1, 1, 1, 2]),
    gsoType: r.pick([0, 0, 1, 3, 4, 5, 0x81]),
    hdrLen: r.pick([0, 2, 54, 66]),
    gsoSize: r.pick([0, 8, 100, 1448]),
    csumStart,
    csumOffset: r.pick([2, 6, 6, 16, 16, 8, r.below(40)]),
  };
}

const RUNS = 20_000;
const SEED = 20260101;

t.test(`both executors on ${RUNS} random frames and lists`, (t) => {
  const r = new Random(SEED);
  const words = new WordWriter();
  const options = {
    ports: [1, 2, 3, 19, 105],
    recircIds: [1, 2, 0xfffffffe],
    meters: [4, 5, 6],
    userspace: true,
    sample: true,
  };
  let events = 0;
  for (let n = 0; n < RUNS; n++) {
    const frame = randomFrame(r);
    if (frame.length < 14) continue;
    const maxVlans = r.below(3);
    const offload = randomOffload(r, frame);
    const key = new Uint8Array(DP_KEY_BYTES);
    key.set(r.bytes(8));
    key.set(r.bytes(12), K.dpHash.offset);
    extract(frame, key, maxVlans);
    const actions = randomActions(r, options);
    const draws = Uint32Array.from({ length: 4 }, () => r.u32());

    words.reset();
    encodeActions(words, actions);
    const native = addon.executeForTest(
      frame,
      offloadBytes(offload),
      key,
      words.words.slice(0, words.length),
      maxVlans,
      draws,
    );
    const sink = new TestSink(draws);
    execute(sink, newPacket(frame, offload, 1), key.slice(), actions, maxVlans);
    events += sink.events.length;
    const found = difference(sink.events, native);
    if (found) {
      const list = JSON.stringify(actions, (_, v) => (v instanceof Uint8Array ? text(v) : v));
      t.fail(
        `run ${n} of seed ${SEED}: ${found}\n  frame ${text(frame)}\n  offload ${text(offloadBytes(offload))}\n  ${list}`,
      );
      t.end();
      return;
    }
  }
  t.ok(events > RUNS, `${events} events, no difference`);
  t.end();
});

t.test('words that are no actions are refused', (t) => {
  const frame = new Uint8Array(60);
  const key = new Uint8Array(DP_KEY_BYTES);
  const accepts = (...words: number[]) =>
    addon.executeForTest(frame, new Uint8Array(12), key, Uint32Array.from(words), 1, new Uint32Array(1)) !== undefined;
  const head = (op: number, words: number) => ((words << 16) | op) >>> 0;
  let deep: DpAction[] = [];
  const nest = (n: number) => {
    deep = [];
    for (let i = 0; i < n; i++) deep = [{ type: 'clone', actions: deep }];
    const w = new WordWriter();
    encodeActions(w, deep);
    return [...w.words.subarray(0, w.length)];
  };
  const rows: [string, number[], boolean][] = [
    ['no action', [], true],
    ['an output', [head(1, 2), 1], true],
    ['no op', [head(0, 1)], false],
    ['an unknown op', [head(99, 1)], false],
    ['no words', [1], false],
    ['more words than there are', [head(1, 3), 1], false],
    ['an output without a port', [head(1, 1)], false],
    ['an output and a half', [head(1, 2), 1, head(1, 2)], false],
    ['a set of an unknown kind', [head(2, 3), 99, 0], false],
    ['a set of another length', [head(2, 5), 3, 2, 0, 0], false],
    ['a set whose bytes are missing', [head(2, 4), 3, 4, 0], false],
    ['a set of TCP ports', [head(2, 5), 3, 4, 0, 0], true],
    ['a cookie longer than its action', [head(12, 3), 5, 0], false],
    ['a cookie whose length overflows', [head(12, 2), 0xffffffff], false],
    ['a cookie of three bytes', [head(12, 3), 3, 0], true],
    ['a first list longer than its action', [head(13, 3), 64, 1], false],
    ['a first list that ends within an action', [head(13, 5), 64, 1, head(1, 2), 1], false],
    ['two lists', [head(13, 7), 64, 2, head(1, 2), 1, head(1, 2), 2], true],
    ['an unknown hash', [head(8, 3), 2, 0], false],
    ['drop for no reason', [head(15, 2), 0], false],
    ['drop for an unknown reason', [head(15, 2), 63], false],
    ['nested as deep as is allowed', nest(16), true],
    ['nested deeper', nest(17), false],
  ];
  for (const [name, words, ok] of rows) t.equal(accepts(...words), ok, name);
  t.end();
});
