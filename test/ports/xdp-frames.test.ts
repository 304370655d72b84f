/**
 * Frames of all sorts through two AF_XDP ports on the ends of one veth pair, in each mode: they come in order and whole. Pieces of a TCP stream may come as one packet,
 * which cut again gives the frames that were sent; what is not exactly the next piece stays apart.
 */
import '../support/isolate.js';

import t from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { GSO, segment } from '../../src/packet/offload.js';
import { GROUPS, pairOfPorts, type Sent, tcp, whole } from './groups.js';

const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2' });
const SIZE = 1448;
const [IP_ID, SEQ, FLAGS, CSUM, DATA] = [18, 38, 47, 50, 54];

/** Pieces of a stream as a device cuts them: complete frames. */
function pieces(n: number, bytes: number): Sent[] {
  const { frame, offload } = tcp(n, bytes, SIZE);
  return (segment(frame, offload, 1500) ?? []).map((f) => ({ frame: f, offload: NO_OFFLOAD }));
}

/** Changes byte `at` of one frame, and the transport checksum so that it is right again where `mended`. */
function changed(list: Sent[], which: number, at: number, by: number, mended: boolean): Sent[] {
  const { frame } = list[which];
  const view = new DataView(frame.buffer, frame.byteOffset);
  const word = at & ~1;
  const before = view.getUint16(word);
  frame[at] += by;
  if (mended) {
    let sum = (~view.getUint16(CSUM) & 0xffff) + (~before & 0xffff) + view.getUint16(word);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    view.setUint16(CSUM, ~sum & 0xffff);
  }
  return list;
}

const swapped = (list: Sent[]): Sent[] => [list[0], list[2], list[1], ...list.slice(3)];

/** `packets`: how many they become when all of them wait at once. */
const STREAMS: readonly { readonly what: string; readonly make: (n: number) => Sent[]; readonly packets: number }[] = [
  { what: 'a stream', make: (n) => pieces(n, 10 * SIZE), packets: 1 },
  { what: 'and one with a short end', make: (n) => pieces(n, 7 * SIZE + 100), packets: 1 },
  { what: 'two streams', make: (n) => [...pieces(n, 4 * SIZE), ...pieces(n + 1, 4 * SIZE)], packets: 2 },
  {
    what: 'a short one between',
    make: (n) => [...pieces(n, 2 * SIZE), tcp(n, 100, 0), ...pieces(n, 2 * SIZE)],
    packets: 3,
  },
  { what: 'pieces out of order', make: (n) => swapped(pieces(n, 5 * SIZE)), packets: 4 },
  { what: 'one with a wrong checksum', make: (n) => changed(pieces(n, 5 * SIZE), 2, DATA + 9, 1, false), packets: 3 },
  {
    what: 'one with another sequence number',
    make: (n) => changed(pieces(n, 5 * SIZE), 2, SEQ + 3, 4, true),
    packets: 3,
  },
  { what: 'one that pushes', make: (n) => changed(pieces(n, 5 * SIZE), 2, FLAGS, 8, true), packets: 2 },
  { what: 'one with FIN', make: (n) => changed(pieces(n, 4 * SIZE), 3, FLAGS, 1, true), packets: 2 },
  {
    what: 'one whose IP header is wrong',
    make: (n) => changed(pieces(n, 5 * SIZE), 2, IP_ID + 1, 3, false),
    packets: 3,
  },
];

/** What would be on a wire. */
function cut(s: Sent): string[] {
  if (s.offload.gsoType === GSO.none) return [whole(s)];
  return (segment(s.frame, s.offload, 65535) ?? []).map((f) => Buffer.from(f).toString('hex'));
}

/** Payloads of TCP one after the other, whatever frames carry them. */
const carried = (list: readonly Sent[]): string =>
  list
    .flatMap(cut)
    .map((hex) => hex.slice(2 * DATA))
    .join('');

for (const { xdpMode, needWakeup } of [
  { xdpMode: 'native', needWakeup: false },
  { xdpMode: 'generic', needWakeup: true },
] as const) {
  t.test(`frames of all sorts, ${xdpMode}, need-wakeup ${needWakeup}`, { skip: refusal }, (t) => {
    const { dp, came } = pairOfPorts(t, 'wfy', { kind: 'xdp', xdpMode, needWakeup });
    t.match(dp.portPaths(2), { mode: xdpMode }, 'the mode that was asked for');
    const pass = (sent: readonly Sent[], view: (list: readonly Sent[]) => unknown): unknown => {
      came.length = 0;
      for (const s of sent) dp.inject(1, s.frame, s.offload);
      const all = sent.flatMap(cut).length;
      for (let i = 0; i < 400 && came.flatMap(cut).length < all; i++) dp.run();
      return view(came);
    };
    const frames = (list: readonly Sent[]): string[] => list.flatMap(cut);
    for (let round = 0; round < 3; round++) {
      for (const { what, count, make } of GROUPS) {
        const sent = Array.from({ length: count }, (_, i) => make((round * 400 + i) % 64));
        // Into how large pieces a packet was to be cut is not told by XDP: so large as fit.
        const view = what.startsWith('TCP') ? carried : frames;
        t.same(pass(sent, view), view(sent), what);
      }
      for (const { what, make, packets } of STREAMS) {
        const sent = make(round);
        t.same(pass(sent, frames), frames(sent), what);
        t.equal(came.length, packets, `${what}: ${packets} packets`);
      }
    }
    for (const port of [1, 3]) {
      const c = dp.portCounters(port);
      t.equal(c.rx_packets, c.forwarded + c.drops.reduce((a, b) => a + b, 0) + c.held, `port ${port}: conserved`);
      t.equal(c.rx_errors, 0, `port ${port}: nothing lost`);
    }
    t.end();
  });
}
