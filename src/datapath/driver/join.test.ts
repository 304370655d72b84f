/** Segments of TCP that came out of a tunnel one by one leave as packets that are to be cut; cutting those gives what came. */
import t from 'tap';
import { build, eth, ip4, ip6, type Layer, payload, tcpLayer } from '../../packet/build.js';
import { crc32c } from '../../packet/crc32c.js';
import { segment } from '../../packet/offload.js';
import { DROP } from '../drop-reasons.js';
import { Bench, be32, MEMORY, match, out, sum } from '../suite.js';
import { NativeDriver } from './native-driver.js';

const TUNNEL = 4;
const GRE = { kind: 'gre', gbp: false, gpe: false, bare: false, options: [] } as const;
const SIZE = 1000;
const [FIN, PSH, ACK] = [1, 8, 16];

interface Piece {
  seq: number;
  bytes?: number;
  flags?: number;
  src?: number;
  id?: number;
  ttl?: number;
  options?: Uint8Array;
  v6?: boolean;
  spoil?: (frame: Uint8Array) => void;
}

function frame(p: Piece): Uint8Array {
  const network: Layer = p.v6
    ? ip6({ src: '2001:db8::1', dst: '2001:db8::2', hopLimit: p.ttl ?? 64 })
    : ip4({ src: '10.0.0.1', dst: '10.0.0.2', id: p.id ?? 7, ttl: p.ttl ?? 64, dontFragment: p.id === undefined });
  const data = Uint8Array.from({ length: p.bytes ?? SIZE }, (_, i) => (i * 7 + p.seq) & 255);
  const tcp = tcpLayer({
    src: p.src ?? 5,
    dst: 6,
    seq: p.seq,
    ack: 9,
    flags: p.flags ?? ACK,
    options: p.options ?? new Uint8Array(0),
  });
  const whole = build([eth({ dst: '02:00:00:00:00:0b', src: '02:00:00:00:00:0a' }), network, tcp, payload(data)]);
  p.spoil?.(whole);
  return whole;
}

/** `n` in order from `seq`; `change` the k-th. */
function stream(n: number, change: (k: number) => Partial<Piece> = () => ({}), seq = 1000): Piece[] {
  return Array.from({ length: n }, (_, k) => ({ seq: seq + k * SIZE, ...change(k) }));
}
const swapped = (list: Piece[], i: number): Piece[] => [
  ...list.slice(0, i),
  list[i + 1],
  list[i],
  ...list.slice(i + 2),
];
const at = (i: number, change: Partial<Piece>) => (k: number) => (k === i ? change : {});

/** What comes, and how many leave. */
const ROWS: readonly (readonly [string, readonly Piece[], number])[] = [
  ['in order', stream(10), 1],
  ['a short last one', stream(5, at(4, { bytes: 300 })), 1],
  [
    'a short one in between ends a packet',
    stream(5, at(2, { bytes: 999 })).map((p, i) => (i > 2 ? { ...p, seq: p.seq - 1 } : p)),
    2,
  ],
  ['the sender pushes', stream(6, at(2, { flags: ACK | PSH })), 2],
  ['the end of a stream goes alone', stream(4, at(3, { flags: ACK | FIN })), 2],
  ['out of order', swapped(stream(8), 3), 4],
  ['one missing', stream(8).filter((_, i) => i !== 4), 2],
  ['two streams in turn', stream(4).flatMap((p) => [p, { ...p, src: 77 }]), 8],
  ['two streams', [...stream(4), ...stream(4, () => ({ src: 77 }))], 2],
  ['a damaged one', stream(5, at(2, { spoil: (f) => f.set([f[200] ^ 1], 200) })), 3],
  ['a damaged first', stream(4, at(0, { spoil: (f) => f.set([f[200] ^ 1], 200) })), 2],
  ['another TTL', stream(6, at(3, { ttl: 63 })), 3],
  ['names that count', stream(5, (k) => ({ id: 70 + k })), 1],
  ['names that do not count, and it may be cut', stream(3, (k) => ({ id: 70 + 2 * k })), 3],
  ['options', stream(6, (k) => ({ options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, k < 3 ? 1 : 2, 0, 0, 0, 0) })), 2],
  ['IPv6', stream(10, () => ({ v6: true })), 1],
  ['IPv6, another hop limit', stream(4, (k) => ({ v6: true, ttl: k < 2 ? 60 : 61 })), 2],
  ['small ones are not looked at', stream(3, (k) => ({ bytes: 100, seq: 1000 + 100 * k })), 3],
];

function around(inner: Uint8Array): Uint8Array {
  const gre = Uint8Array.of(0, 0, 0x65, 0x58, ...inner);
  const outer = build([
    eth({ dst: '02:00:00:00:00:02', src: '02:00:00:00:00:01' }),
    ip4({ src: '1.1.2.92', dst: '1.1.2.88', proto: 47 }),
    payload(gre),
  ]);
  return outer;
}

/** `offload`: the port takes packets that are to be cut. */
function make(offload: boolean, config: ConstructorParameters<typeof NativeDriver>[0] = {}): Bench {
  const b = new Bench(new NativeDriver({ manual: true, maxFlows: 64, ...config }));
  b.dp.portRemove(2);
  b.dp.portAdd(2, { ...MEMORY, offload });
  b.dp.portAdd(TUNNEL, { ...MEMORY, kind: 'tunnel', mtu: 0 });
  b.dp.flowPut(0, ...match({ inPort: be32(1) }), [{ type: 'tnl_pop', port: TUNNEL, tunnel: GRE }]);
  b.dp.flowPut(1, ...match({ inPort: be32(TUNNEL) }), [out(2)]);
  return b;
}

/** A frame in short, without the name of an IPv4 packet that nobody may cut: it means nothing (RFC 6864), and cutting counts them. */
function named(f: Uint8Array): string {
  const plain = f.slice();
  if (f[12] === 0x08 && f[20] & 0x40) plain.fill(0, 18, 20).fill(0, 24, 26);
  return `${f.length} ${Buffer.from(f.subarray(34, 48)).toString('hex')} ${crc32c(0, plain)}`;
}

/** What left, cut where it is to be. */
function cut(b: Bench): string[] {
  return (b.frames.get(2) ?? []).flatMap((text, i) => {
    const whole = Uint8Array.from(Buffer.from(text, 'hex'));
    const parts = b.offloads[i].gsoType === 0 ? [whole] : (segment(whole, b.offloads[i], 1500) ?? []);
    return parts.map(named);
  });
}

for (const offload of [true, false]) {
  for (const [name, pieces, packets] of ROWS) {
    t.test(`${name}${offload ? '' : ', to a port that wants them cut'}`, (t) => {
      const b = make(offload);
      const frames = pieces.map(frame);
      b.send(1, ...frames.map(around));
      t.equal(b.frames.get(2)?.length, offload ? packets : pieces.length);
      t.same(cut(b), frames.map(named));
      const bytes = frames.reduce((n, f) => n + f.length, 0);
      t.match(b.dp.flowCounters(1), { packets: pieces.length, bytes }, 'they are counted as they came');
      const port = b.dp.portCounters(TUNNEL);
      t.match(port, { rx_packets: pieces.length, rx_bytes: bytes, forwarded: pieces.length });
      for (const vport of [1, 2, TUNNEL]) t.equal(b.dp.portCounters(vport).rx_packets, sum(b.dp.portCounters(vport)));
      b.dp.close();
      t.end();
    });
  }
}

t.test('what is joined and then finds no room was as many packets as came', (t) => {
  const [ports, each] = [24, 32];
  const b = make(true, { upcallRingBytes: 1 << 19 });
  b.dp.flowPut(2, ...match({ nwProto: [47] }), [{ type: 'tnl_pop', port: TUNNEL, tunnel: GRE }]);
  // In one breath more than the ring holds by which frames leave a memory port.
  for (let n = 0; n < ports; n++) {
    b.dp.portAdd(10 + n, MEMORY);
    for (const f of stream(each)) b.dp.inject(10 + n, around(frame(f)));
  }
  b.dp.run();
  const left = b.frames.get(2)?.length ?? 0;
  t.ok(left > 0 && left < ports, `${left} of ${ports} had room`);
  const tunnel = b.dp.portCounters(TUNNEL);
  const lost = (ports - left) * each;
  t.match(tunnel, { rx_packets: ports * each, forwarded: left * each, held: 0 });
  t.equal(tunnel.drops[DROP.tx_full], lost);
  t.equal(tunnel.rx_packets, sum(tunnel));
  t.match(b.dp.portCounters(2), { tx_packets: left, tx_dropped: lost });
  b.dp.close();
  t.end();
});

t.test('what came by no tunnel leaves as it came', (t) => {
  const b = make(true);
  const frames = stream(8).map(frame);
  b.dp.flowPut(2, ...match({ inPort: be32(3) }), [out(2)]);
  b.send(3, ...frames);
  t.equal(b.frames.get(2)?.length, 8);
  b.dp.close();
  t.end();
});
