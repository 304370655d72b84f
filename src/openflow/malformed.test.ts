/** Messages that nobody should send: the decoder refuses them with an OpenFlow error, or reads what can be written again; nothing else. */
import t, { type Test } from 'tap';
import { Random } from '../lib/random.js';
import { decode, encode, MAX_MESSAGE } from './message.js';
import { corpus, missing, type Sample } from './testing/corpus.js';
import { hex, judge } from './testing/soundness.js';
import { lies, spoilt, truncations } from './testing/spoil.js';

const SEED = Number(process.env.SEED ?? 1);
const VERSIONS = [1, 2, 3, 4, 5, 6] as const;
const samples = corpus(SEED, 20);

/** Of each kind in each version. */
function chosen(better: (a: Sample, b: Sample) => boolean): Sample[] {
  const out = new Map<string, Sample>();
  for (const s of samples) {
    const key = `${s.name} ${s.version}`;
    const best = out.get(key);
    if (!best || better(s, best)) out.set(key, s);
  }
  return [...out.values()];
}

/** Judges all and says of the first few that fail what they are. */
function all(t: Test, what: string, messages: Iterable<Uint8Array>): number {
  const faults: string[] = [];
  let n = 0;
  let refused = 0;
  for (const bytes of messages) {
    const v = judge(bytes);
    n++;
    if (v.refused !== undefined) refused++;
    if (v.fault !== undefined && faults.length < 5) faults.push(`${v.fault.slice(0, 600)}: ${hex(bytes)}`);
  }
  t.same(faults, [], `${what}: ${n} messages, ${refused} refused`);
  return refused;
}

t.test('there is a sound example of every kind in every version', (t) => {
  t.same(missing(samples), []);
  const refused = all(
    t,
    'sound',
    samples.map((s) => s.bytes),
  );
  t.equal(refused, 0);
  t.end();
});

t.test('cut after every byte', (t) => {
  for (const s of chosen((a, b) => a.bytes.length > b.bytes.length)) {
    all(t, `${s.name} of 1.${s.version - 1}`, truncations(s.bytes));
  }
  t.end();
});

t.test(`lengths that lie (SEED=${SEED})`, (t) => {
  const r = new Random(SEED);
  function* some(bytes: Uint8Array): Generator<Uint8Array> {
    for (const b of lies(bytes)) if (r.chance(0.1)) yield b;
  }
  for (const s of chosen((a, b) => a.bytes.length < b.bytes.length && a.bytes.length > 8)) {
    all(t, `${s.name} of 1.${s.version - 1}`, some(s.bytes));
  }
  t.end();
});

t.test(`spoilt at random (SEED=${SEED})`, (t) => {
  const r = new Random(SEED);
  all(
    t,
    'spoilt',
    (function* () {
      for (let i = 0; i < 8000; i++) yield spoilt(r.pick(samples).bytes, r.pick(samples).bytes, r);
    })(),
  );
  all(
    t,
    'random bytes under a header',
    (function* () {
      for (let i = 0; i < 5000; i++) {
        const n = r.between(8, 200);
        yield Uint8Array.from([r.between(1, 6), r.below(36), n >> 8, n & 0xff, ...r.bytes(n - 4)]);
      }
    })(),
  );
  t.end();
});

/** An action of Nicira's: its number, then its body, in whole words of 8 bytes. */
function nx(subtype: number, ...body: readonly Uint8Array[]): Uint8Array {
  const inner = Buffer.concat(body);
  const length = Math.ceil((10 + inner.length) / 8) * 8;
  const out = Buffer.alloc(length);
  out.writeUInt16BE(0xffff, 0);
  out.writeUInt16BE(length, 2);
  out.writeUInt32BE(0x2320, 4);
  out.writeUInt16BE(subtype, 8);
  out.set(inner, 10);
  return out;
}
const clone = (inner: Uint8Array): Uint8Array => nx(42, Buffer.alloc(6), inner);
const ct = (inner: Uint8Array): Uint8Array => nx(35, Buffer.alloc(14), inner);
const learn = (specs: Uint8Array): Uint8Array => nx(16, Buffer.alloc(22), specs);

/** A packet-out with a list of actions, whatever it is. */
function packetOut(version: number, actions: Uint8Array): Uint8Array {
  const head =
    version === 1
      ? Buffer.from('ffffffffffff0000', 'hex')
      : version === 6
        ? Buffer.from('ffffffff000000000001000c8000000400000001'.concat('00000000'), 'hex')
        : Buffer.from('ffffffff00000001000000000000'.concat('0000'), 'hex');
  head.writeUInt16BE(actions.length, version === 1 ? 6 : version === 6 ? 4 : 8);
  const length = 8 + head.length + actions.length;
  const out = Buffer.concat([Buffer.from([version, 13, length >> 8, length & 0xff, 0, 0, 0, 9]), head, actions]);
  return Uint8Array.from(out);
}

function times(f: (inner: Uint8Array) => Uint8Array, n: number, core: Uint8Array = new Uint8Array(0)): Uint8Array {
  let out = core;
  for (let i = 0; i < n; i++) out = f(out);
  return out;
}

const output = (version: number): Uint8Array =>
  Buffer.from(version === 1 ? '0000000800020000' : '00000010000000020000000000000000', 'hex');

/** By version: the error, or undefined where it can be read. */
const NESTED: readonly (readonly [
  what: string,
  actions: (version: number) => Uint8Array,
  error: string | undefined,
])[] = [
  ['clone 90 deep', (v) => times(clone, 90, output(v)), undefined],
  ['clone 200 deep', (v) => times(clone, 200, output(v)), 'OFPBAC_BAD_ARGUMENT'],
  ['clone 4,000 deep', (v) => times(clone, 4000, output(v)), 'OFPBAC_BAD_ARGUMENT'],
  ['ct in ct', () => times(ct, 2), 'OFPBAC_BAD_ARGUMENT'],
  ['ct 200 deep', () => times(ct, 200), 'OFPBAC_BAD_ARGUMENT'],
  ['learn in clone 200 deep', () => times(clone, 200, learn(new Uint8Array(2))), 'OFPBAC_BAD_ARGUMENT'],
  ['clone and ct by turns, 200 deep', () => times((inner) => clone(ct(inner)), 100), 'OFPBAC_BAD_ARGUMENT'],
];

t.test('lists in lists', (t) => {
  for (const [what, actions, error] of NESTED) {
    for (const version of VERSIONS) {
      const bytes = packetOut(version, actions(version));
      t.match(judge(bytes), { refused: error, fault: undefined }, `${what}, 1.${version - 1}`);
    }
  }
  t.end();
});

/** What is repeated until a message is full. */
const FULL: readonly (readonly [what: string, action: (version: number) => Uint8Array])[] = [
  ['output', output],
  ['resubmit', () => Buffer.from('ffff001000002320000100030000'.concat('0000'), 'hex')],
  [
    'set_field',
    () => Buffer.from('ffff00180000232000070000'.concat('1f0000010604', '000000000000', '0001'), 'hex').subarray(0, 24),
  ],
  ['learn', () => learn(Buffer.from('000000000000'.concat('0000'), 'hex'))],
  ['empty clones', () => clone(new Uint8Array(0))],
  ['note', () => nx(8, Buffer.from('010203040506', 'hex'))],
  ['zeros', () => new Uint8Array(8)],
  ['ones', () => Buffer.alloc(8, 0xff)],
];

t.test('64 KB of actions', (t) => {
  for (const [what, action] of FULL) {
    for (const version of VERSIONS) {
      const one = action(version);
      const n = Math.floor((MAX_MESSAGE - 40) / one.length);
      const bytes = packetOut(version, Buffer.concat(Array.from({ length: n }, () => one)));
      t.equal(judge(bytes).fault, undefined, `${n} times ${what}, 1.${version - 1}`);
    }
  }
  t.end();
});

t.test('messages in messages', (t) => {
  // An error holds the start of the message at fault, which may be an error; a bundle holds messages.
  const inError = (inner: Uint8Array): Uint8Array =>
    encode('error', { vendor: 0, type: 1, code: 1, data: inner }, { version: 5, xid: 1 });
  const inBundle = (inner: Uint8Array): Uint8Array =>
    encode('bundle_add', { id: 1, flags: 0, message: inner }, { version: 5, xid: 1 });
  const hello = encode('hello', {}, { version: 5, xid: 1 });
  for (const [what, wrap, n] of [
    ['errors', inError, 5000],
    ['bundles', inBundle, 4000],
    ['both', (b: Uint8Array) => inError(inBundle(b)), 2000],
  ] as const) {
    const bytes = times(wrap, n, hello);
    t.ok(bytes.length > 50_000);
    t.equal(judge(bytes).fault, undefined, `${n} ${what}`);
  }
  t.end();
});

/** Found by the fuzzer, or by looking at what it found. [bytes, what is read: an error, or undefined for a value] */
const FOUND: readonly (readonly [hex: string, what: string, refused: string | undefined])[] = [
  ['0522001100000005000000010000000100', 'a bundle around less than a header', 'OFPBFC_MSG_BAD_LEN'],
  ['05220018000000050000000100000001050200ff00000004', 'a bundle around more than there is', 'OFPBFC_MSG_BAD_LEN'],
  ['0401001400000005ffff0002000000000102030405060708'.slice(0, 40), 'an error of vendor 0', undefined],
  ['0601001c00000002b0c200000000232000010100010400080000000200'.slice(0, 56), "Nicira's wrapping in 1.5", undefined],
  [
    '040a00880000000200050002040e003800000080004c080000000058a0a7e2ffff001000002320000899bf6cc3ff2dffff0010000023200011000000000000602d4847440e6ba19bd461a08d0f9d2206b89ab0041dccf1d40b6b99f24c985e600ab8be2ca21d4786bb37710fae45bb895287df4ef9e00686600de896474d9db6696119c0bedac8c8',
    'the match of 1.1 with a port that 1.0 has no number for',
    'OFPBMC_BAD_VALUE',
  ],
  ['0104001800000005000023200000001e0008000400000000', 'a packet-in with an empty continuation', undefined],
  [
    '0204'.concat('0010', '00000005', '00002320', '0000000f').slice(0, 32),
    'a length too short for its kind',
    'OFPBRC_BAD_LEN',
  ],
];

t.test('what was found', (t) => {
  for (const [bytes, what, refused] of FOUND) {
    t.match(judge(Uint8Array.from(Buffer.from(bytes, 'hex'))), { fault: undefined, refused }, what);
  }
  // Padding that is used later is no value before.
  const mod = samples.find((s) => s.name === 'OFPT_FLOW_MOD' && s.version === 4);
  const bytes = Uint8Array.from(mod?.bytes ?? []);
  bytes.set([0x12, 0x34], 46);
  const m = decode(bytes);
  t.match(m, { kind: 'flow_mod', value: { importance: 0 } });
  t.end();
});
