/**
 * Into tunnels and out of them.
 *
 * Out by a tunnel port: the header is made here, once for a flow, of the port's configuration and of what flows set; the datapath only puts it on. Then the
 * packet that this makes goes through the bridge that carries it, as if it came in by that bridge's local port. It is another packet: what is looked at there
 * is decided by the header, so it is no part of this flow's mask. Price: what differs from packet to packet (the UDP source port) is 0 there.
 *
 * In: a packet that goes to a local port may be a tunnel's, by protocol, address and port; it is taken apart in place of being sent there, and arrives
 * anew at the tunnel's datapath port. ARP and ND on their way to a local port tell link addresses of next hops.
 */

import type { DpAction, TunnelFit } from '../datapath/action.js';
import { formatMac } from '../lib/address.js';
import { get16, get32, getBig, isZero, put16, put32 } from '../lib/bytes.js';
import { DP_KEY_BYTES, FRAG, K, type Slot, TUN_FLAG } from '../packet/key.js';
import { ETH_TYPE, IP_PROTO } from '../packet/wire/wire.js';
import { carries, tunnelHeader } from '../tunnel/header.js';
import { ipText, neighborName } from '../tunnel/underlay.js';
import { apart } from './branch.js';
import { isIp } from './commit.js';
import { patch } from './output.js';
import type { PortView, TunnelView, UnderlayRoute } from './view.js';
import type { Walk } from './walk.js';

const ECN = { mask: 3, ce: 3, ect0: 2 } as const;
const hasIp = (key: Uint8Array): boolean => isIp(get16(key, K.ethType.offset));

function look(w: Walk, s: Slot): void {
  w.mask.fill(0xff, s.offset, s.offset + s.bytes);
}

const bytes = (key: Uint8Array, s: Slot): Uint8Array => key.slice(s.offset, s.offset + s.bytes);

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
  const header = tunnelHeader(config, {
    dstMac,
    srcMac,
    src: route.source,
    dst: to,
    tos: tosOf(w, config),
    ttl: ttlOf(w, config),
    tunId: idOf(w, config),
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
  const left = w.sent;
  w.sent = sent || left;
  if (!left) return;
  const out = through?.port.vport ?? route.hostVport;
  const kind = config.kind === 'gre' && to.length === 16 ? 'ip6gre' : config.kind;
  const fit = fitOf(w, route, rest, config);
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
  { df }: TunnelView['config'],
): TunnelFit | undefined {
  if (!route.through && !df) return undefined;
  const ports = route.through ? leastMtu(rest, (vport) => w.input.underlay?.mtuOf(vport) ?? 0) : ANY_MTU;
  const mtu = Math.min(ports, route.mtu || ANY_MTU);
  return mtu < ANY_MTU ? { mtu: Math.max(1, mtu), cut: !df } : undefined;
}

const ANY_MTU = 0xffff;
const ETH_HEADER = 14;

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

/** True: the packet was for a tunnel, and is not sent to this port. */
export function tunnelEnd(w: Walk, port: PortView): boolean {
  const { underlay } = w.input;
  if (!underlay?.active) return false;
  const own = underlay.macOf(port.name);
  if (!own) return false;
  snoop(w, port.name);
  const { flow } = w;
  const type = get16(flow, K.ethType.offset);
  if (!isIp(type) || flow[K.nwFrag.offset] & FRAG.any) return false;
  look(w, K.nwProto);
  const proto = flow[K.nwProto.offset];
  if (proto !== IP_PROTO.udp && proto !== IP_PROTO.gre) return false;
  look(w, K.ethDst);
  if (own.some((b, i) => b !== flow[K.ethDst.offset + i])) return false;
  const dst = type === ETH_TYPE.ipv4 ? K.nwDst : K.ipv6Dst;
  look(w, dst);
  if (!underlay.isLocal(port.name, bytes(flow, dst))) return false;
  if (!takeOff(w, proto)) return false;
  // Who sends through a tunnel is heard as well as who says where it is. Nothing is looked at for this: it needs no flow of its own, and this packet's
  // addresses are not those of the flow's others.
  const address = bytes(flow, type === ETH_TYPE.ipv4 ? K.nwSrc : K.ipv6Src);
  const mac = bytes(flow, K.ethSrc);
  w.effect({ kind: 'neighbor', bridge: underlay, device: port.name, address, mac, fleeting: true });
  return true;
}

function takeOff(w: Walk, proto: number): boolean {
  if (proto === IP_PROTO.udp) look(w, K.tpDst);
  const backer = w.input.underlay?.backer(proto, proto === IP_PROTO.udp ? get16(w.flow, K.tpDst.offset) : 0);
  if (!backer) return false;
  w.commit();
  w.out.push({ type: 'tnl_pop', port: backer.vport, tunnel: backer.format });
  w.sent = true;
  return true;
}

/** The host's stack has a packet for one of its ports. */
export function hostEnd(w: Walk): void {
  look(w, K.nwProto);
  if (!takeOff(w, w.flow[K.nwProto.offset])) w.reject('tunnel_port');
}

/** What ARP and neighbor advertisements say on their way to a local port. */
function snoop(w: Walk, device: string): void {
  const { flow, input } = w;
  const { underlay } = input;
  if (!underlay) return;
  const type = get16(flow, K.ethType.offset);
  const learn = (address: Slot, link: Slot): void => {
    look(w, address);
    look(w, link);
    const mac = bytes(flow, link);
    if (isZero(mac) || mac[0] & 1) return;
    w.effect({ kind: 'neighbor', bridge: underlay, device, address: bytes(flow, address), mac });
  };
  if (type === ETH_TYPE.arp) return learn(K.nwSrc, K.arpSha);
  if (type !== ETH_TYPE.ipv6) return;
  look(w, K.nwProto);
  if (flow[K.nwProto.offset] !== IP_PROTO.icmpv6 || flow[K.nwFrag.offset] & FRAG.any) return;
  look(w, K.tpSrc);
  // An advertisement: its target is who it tells of, and its link address stands where ARP has the target's.
  if (get16(flow, K.tpSrc.offset) === 136) learn(K.ndTarget, K.arpTha);
}

/** A packet came in by a tunnel port. One without an Ethernet header may be a frame without addresses to rules: those of such a port see nothing else. */
export function asFrame(w: Walk, { config }: TunnelView): void {
  if (config.layer === 'legacy_l3') put32(w.flow, K.packetType.offset, 0);
}

/**
 * A packet came in by a tunnel port. What told the port apart is looked at; congestion that the underlay reports goes into the packet. False: the packet
 * cannot carry the report, and is to be dropped.
 */
export function tunnelIn(w: Walk, port: PortView): boolean {
  for (const s of [K.tunId, K.tunSrc, K.tunDst]) look(w, s);
  if (isZero(w.flow, K.tunSrc.offset, K.tunDst.offset + 4)) for (const s of [K.tunIpv6Src, K.tunIpv6Dst]) look(w, s);
  w.mask[K.tunFlags.offset + 1] |= TUN_FLAG.dontFragment | TUN_FLAG.csum | TUN_FLAG.key;
  w.mask[K.tunTos.offset] |= ECN.mask;
  if (port.tallies) w.count(port.tallies.rx);
  const { flow } = w;
  if ((flow[K.tunTos.offset] & ECN.mask) !== ECN.ce || !hasIp(flow)) return true;
  w.mask[K.nwTos.offset] |= ECN.mask;
  if ((flow[K.nwTos.offset] & ECN.mask) === 0) {
    w.note(() => '>> dropping tunnel packet marked ECN CE but is not ECN capable');
    w.reject('tunnel_ecn');
    return false;
  }
  flow[K.nwTos.offset] |= ECN.ce;
  return true;
}
