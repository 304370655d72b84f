/** What every datapath engine must do with tunnels, as cases on memory ports and one tunnel port. The VXLAN and GRE packets are ones that OVS's users see. */
import type { Test } from 'tap';
import { get32 } from '../lib/bytes.js';
import { K } from '../packet/key.js';
import type { DpAction, TunnelFormat } from './action.js';
import { DROP, type DropReasonName } from './drop-reasons.js';
import { Bench, be32, flow, type MakeEngine, MEMORY, out, sum, TCP_SYN, UDP } from './suite.js';
import { FIT_CASES } from './suite-fit.js';
import { parseDpActions } from './text/actions.js';

/** The tunnel's vport. */
const TUNNEL = 4;
const hex = (s: string) => Uint8Array.from(Buffer.from(s.replaceAll(' ', ''), 'hex'));
const INNER = hex('0000000000020000000000010000');
const OUTER_IP = '4500 0054 0000 4000 4011 3337 0101025c 01010258';
const OUTER = `aa55aa550000 001b213cab64 0800 ${OUTER_IP}`;
const PING = hex(
  '001b213cab6e000000000001 0800 45000054000040004001 2697 01010101 02020202 08004c6c002c000142d7525200000000d01f0e00',
);
const pad = (b: Uint8Array, n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => b[i] ?? 0);

/** An outer frame of IPv4 around a transport header and what it carries; lengths and the header checksum are right. */
function outer(proto: number, transport: Uint8Array, change: (ip: Uint8Array) => void = () => {}): Uint8Array {
  const f = new Uint8Array(34 + transport.length);
  f.set(hex(OUTER));
  f.set(transport, 34);
  const ip = f.subarray(14, 34);
  ip[2] = (20 + transport.length) >> 8;
  ip[3] = 20 + transport.length;
  ip[9] = proto;
  change(ip);
  ip.fill(0, 10, 12);
  let s = 0;
  for (let i = 0; i < 20; i += 2) s += (ip[i] << 8) | ip[i + 1];
  while (s > 0xffff) s = (s & 0xffff) + (s >> 16);
  ip[10] = ~s >> 8;
  ip[11] = ~s;
  return f;
}

function udp(tunnel: Uint8Array, checksum = 0): Uint8Array {
  const length = 8 + tunnel.length;
  return Uint8Array.of(0xc8, 0, 0x12, 0xb5, length >> 8, length, checksum >> 8, checksum, ...tunnel);
}

const VNI_123 = hex('0800000000007b00');
const vxlan = (header: Uint8Array, inner: Uint8Array): Uint8Array => udp(Uint8Array.of(...header, ...inner));

const FORMAT: TunnelFormat = { kind: 'vxlan', gbp: false, gpe: false, bare: false, options: [] };
const pop = (f: Partial<TunnelFormat> = {}): DpAction => ({
  type: 'tnl_pop',
  port: TUNNEL,
  tunnel: { ...FORMAT, ...f },
});
const push = (text: string): DpAction => parseDpActions(`tnl_push(tnl_port(${TUNNEL}),${text},out_port(2))`)[0];
const ETH = 'eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800)';
const IP = (proto: number) => `ipv4(src=1.1.2.88,dst=1.1.2.92,proto=${proto},tos=0,ttl=64,frag=0x4000)`;
const VXLAN = push(
  `header(size=50,type=4,${ETH},${IP(17)},udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b))`,
);

type Case = readonly [string, (t: Test, b: Bench) => void];

const CASES: readonly Case[] = [
  [
    'a packet goes into a tunnel, and is counted there',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [VXLAN, out(2)]);
      b.send(1, UDP);
      const sent = hex(b.frames.get(2)?.[0] ?? '');
      t.equal(sent.length, UDP.length + 50);
      t.equal(
        Buffer.from(sent.subarray(0, 34)).toString('hex'),
        'f8bc124434b6aa55aa55000008004500005200004000401133e6010102580101025c',
      );
      const port = (sent[34] << 8) | sent[35];
      t.ok(port >= 32768 && port <= 61000, `source port ${port}`);
      t.equal(Buffer.from(sent.subarray(36, 50)).toString('hex'), '12b5003e0000' + '0800000000007b00');
      t.same(sent.subarray(50), UDP);
      t.match(b.dp.portCounters(TUNNEL), { tx_packets: 1, tx_bytes: UDP.length, rx_packets: 0 });
    },
  ],
  [
    'what comes out of a tunnel arrives at its port, and is looked up with what the tunnel said',
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [pop()]);
      const frame = outer(17, vxlan(VNI_123, PING));
      // Ethernet pads behind.
      b.send(1, pad(frame, frame.length + 7));
      t.same(b.upcalls, [`miss ${TUNNEL} ${PING.length}`]);
      const [key] = b.keys;
      t.equal(get32(key, K.inPort.offset), TUNNEL);
      t.equal(get32(key, K.tunId.offset + 4), 123);
      t.equal(get32(key, K.tunSrc.offset), 0x0101025c);
      t.equal(get32(key, K.tunDst.offset), 0x01010258);
      t.same([key[K.tunFlags.offset + 1], key[K.tunTtl.offset]], [5, 64]);
      t.match(b.dp.portCounters(1), { rx_packets: 1, forwarded: 1 });
      t.match(b.dp.portCounters(TUNNEL), { rx_packets: 1, held: 1 });
      flow(b, 1, { inPort: be32(TUNNEL), tunId: [0, 0, 0, 0, 0, 0, 0, 123] }, [out(3)]);
      b.dp.resume(0, b.misses[0], 1, [out(3)]);
      b.send(1, frame);
      t.same(b.sent(3), [PING.length, PING.length]);
    },
  ],
  [
    'a packet without an Ethernet header is counted without the room for one, and pays a meter so',
    (t, b) => {
      const gre = push(`header(size=38,type=3,${ETH},${IP(47)},gre((flags=0x0,proto=0x800)))`);
      const ip = UDP.length - 14;
      flow(b, 0, { inPort: be32(1) }, [pop({ kind: 'gre', bare: true })]);
      b.dp.meterSet(1, { unit: 'pktps', bands: [] });
      flow(b, 1, { inPort: be32(TUNNEL), packetType: be32(0x10800) }, [{ type: 'meter', id: 1 }, gre, out(2)]);
      const frame = outer(47, Uint8Array.of(...hex('00000800'), ...UDP.subarray(14)));
      for (let n = 0; n < 3; n++) b.send(1, frame);
      t.match(b.dp.flowCounters(1), { packets: 3, bytes: 3 * ip });
      t.match(b.dp.flowCounters(0), { packets: 3, bytes: 3 * frame.length });
      t.match(b.dp.portCounters(TUNNEL), { rx_packets: 3, rx_bytes: 3 * ip, tx_packets: 3, tx_bytes: 3 * ip });
      t.match(b.dp.meterCounters(1), { packets: 3, bytes: 3 * ip });
      t.same(b.sent(2), Array(3).fill(ip + 38));
    },
  ],
  [
    'GRE with checksum, key and sequence number, there and back',
    (t, b) => {
      const gre = push(
        `header(size=50,type=3,${ETH},${IP(47)},gre((flags=0xb000,proto=0x6558),csum=0x0,key=0x1c8,seq=0x0))`,
      );
      flow(b, 0, { inPort: be32(1) }, [gre, pop({ kind: 'gre' })]);
      flow(b, 1, { inPort: be32(TUNNEL), tunId: [0, 0, 0, 0, 0, 0, 1, 0xc8] }, [gre, out(2)]);
      b.send(1, UDP);
      const [sent] = b.frames.get(2) ?? [];
      t.equal(sent?.slice(68, 76), 'b0006558');
      t.equal(sent?.slice(84, 100), '000001c8' + '00000001', 'the second of the tunnel');
    },
  ],
  [
    'a segment that a device was to cut is cut first',
    (t, b) => {
      const big = new Uint8Array(54 + 3000);
      big.set(TCP_SYN.subarray(0, 54));
      big.set([(big.length - 14) >> 8, (big.length - 14) & 255], 16);
      flow(b, 0, { inPort: be32(1) }, [VXLAN, out(2)]);
      b.dp.inject(1, big, { flags: 1, gsoType: 1, hdrLen: 54, gsoSize: 1300, csumStart: 34, csumOffset: 16 });
      b.dp.run();
      // As datagrams of 1,362, 1,362 and 462 bytes, each with its VXLAN header.
      t.same(b.sent(2), [42 + 1362 + 1362 + 462]);
      t.same(b.offloads, [{ flags: 1, gsoType: 5, hdrLen: 42, gsoSize: 1362, csumStart: 34, csumOffset: 6 }]);
      flow(b, 1, { inPort: be32(2) }, [pop()]);
      flow(b, 2, { inPort: be32(TUNNEL) }, [out(3)]);
      b.dp.inject(2, hex(b.frames.get(2)?.[0] ?? ''), b.offloads[0]);
      b.dp.run();
      t.same(b.sent(3), [1354, 1354, 454], 'and there they are again');
      t.match(b.dp.portCounters(1), { rx_packets: 1, forwarded: 1 });
      t.equal(b.dp.portCounters(TUNNEL).tx_packets, 3);
    },
  ],
  [
    'segments of a stream that come as one leave as one, unless one is wrong',
    (t, b) => {
      const big = new Uint8Array(54 + 3000).map((_, i) => (i * 7) & 255);
      big.set(TCP_SYN.subarray(0, 54));
      big[47] = 0x18;
      big.set([(big.length - 14) >> 8, (big.length - 14) & 255], 16);
      flow(b, 0, { inPort: be32(1) }, [VXLAN, out(2)]);
      flow(b, 1, { inPort: be32(2) }, [pop()]);
      flow(b, 2, { inPort: be32(TUNNEL) }, [out(3)]);
      b.dp.inject(1, big, { flags: 1, gsoType: 1, hdrLen: 54, gsoSize: 1300, csumStart: 34, csumOffset: 16 });
      b.dp.run();
      const [joined, offload] = [hex(b.frames.get(2)?.[0] ?? ''), b.offloads[0]];
      b.offloads.length = 0;
      b.dp.inject(2, joined, offload);
      b.dp.run();
      t.same(b.sent(3), [big.length]);
      const same = hex(b.frames.get(3)?.[0] ?? '');
      t.same([...same.subarray(26, 50), ...same.subarray(54)], [...big.subarray(26, 50), ...big.subarray(54)]);
      t.same(b.offloads, [{ flags: 1, gsoType: 1, hdrLen: 54, gsoSize: 1300, csumStart: 34, csumOffset: 16 }]);
      t.match(b.dp.portCounters(TUNNEL), { rx_packets: 1, forwarded: 1 });
      for (const at of [42 + 8 + 14 + 16, 42 + 1362 + 8 + 14 + 20 + 4, joined.length - 1]) {
        const wrong = joined.slice();
        wrong[at] ^= 1;
        b.dp.inject(2, wrong, offload);
        b.dp.run();
        t.same(b.sent(3).slice(-3), [1354, 1354, 454], `byte ${at}`);
      }
    },
  ],
  [
    'Geneve options go to their places',
    (t, b) => {
      const option = { optionClass: 0xffff, optionType: 1, length: 4, offset: 8, index: 9 };
      flow(b, 0, { inPort: be32(1) }, [pop({ kind: 'geneve', options: [option] })]);
      const wanted = hex('ffff0101 0000000a');
      const other = hex('ffff0201 0000000b');
      const header = (options: Uint8Array) =>
        udp(Uint8Array.of(options.length / 4, 0, 0x65, 0x58, 0, 0, 7, 0, ...options, ...UDP));
      b.send(1, outer(17, header(Uint8Array.of(...other, ...wanted))));
      const [key] = b.keys;
      t.equal(get32(key, K.tunMetadata.offset + 8), 10);
      t.same(key.subarray(K.tunMdPresent.offset, K.tunMdPresent.offset + 8), Uint8Array.of(0, 0, 0, 0, 0, 0, 2, 0));
      const critical = Uint8Array.from(other);
      critical[2] |= 0x80;
      b.send(1, outer(17, header(critical)));
      t.equal(b.dp.portCounters(1).drops[DROP.tunnel_header], 1, 'a critical one that nobody knows');
    },
  ],
];

/** Frames that are refused, the port's format, and why. */
const REFUSED: readonly (readonly [string, Uint8Array, DropReasonName, Partial<TunnelFormat>?])[] = [
  ['another protocol', outer(6, vxlan(VNI_123, PING)), 'tunnel_header'],
  ['no UDP header', outer(17, new Uint8Array(6)), 'tunnel_header'],
  ['no VXLAN header', outer(17, udp(new Uint8Array(7))), 'tunnel_header'],
  ['a UDP length beyond the packet', outer(17, shift(vxlan(VNI_123, PING), 4, 3)), 'tunnel_header'],
  ['no VNI', outer(17, vxlan(hex('0000000000007b00'), PING)), 'tunnel_header'],
  ['reserved bits', outer(17, vxlan(hex('0800000000007b01'), PING)), 'tunnel_header'],
  ['a group policy that nobody asked for', outer(17, vxlan(hex('8800000500007b00'), PING)), 'tunnel_header'],
  ['an inner frame that is cut', outer(17, vxlan(VNI_123, INNER.subarray(0, 13))), 'tunnel_header'],
  ['a wrong IP checksum', broken(outer(17, vxlan(VNI_123, PING))), 'tunnel_checksum'],
  ['a wrong UDP checksum', outer(17, udp(Uint8Array.of(...VNI_123, ...PING), 0x1234)), 'tunnel_checksum'],
  ['a first fragment', outer(17, vxlan(VNI_123, PING), (ip) => ip.set([0x20, 0], 6)), 'tunnel_fragment'],
  ['a GRE version', outer(47, hex('00016558' + '00')), 'tunnel_header', { kind: 'gre' }],
  ['GRE with a route', outer(47, hex('40006558' + '00'.repeat(30))), 'tunnel_header', { kind: 'gre' }],
  ['GRE that ends early', outer(47, hex('20006558' + '0000')), 'tunnel_header', { kind: 'gre' }],
  ['IP in GRE', outer(47, hex('00000800' + '45'.repeat(30))), 'tunnel_header', { kind: 'gre' }],
  ['Geneve options that do not end', outer(17, udp(hex('3f006558' + '00000700'))), 'tunnel_header', { kind: 'geneve' }],
];

function shift(b: Uint8Array, at: number, by: number): Uint8Array {
  b[at] += by;
  return b;
}

function broken(b: Uint8Array): Uint8Array {
  b[24] ^= 1;
  return b;
}

/** Every case once for an engine. */
export function runTunnelSuite(t: Test, make: MakeEngine): void {
  const refusals: Case[] = REFUSED.map(([name, frame, reason, format]) => [
    `refused: ${name}`,
    (t, b) => {
      flow(b, 0, { inPort: be32(1) }, [pop(format)]);
      b.send(1, frame);
      t.same(b.upcalls, []);
      t.equal(b.dp.portCounters(1).drops[DROP[reason]], 1, reason);
    },
  ]);
  for (const [name, run] of [...CASES, ...FIT_CASES, ...refusals]) {
    t.test(name, (t) => {
      const b = new Bench(make({}));
      b.dp.portAdd(TUNNEL, { ...MEMORY, kind: 'tunnel' });
      run(t, b);
      for (const vport of [0, 1, 2, 3, TUNNEL]) {
        const c = b.dp.portCounters(vport);
        t.equal(c.rx_packets, sum(c), `port ${vport} is conserved`);
      }
      b.dp.close();
      t.end();
    });
  }
}
