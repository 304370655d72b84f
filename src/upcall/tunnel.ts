/**
 * Into tunnels: out by a tunnel port. The way out of them is tunnel-end.ts.
 *
 * The header is made here, once for a flow, of the port's configuration and of what flows set; the datapath only puts it on. Then the
 * packet that this makes goes through the bridge that carries it, as if it came in by that bridge's local port. It is another packet: what is looked at there
 * is decided by the header, so it is no part of this flow's mask. Price: what differs from packet to packet (the UDP source port) is 0 there.
 */

import { type DpAction, isGre, type TunnelFit } from '../datapath/action.js';
import { OFPP } from '../flow/field.js';
import { formatMac } from '../lib/address.js';
import { get16, get32, getBig, isZero, put16, put32 } from '../lib/bytes.js';
import { ETH_HEADER } from '../packet/extract.js';
import { DP_KEY_BYTES, K, TUN_FLAG } from '../packet/key.js';
import { ETH_TYPE, IP_PROTO } from '../packet/wire/wire.js';
import { carries, tunnelHeader } from '../tunnel/header.js';
import { ipText, neighborName } from '../tunnel/underlay.js';
import { apart } from './branch.js';
import { laterOutput } from './freeze.js';
import { patch } from './output.js';
import { bytes, ECN, hasIp, look } from './tunnel-end.js';
import type { PortView, TunnelView, UnderlayRoute } from './view.js';
import type { Walk } from './walk.js';

/** The other end, from flows or from the configuration; undefined: none was set. */
function remoteOf(w: Walk, { remote }: TunnelView['config']): Uint8Array | undefined {
  if (remote !== 'flow') return remote;
  look(w, K.tunDst);
  if (get32(w.flow, K.tunDst.offset) !== 0) return bytes(w.flow, K.tunDst);
  look(w, K.tunIpv6Dst);
  const six = bytes(w.flow, K.tunIpv6Dst);
  return isZero(six) ? undefined : six;
}

function sourceOf(w: Walk, { local }: TunnelView['config'], v6: boolean): Uint8Array | undefined {
  if (local !== 'flow') return local?.length === (v6 ? 16 : 4) ? local : undefined;
  const slot = v6 ? K.tunIpv6Src : K.tunSrc;
  look(w, slot);
  const set = bytes(w.flow, slot);
  return isZero(set) ? undefined : set;
}

/** TOS of the outer header: ECN goes along, but "congestion was experienced" is for the packet inside (RFC 6040). */
function tosOf(w: Walk, { tos }: TunnelView['config']): number {
  const base = tos === 'inherit' ? 0 : tos;
  if (!hasIp(w.flow)) return base;
  const inner = w.flow[K.nwTos.offset];
  w.mask[K.nwTos.offset] |= tos === 'inherit' ? 0xff : ECN.mask;
  const ecn = (inner & ECN.mask) === ECN.ce ? ECN.ect0 : inner & ECN.mask;
  return (tos === 'inherit' ? inner & 0xfc : base) | ecn;
}

function ttlOf(w: Walk, { ttl }: TunnelView['config']): number {
  if (ttl !== 'inherit') return ttl;
  if (!hasIp(w.flow)) return 64;
  look(w, K.nwTtl);
  return w.flow[K.nwTtl.offset];
}

function idOf(w: Walk, { outKey }: TunnelView['config']): bigint {
  if (outKey !== 'flow') return outKey ?? 0n;
  look(w, K.tunId);
  return getBig(w.flow, K.tunId.offset, 8);
}

/** The current flow leaves by a tunnel port, cut to `cut` bytes before the header comes on; 0: whole. */
export function tunnelOut(w: Walk, port: PortView, tunnel: TunnelView, cut: number): void {
  w.lacksNeighbor = false;
  send(w, port, tunnel, cut);
  // What a tunnel's packet goes on through is not held by itself: its outer header is made anew with the whole.
  if (w.lacksNeighbor && w.tunnelDepth === 0) hold(w, port, cut);
}

/**
 * The next hop's link address is not known yet. The packet's other ways out need not wait for it: this one becomes a pass of its own, which has nothing
 * but this output. It is missed, and waits where packets wait that leave by a tunnel alone (Upcalls); when the address is known, neither pass is needed.
 */
function hold(w: Walk, port: PortView, cut: number): void {
  const list = apart(w, () => {
    w.commit();
    w.out.push({ type: 'recirc', id: laterOutput(w, port.number === w.inPort ? OFPP.inPort : port.number, cut) });
  });
  const later: DpAction = { type: 'clone', actions: list };
  w.out.push(later);
  w.later.add(later);
}

function send(w: Walk, port: PortView, tunnel: TunnelView, cut: number): void {
  const { config } = tunnel;
  const { underlay } = w.input;
  const to = remoteOf(w, config);
  if (!to || !underlay) {
    w.note(() => '>> Tunneling decided against output');
    return w.reject('tunnel_route');
  }
  w.note(() => '-> output to native tunnel');
  const byMark = config.egressMark === undefined && underlay.marksMatter;
  if (byMark) look(w, K.pktMark);
  const mark = byMark ? get32(w.flow, K.pktMark.offset) : (config.egressMark ?? 0);
  const found = underlay.route(to, mark);
  if (!found) {
    w.note(() => '>> native tunnel routing failed');
    return w.reject('tunnel_route');
  }
  const route = { ...found, source: sourceOf(w, config, to.length === 16) ?? found.source };
  w.note(() => `-> tunneling to ${ipText(route.nextHop)} via ${route.device}`);
  const mac = route.through ? underlay.neighbor(route.device, route.nextHop) : new Uint8Array(6);
  if (route.through) w.t.deps.push(neighborName(route.device, route.nextHop));
  if (!mac) {
    const asks = to.length === 4 ? 'ARP' : 'ND';
    w.note(
      () => `-> neighbor cache miss for ${ipText(route.nextHop)} on bridge ${route.device}, sending ${asks} request`,
    );
    w.effect({ kind: 'solicit', bridge: underlay, route });
    w.lacksNeighbor = true;
    return w.reject('tunnel_neighbor');
  }
  if (route.through) {
    w.effect({ kind: 'neighbor_used', bridge: underlay, device: route.device, address: route.nextHop });
  }
  push(w, port, tunnel, { ...route, to, mac, cut });
}

/** EtherType of what the packet is sent as without an Ethernet header; 0: a frame. */
function bareType(w: Walk, { layer }: TunnelView['config']): number {
  const frame = get32(w.flow, K.packetType.offset) === 0;
  return frame && layer !== 'legacy_l3' ? 0 : get16(w.flow, K.ethType.offset);
}

/** What makes a frame of the walk a packet without an Ethernet header, and nothing of one that is. */
function strip(w: Walk, bare: number): DpAction[] {
  if (bare === 0 || get32(w.flow, K.packetType.offset) !== 0) return [];
  return apart(w, () => {
    const { flow } = w;
    // Tags go first, and whether there are any is looked at.
    for (const s of [K.vlanTci, K.vlanTpid, K.vlan2Tci, K.vlan2Tpid]) {
      look(w, s);
      put16(flow, s.offset, 0);
    }
    w.commit();
    flow.fill(0, K.ethDst.offset, K.ethSrc.offset + 6);
    put32(flow, K.packetType.offset, 0x10000 | bare);
    w.commit();
  });
}

/** Where to, and how much of the packet. */
interface Way extends UnderlayRoute {
  readonly to: Uint8Array;
  /** Link address of the next hop. */
  readonly mac: Uint8Array;
  readonly cut: number;
}

function push(w: Walk, port: PortView, { config }: TunnelView, route: Way): void {
  const { to, mac: dstMac } = route;
  const srcMac = route.through?.mac ?? new Uint8Array(6);
  w.note(
    () =>
      `-> tunneling from ${formatMac(srcMac)} ${ipText(route.source)} to ${formatMac(dstMac)} ${ipText(route.nextHop)}`,
  );
  const bare = bareType(w, config);
  if (!carries(config, bare)) {
    w.note(() => '>> native tunnel header build failed');
    return w.reject('tunnel_header');
  }
  const flags = get16(w.flow, K.tunFlags.offset);
  if (config.kind === 'geneve') w.mask[K.tunFlags.offset + 1] |= TUN_FLAG.oam;
  for (const s of [K.tunGbpId, K.tunGbpFlags]) if (config.gbp) look(w, s);
  const tunId = idOf(w, config);
  const header = tunnelHeader(config, {
    dstMac,
    srcMac,
    src: route.source,
    dst: to,
    tos: tosOf(w, config),
    ttl: ttlOf(w, config),
    tunId,
    keyed: config.outKey !== undefined,
    oam: (flags & TUN_FLAG.oam) !== 0,
    bare,
    gbp: { id: get16(w.flow, K.tunGbpId.offset), flags: w.flow[K.tunGbpFlags.offset] },
    options: config.kind === 'geneve' ? optionsOf(w) : new Uint8Array(0),
  });
  const sent = w.sent;
  w.sent = false;
  w.commit();
  const stripped = strip(w, bare);
  const { through } = route;
  w.tunnelDepth++;
  const rest = apart(w, () =>
    w.aside(() => {
      becomeOuter(w, header);
      if (through) patch(w, through);
      else {
        w.out.push({ type: 'output', port: route.hostVport });
        w.sent = true;
      }
    }),
  );
  w.tunnelDepth--;
  const left = w.sent;
  w.sent = sent || left;
  if (!left) return;
  w.lacksNeighbor = false;
  const out = through?.port.vport ?? route.hostVport;
  const kind = config.kind === 'gre' && to.length === 16 ? 'ip6gre' : config.kind;
  const fit = fitOf(w, route, rest, config, tunId);
  const onto: Push = {
    type: 'tnl_push',
    port: port.vport,
    kind,
    bare: bare !== 0,
    header,
    out,
    ...(fit ? { fit } : {}),
  };
  if (fit) tellRoom(w, port, room(onto), fit.cut);
  const whole: readonly DpAction[] = [...stripped, onto, ...rest];
  w.out.push({ type: 'clone', actions: route.cut > 0 ? [{ type: 'trunc', maxLen: route.cut }, ...whole] : whole });
  if (port.tallies) w.count(port.tallies.tx);
  w.bridge.mirror?.(w, port, 'out');
}

/** What the way of a packet with its header takes, as far as it is known. What the host's stack may cut, it cuts itself. */
function fitOf(
  w: Walk,
  route: UnderlayRoute,
  rest: readonly DpAction[],
  config: TunnelView['config'],
  tunId: bigint,
): TunnelFit | undefined {
  const { df } = config;
  if (!route.through && !df) return undefined;
  const ports = route.through ? leastMtu(rest, (vport) => w.input.underlay?.mtuOf(vport) ?? 0) : ANY_MTU;
  const mtu = Math.min(ports, route.mtu || ANY_MTU);
  if (mtu >= ANY_MTU) return undefined;
  const answer = df ? answerOf(config, tunId) : undefined;
  return { mtu: Math.max(1, mtu), cut: !df, ...(answer === undefined ? {} : { answer }) };
}

/** The key by which the port takes packets, where that is not the key with which it sends this one. */
function answerOf({ kind, inKey, outKey }: TunnelView['config'], tunId: bigint): TunnelFit['answer'] {
  if (inKey === 'flow') return undefined;
  if (inKey === undefined && isGre(kind)) return outKey === undefined ? undefined : 'none';
  const key = inKey ?? 0n;
  const same = key === tunId && (outKey !== undefined || !isGre(kind));
  return same || key > 0xffffffffn ? undefined : Number(key);
}

const ANY_MTU = 0xffff;

/** What all ports take that a list sends to; a tunnel takes less than its way by its header. */
function leastMtu(actions: readonly DpAction[], of: (vport: number) => number): number {
  let least: number = ANY_MTU;
  for (const a of actions) {
    let mtu = 0;
    if (a.type === 'output') mtu = of(a.port);
    else if (a.type === 'tnl_push') mtu = room(a);
    else if (a.type === 'clone' || a.type === 'sample') mtu = leastMtu(a.actions, of);
    else if (a.type === 'check_pkt_len') mtu = Math.min(leastMtu(a.greater, of), leastMtu(a.lessEqual, of));
    if (mtu > 0) least = Math.min(least, mtu);
  }
  return least;
}

type Push = Extract<DpAction, { type: 'tnl_push' }>;

/** Bytes of IP that fit with the header; 0: not known. */
function room({ fit, bare, header }: Push): number {
  return fit ? Math.max(1, fit.mtu - header.length + (bare ? ETH_HEADER : 0)) : 0;
}

function tellRoom(w: Walk, port: PortView, room: number, cut: boolean): void {
  w.note(() => `-> at most ${room} bytes of IP fit, ${cut ? 'more are cut' : 'the sender of more is told'}`);
  const { underlay, key } = w.input;
  const vport = get32(key, K.inPort.offset);
  const mtu = underlay?.mtuOf(vport) ?? 0;
  if (underlay && mtu > room) w.effect({ kind: 'narrow', bridge: underlay, tunnel: port.name, vport, mtu, room });
}

/** Geneve options that flows have set, in the order of their numbers. */
function optionsOf(w: Walk): Uint8Array {
  look(w, K.tunMdPresent);
  const present = getBig(w.flow, K.tunMdPresent.offset, 8);
  const table = w.bridge.tun;
  if (present === 0n || !table) return new Uint8Array(0);
  const parts: number[] = [];
  for (const row of table.entries()) {
    const index = row.tunMetadata ?? 0;
    const option = table.option(index);
    if (!option || !(present & (1n << BigInt(index)))) continue;
    look(w, row.slot);
    parts.push(option.optionClass >> 8, option.optionClass & 255, option.optionType, option.length / 4);
    parts.push(...bytes(w.flow, row.slot));
  }
  return Uint8Array.from(parts);
}

/** Both keys of the walk are now those of the packet with the header. */
function becomeOuter(w: Walk, h: Uint8Array): void {
  const { flow } = w;
  const [mark, priority] = [get32(flow, K.pktMark.offset), get32(flow, K.skbPriority.offset)];
  flow.fill(0, K.recircId.offset, DP_KEY_BYTES);
  put32(flow, K.pktMark.offset, mark);
  put32(flow, K.skbPriority.offset, priority);
  flow.set(h.subarray(0, 12), K.ethDst.offset);
  flow.set(h.subarray(12, 14), K.ethType.offset);
  const v6 = get16(h, 12) === ETH_TYPE.ipv6;
  if (v6) {
    flow.set(h.subarray(22, 54), K.ipv6Src.offset);
    flow[K.nwTos.offset] = (get16(h, 14) >> 4) & 0xff;
    flow[K.nwProto.offset] = h[20];
    flow[K.nwTtl.offset] = h[21];
  } else {
    flow.set(h.subarray(26, 34), K.nwSrc.offset);
    flow[K.nwTos.offset] = h[15];
    flow[K.nwTtl.offset] = h[22];
    flow[K.nwProto.offset] = h[23];
  }
  if (flow[K.nwProto.offset] === IP_PROTO.udp) put16(flow, K.tpDst.offset, get16(h, (v6 ? 54 : 34) + 2));
  w.base.set(flow);
  w.wasMpls = w.deepLabels = false;
}
