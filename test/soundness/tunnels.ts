/**
 * Masks of packets into tunnels, out of them, and to an end of one, attacked as in check.ts. What a packet came with in its tunnel's header is part of its
 * key, and is flipped too: then the port it is taken to come from may change, and that must show in the mask.
 */
import { parseIpv4 } from '../../src/lib/address.js';
import { put32 } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { build, eth, ip4, payload, udpLayer } from '../../src/packet/build.js';
import { frameFromKey } from '../../src/packet/from-key.js';
import { DP_KEY_BYTES, K, LINE_BYTES } from '../../src/packet/key.js';
import { wellFormedFrame } from '../../src/packet/random.js';
import { Switch, type SwitchBridge } from '../../src/switch/switch.js';
import { randomPipeline } from '../pipelines/random-pipeline.js';
import { actionsText } from '../support/dp-text.js';
import { equalUnder, flip, hexLine, keyOf, mix, type Soundness, sameEffect } from './check.js';

const PACKETS = 20;
const WITNESSES = 12;
const DEVICE = 'br-phy';
const PORTS = 5;
const OPTIONS = { tables: 4, ports: PORTS, hashes: true, cuts: false, stateful: true };
const ip = (text: string): Uint8Array => parseIpv4(text) ?? new Uint8Array(4);
const OWN = '172.31.1.1';
const ENDS = ['172.31.1.2', '172.31.1.3', '172.31.9.9'];

/** Ports 3 to 5 of the bridge are three of these. */
const TUNNELS: readonly (readonly [string, Record<string, string>])[] = [
  ['vxlan', { remote_ip: ENDS[0], key: '1' }],
  ['vxlan', { remote_ip: 'flow', key: 'flow', tos: 'inherit', ttl: 'inherit' }],
  ['geneve', { remote_ip: ENDS[1], key: 'flow', local_ip: OWN }],
  ['gre', { remote_ip: 'flow', key: '2', ttl: 'inherit' }],
  ['gre', { remote_ip: ENDS[0], key: '1', packet_type: 'legacy_l3' }],
  ['vxlan', { remote_ip: ENDS[1], key: 'flow', dst_port: '4790', exts: 'gpe', packet_type: 'ptap' }],
];

/** Places in a key that only a tunnel's packet has something in. */
const REGIONS: readonly (readonly [number, number])[] = [
  [K.tunErspanIdx.offset, K.ctState.offset],
  [K.tunMetadata.offset, DP_KEY_BYTES],
];
const LINES = 1 << (Math.floor(K.tunId.offset / LINE_BYTES) - 1);

function tunnelFlow(r: Random): string {
  const sets = [
    `set_field:${r.pick(ENDS)}->tun_dst`,
    `set_field:${r.below(3)}->tun_id`,
    `move:NXM_OF_ETH_SRC[0..7]->NXM_NX_TUN_ID[0..7]`,
    `set_field:${r.below(4)}->pkt_mark`,
    'resubmit(,2)',
  ].filter(() => r.chance(0.4));
  const match = r.pick(['', 'in_port=4,', 'tun_id=1,', 'tun_src=172.31.1.0/30,', 'in_port=1,', 'tun_id=0/2,']);
  return `table=${r.below(3)},priority=${r.between(30, 90)},${match}actions=${[...sets, `output:${r.between(2, 5)}`].join(',')}`;
}

/** The frame's key with what the tunnel's header said. */
function withTunnel(key: Uint8Array, from: Uint8Array): Uint8Array {
  for (const [start, end] of REGIONS) key.set(from.subarray(start, end), start);
  key[K.lines.offset] |= from[K.lines.offset] & LINES;
  return key;
}

function setTunnel(r: Random, key: Uint8Array): Uint8Array {
  key.set(ip(r.pick(ENDS)), K.tunSrc.offset);
  key.set(ip(OWN), K.tunDst.offset);
  key[K.tunId.offset + 7] = r.below(4);
  key[K.tunFlags.offset + 1] = r.below(8);
  key[K.tunTos.offset] = r.below(4);
  key[K.tunTtl.offset] = 64;
  key[K.lines.offset] |= LINES;
  return key;
}

function setUp(r: Random): { sw: Switch; br: SwitchBridge; phy: SwitchBridge; flows: string[] } {
  const sw = new Switch({ datapath: 'reference' });
  const phy = sw.bridge(DEVICE);
  phy.addPort('w1', { number: 1 });
  phy.addFlow(
    r.pick(['actions=NORMAL', 'in_port=LOCAL,actions=mod_nw_tos:4,dec_ttl,output:1', 'actions=output:1,LOCAL']),
  );
  const br = sw.bridge('br0');
  br.addPort('p1', { number: 1 });
  br.addPort('p2', { number: 2 });
  const first = r.below(TUNNELS.length - 2);
  for (let i = 0; i < 3; i++) {
    const [type, options] = TUNNELS[i + first];
    br.addPort(`t${i}`, { type, number: 3 + i, options });
  }
  const { underlay } = sw.core;
  underlay.addAddress(DEVICE, ip(OWN));
  for (const mark of r.chance(0.5) ? [0] : [0, 2]) {
    const way = { device: DEVICE, gateway: undefined, source: ip(OWN), user: true, local: false };
    underlay.routes.add({ prefix: ip('172.31.1.0'), length: mark ? 32 : 24, mark, ...way });
  }
  for (const [i, end] of ENDS.entries()) underlay.neighbors.learn(DEVICE, ip(end), Uint8Array.of(2, 0, 0, 0, 9, i), 0);
  const flows = [...randomPipeline(r, OPTIONS).flows, ...Array.from({ length: 6 }, () => tunnelFlow(r))];
  const kept: string[] = [];
  for (const f of flows) {
    br.addFlow(f);
    kept.push(f);
  }
  return { sw, br, phy, flows: kept };
}

/** A packet that is for an end of a tunnel here, or nearly so. */
function outerFrame(r: Random, local: Uint8Array): Uint8Array {
  return build([
    eth({ dst: local, src: '02:00:00:00:09:00' }),
    ip4({ src: r.pick(ENDS), dst: r.pick([OWN, OWN, ENDS[0]]) }),
    udpLayer({ src: r.below(65536), dst: r.pick([4789, 4790, 6081, 53]) }),
    payload(new Uint8Array(60)),
  ]);
}

export function checkTunnels(pipelines: number, seed: number): Soundness {
  const out: Soundness = { pipelines: 0, flows: 0, witnesses: 0, forwarded: 0, met: 0, violations: [] };
  for (let n = 0; n < pipelines && out.violations.length < 5; n++) {
    checkOne(new Random((Math.imul(seed, 1_000_003) + n) >>> 0), n, out);
    out.pipelines++;
  }
  return out;
}

function checkOne(r: Random, number: number, out: Soundness): void {
  const { sw, br, phy, flows } = setUp(r);
  const { upcalls, underlay } = sw.core;
  const local = phy.bridge.portByName(DEVICE)?.hwAddr ?? new Uint8Array(6);
  const backers = [...underlay.backers.values()].map((b) => b.vport);
  const explain = (key: Uint8Array, kind: number) => {
    if (kind === 0) return upcalls.explain({ bridge: br.bridge, inPort: 1, key });
    if (kind === 1) return upcalls.explain({ bridge: phy.bridge, inPort: 1, key });
    const at = underlay.arrival(new DataView(key.buffer, key.byteOffset).getUint32(K.inPort.offset), key);
    return at && upcalls.explain({ bridge: at.bridge, inPort: at.port.number, key });
  };
  const rules = new Set<unknown>();
  for (let p = 0; p < PACKETS; p++) {
    const kind = r.pick([0, 0, 1, 2, 2]);
    const host = kind === 1 ? phy : br;
    const vport = kind === 2 ? r.pick(backers) : (host.bridge.port(1)?.vport ?? 0);
    const frame = (): Uint8Array => (kind === 1 && r.chance(0.8) ? outerFrame(r, local) : wellFormedFrame(r));
    const a = keyOf(frame(), vport, 1);
    if (!a) continue;
    if (kind === 2) setTunnel(r, a);
    put32(a, K.inPort.offset, vport);
    const first = explain(a, kind);
    if (!first) continue;
    out.flows++;
    if (first.reason === 0) out.forwarded++;
    for (const rule of first.rules) rules.add(rule);
    const mask = first.mask.slice();
    const installed = [...first.actions];
    const wanted = actionsText(installed);
    for (let w = 0; w < WITNESSES; w++) {
      const other = keyOf(frame(), vport, 1);
      if (!other) continue;
      if (kind === 2) setTunnel(r, other);
      const mixed = w % 3 === 0 ? flip(r, a, mask) : mix(a, other, mask);
      const b = keyOf(frameFromKey(mixed), vport, 1);
      if (!b) continue;
      if (kind === 2) withTunnel(b, mixed);
      if (!equalUnder(a, b, mask)) continue;
      out.witnesses++;
      const fresh = explain(b, kind)?.actions;
      const got = fresh ? actionsText(fresh) : 'no port';
      if (got === wanted || (fresh && sameEffect(frameFromKey(b), installed, fresh, 1))) continue;
      const parts = [`pipeline ${number}, ${['into', 'end', 'out of'][kind]}: equal under the mask, and part ways`];
      parts.push(`A ${hexLine(a)}`, `B ${hexLine(b)}`, `mask ${hexLine(mask)}`, `A does ${wanted}`, `B does ${got}`);
      out.violations.push([...parts, ...flows].join('\n  '));
      return;
    }
  }
  out.met += rules.size;
  sw.close();
}
