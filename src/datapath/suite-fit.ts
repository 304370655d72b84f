/** Packets that do not fit a tunnel's way: what every datapath engine must make of them. Run by runTunnelSuite. */
import type { Test } from 'tap';
import { get16, get32 } from '../lib/bytes.js';
import { build, eth, ip4, ip6, payload, tag, udpLayer } from '../packet/build.js';
import { addBytes, fold } from '../packet/checksum.js';
import { K } from '../packet/key.js';
import type { DpAction } from './action.js';
import { DROP } from './drop-reasons.js';
import { type Bench, be32, flow, out } from './suite.js';
import { parseDpActions } from './text/actions.js';

const TUNNEL = 4;
const ETHERNET = { dst: '02:00:00:00:00:0b', src: '02:00:00:00:00:0a' };
const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i * 31);
const hex = (s: string | undefined): Uint8Array => Uint8Array.from(Buffer.from(s ?? '', 'hex'));

/** A frame with `n` bytes of UDP payload. */
function inner(n: number, dontFragment: boolean): Uint8Array {
  const ip = ip4({ src: '10.0.0.1', dst: '10.0.0.2', id: 7, dontFragment });
  return build([eth(ETHERNET), ip, udpLayer({ src: 7, dst: 9 }), payload(bytes(n))]);
}
const SIX = build([
  eth(ETHERNET),
  tag({ vid: 5 }),
  ip6({ src: '2001:db8::1', dst: '2001:db8::2' }),
  udpLayer({ src: 7, dst: 9 }),
  payload(bytes(1300)),
]);

const HEAD = 'eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=';
/** VXLAN over a way of 1,000 bytes: 950 of IP fit over IPv4, 930 over IPv6. */
function vxlan(v6: boolean, cut: boolean): DpAction {
  const ip = v6
    ? 'ipv6(src=2001:db8::88,dst=2001:db8::92,label=0,proto=17,tclass=0x0,hlimit=64)'
    : `ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=${cut ? '0x0' : '0x4000'})`;
  const udp = `udp(src=0,dst=4789,csum=${v6 ? '0xffff' : '0x0'}),vxlan(flags=0x8000000,vni=0x7b)`;
  const header = `header(size=${v6 ? 70 : 50},type=4,${HEAD}${v6 ? '0x86dd' : '0x0800'}),${ip},${udp})`;
  return parseDpActions(
    `tnl_push(tnl_port(${TUNNEL}),${header},out_port(2),mtu(1000${cut ? ',cut' : ''}))`,
  )[0] as DpAction;
}
const pop: DpAction = {
  type: 'tnl_pop',
  port: TUNNEL,
  tunnel: { kind: 'vxlan', gbp: false, gpe: false, bare: false, options: [] },
};
const sent = (b: Bench, port: number): Uint8Array[] => (b.frames.get(port) ?? []).map(hex);
const drops = (b: Bench): readonly number[] => b.dp.portCounters(1).drops;

/** What the other end of a network makes of fragments: the payload of the IP packets at `l3`, in one piece. */
function together(frames: readonly Uint8Array[], v6: boolean): Uint8Array {
  const parts = frames.map((f) => {
    const field = get16(f, v6 ? 56 : 20);
    const at = v6 ? field & 0xfff8 : (field & 0x1fff) * 8;
    return { at, data: f.subarray(v6 ? 62 : 34), more: (field & (v6 ? 1 : 0x2000)) !== 0 };
  });
  const whole = new Uint8Array(Math.max(...parts.map((p) => p.at + p.data.length)));
  for (const p of parts) whole.set(p.data, p.at);
  return whole;
}

export const FIT_CASES: readonly (readonly [string, (t: Test, b: Bench) => void])[] = [
  [
    'what may not be cut is answered from the other end',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [vxlan(false, false), out(2)]);
      flow(b, 1, { inPort: be32(TUNNEL), tunId: [0, 0, 0, 0, 0, 0, 0, 123], tunSrc: [1, 1, 2, 92] }, [out(3)]);
      b.send(1, inner(950 - 28, true));
      t.same(b.sent(2), [1014], 'one that just fits');
      const big = inner(950 - 27, true);
      b.send(1, big);
      t.same(b.sent(2), [1014]);
      t.equal(drops(b)[DROP.tunnel_mtu], 1);
      const [answer = new Uint8Array(0)] = sent(b, 3);
      t.equal(answer.length, 14 + 576);
      t.same([fold(addBytes(0, answer, 14, 34)), fold(addBytes(0, answer, 34))], [0xffff, 0xffff], 'sums are right');
      answer.fill(0, 24, 26).fill(0, 36, 38);
      t.equal(
        Buffer.from(answer.subarray(0, 42)).toString('hex'),
        '02000000000a02000000000b0800' + '45c00240000040004001' + '0000' + '0a0000020a000001' + '03040000000003b6',
        'to the sender, from whom it sent to: 950 bytes',
      );
      t.same(answer.subarray(42), big.subarray(14, 14 + 548));
      t.match(b.dp.portCounters(TUNNEL), { rx_packets: 1, forwarded: 1, tnl_too_big: 1, tnl_fragments: 0 });
      t.same(b.upcalls, []);
    },
  ],
  [
    'so is IPv6, with its tag',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [vxlan(true, false), out(2)]);
      b.send(1, SIX);
      t.equal(drops(b)[DROP.tunnel_mtu], 1);
      t.same(b.upcalls, [`miss ${TUNNEL} ${18 + 1280}`]);
      t.equal(get32(b.keys[0], K.tunIpv6Src.offset + 12), 0x92);
      t.equal(b.keys[0][K.nwProto.offset], 58);
      t.equal(b.keys[0][K.tpSrc.offset + 1], 2, 'packet too big');
    },
  ],
  [
    'a packet that may be cut is, and each fragment gets a header',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [vxlan(false, false), out(2)]);
      flow(b, 1, { inPort: be32(2) }, [pop]);
      flow(b, 2, { inPort: be32(TUNNEL) }, [out(3)]);
      const big = inner(1400, false);
      b.send(1, big);
      t.same(b.sent(2), [14 + 36 + 14 + 20 + 928, 14 + 36 + 14 + 20 + 480]);
      for (const f of sent(b, 2)) b.send(2, f);
      t.same(together(sent(b, 3), false), big.subarray(34));
      t.match(b.dp.portCounters(1), { forwarded: 1 });
      t.match(b.dp.portCounters(TUNNEL), { tnl_fragments: 2, tnl_too_big: 0 });
    },
  ],
  ...[false, true].map((v6): readonly [string, (t: Test, b: Bench) => void] => [
    `the tunnel's own packet is cut where that is allowed, IPv${v6 ? 6 : 4}`,
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [vxlan(v6, true), out(2)]);
      const big = inner(1400, true);
      b.send(1, big);
      b.send(1, big);
      t.same(b.sent(2).slice(0, 2), v6 ? [62 + 952, 62 + 506] : [34 + 976, 34 + 482]);
      const whole = together(sent(b, 2).slice(0, 2), v6);
      t.same(whole.subarray(16), big);
      const names = [0, 2].map((i) => get32(sent(b, 2)[i] ?? new Uint8Array(80), v6 ? 58 : 18) >>> (v6 ? 0 : 16));
      t.not(names[0], names[1], 'two packets have two names');
      t.match(b.dp.portCounters(1), { forwarded: 2 });
      t.match(b.dp.portCounters(TUNNEL), { tnl_fragments: 4, tnl_too_big: 0 });
    },
  ]),
  [
    'segments are cut so that they fit',
    (t, b) => {
      const big = new Uint8Array(54 + 3000);
      big.set(
        hex('020000000002020000000001080045000bdc00004000400600000a0000010a00000200010002000000000000000050100000'),
      );
      flow(b, 0, { inPort: be32(1) }, [vxlan(false, false), out(2)]);
      b.dp.inject(1, big, { flags: 1, gsoType: 1, hdrLen: 54, gsoSize: 1400, csumStart: 34, csumOffset: 16 });
      b.dp.run();
      t.same(b.offloads.map((o) => o.gsoSize).slice(0, 1), [8 + 14 + 950], 'datagrams that the way takes');
      t.equal(b.dp.portCounters(TUNNEL).tx_packets, 4);
    },
  ],
  [
    'nobody hears of what is no packet with a sender',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [vxlan(false, false), out(2)]);
      const error = inner(1400, true);
      error.set([1], 23);
      error.set([3, 3], 34);
      for (const f of [build([eth({ ...ETHERNET, type: 0x88b5 }), payload(bytes(1400))]), error]) b.send(1, f);
      const many = inner(1400, true);
      many[0] |= 1;
      b.send(1, many);
      t.equal(drops(b)[DROP.mtu], 3);
      t.same(b.upcalls, []);
    },
  ],
];
