/** The header that a tunnel port puts around its packets, as the datapath action tnl_push takes it. */
import { isGre } from '../datapath/action.js';
import { put16, put32 } from '../lib/bytes.js';
import { ETH_TYPE, IP_PROTO } from '../packet/wire/wire.js';
import type { TunnelConfig } from './config.js';

/** What is not in the configuration. */
export interface Outer {
  readonly dstMac: Uint8Array;
  readonly srcMac: Uint8Array;
  /** 4 or 16 bytes each. */
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly tos: number;
  readonly ttl: number;
  readonly tunId: bigint;
  /** With a key: GRE says whether it has one. */
  readonly keyed: boolean;
  readonly oam: boolean;
  /** EtherType of a packet without an Ethernet header; 0: a frame. */
  readonly bare: number;
  readonly gbp: { readonly id: number; readonly flags: number };
  /** Geneve options, encoded; 252 bytes at most. */
  readonly options: Uint8Array;
}

const GRE = { checksum: 0x8000, key: 0x2000, sequence: 0x1000 } as const;
/** Next protocols of VXLAN's generic protocol extension, by EtherType. */
const GPE: Readonly<Record<number, number>> = { 0: 3, 2048: 1, 34525: 2, 35151: 4 };
const ETH = 14;
/** Smaller numbers are lengths, and no types. */
const FIRST_ETHER_TYPE = 0x600;

/** Can such a tunnel say that a packet is of this type? 0: a frame. */
export function carries({ kind, gpe }: Pick<TunnelConfig, 'kind' | 'gpe'>, bare: number): boolean {
  if (kind === 'vxlan') return gpe ? GPE[bare] !== undefined : bare === 0;
  return bare === 0 || bare >= FIRST_ETHER_TYPE;
}

/** Of what the tunnel `carries`. */
export function tunnelHeader(c: TunnelConfig, o: Outer): Uint8Array {
  const v6 = o.dst.length === 16;
  const tunnel = isGre(c.kind) ? gre(c, o) : c.kind === 'vxlan' ? vxlan(c, o) : geneve(o);
  const l4 = ETH + (v6 ? 40 : 20);
  const at = isGre(c.kind) ? l4 : l4 + 8;
  const h = new Uint8Array(at + tunnel.length);
  h.set(o.dstMac, 0);
  h.set(o.srcMac, 6);
  put16(h, 12, v6 ? ETH_TYPE.ipv6 : ETH_TYPE.ipv4);
  const proto = isGre(c.kind) ? IP_PROTO.gre : IP_PROTO.udp;
  if (v6) {
    put32(h, ETH, (0x60000000 | (o.tos << 20)) >>> 0);
    h[ETH + 6] = proto;
    h[ETH + 7] = o.ttl;
    h.set(o.src, ETH + 8);
    h.set(o.dst, ETH + 24);
  } else {
    h[ETH] = 0x45;
    h[ETH + 1] = o.tos;
    put16(h, ETH + 6, c.df ? 0x4000 : 0);
    h[ETH + 8] = o.ttl;
    h[ETH + 9] = proto;
    h.set(o.src, ETH + 12);
    h.set(o.dst, ETH + 16);
  }
  if (!isGre(c.kind)) {
    put16(h, l4 + 2, c.dstPort);
    // Over IPv6 a checksum is the rule (RFC 6935 tells the exceptions).
    if (c.csum || v6) put16(h, l4 + 6, 0xffff);
  }
  h.set(tunnel, at);
  return h;
}

function gre(c: TunnelConfig, o: Outer): Uint8Array {
  const flags = (c.csum ? GRE.checksum : 0) | (o.keyed ? GRE.key : 0) | (c.seq ? GRE.sequence : 0);
  const words = [...(c.csum ? [0] : []), ...(o.keyed ? [Number(o.tunId & 0xffffffffn)] : []), ...(c.seq ? [0] : [])];
  const g = new Uint8Array(4 + 4 * words.length);
  put16(g, 0, flags);
  put16(g, 2, o.bare === 0 ? ETH_TYPE.teb : o.bare);
  words.forEach((w, i) => {
    put32(g, 4 + 4 * i, w);
  });
  return g;
}

function vni(b: Uint8Array, at: number, id: bigint): void {
  put32(b, at, Number(id & 0xffffffn) * 256);
}

function vxlan(c: TunnelConfig, o: Outer): Uint8Array {
  const v = new Uint8Array(8);
  v[0] = 0x08;
  if (c.gpe) {
    v[0] |= 0x04;
    v[3] = GPE[o.bare] ?? 0;
  } else if (c.gbp && (o.gbp.id !== 0 || o.gbp.flags !== 0)) {
    v[0] |= 0x80;
    v[1] = o.gbp.flags & 0x48;
    put16(v, 2, o.gbp.id);
  }
  vni(v, 4, o.tunId);
  return v;
}

function geneve(o: Outer): Uint8Array {
  const g = new Uint8Array(8 + o.options.length);
  g[0] = o.options.length / 4;
  let critical = false;
  for (let at = 0; at < o.options.length; at += 4 + (o.options[at + 3] & 0x1f) * 4) {
    critical ||= (o.options[at + 2] & 0x80) !== 0;
  }
  g[1] = (o.oam ? 0x80 : 0) | (critical ? 0x40 : 0);
  put16(g, 2, o.bare === 0 ? ETH_TYPE.teb : o.bare);
  vni(g, 4, o.tunId);
  g.set(o.options, 8);
  return g;
}
