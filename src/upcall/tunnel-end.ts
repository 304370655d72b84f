/**
 * Out of tunnels: a packet that goes to a local port may be a tunnel's, by protocol, address and port; it is taken apart in place of being sent there, and
 * arrives anew at the tunnel's datapath port. ARP and ND on their way to a local port tell link addresses of next hops.
 */
import { get16, isZero, put32 } from '../lib/bytes.js';
import { FRAG, K, type Slot, TUN_FLAG } from '../packet/key.js';
import { ETH_TYPE, IP_PROTO } from '../packet/wire/wire.js';
import { isIp } from './commit.js';
import type { PortView, TunnelView } from './view.js';
import type { Walk } from './walk.js';

export const ECN = { mask: 3, ce: 3, ect0: 2 } as const;
export const hasIp = (key: Uint8Array): boolean => isIp(get16(key, K.ethType.offset));

export function look(w: Walk, s: Slot): void {
  w.mask.fill(0xff, s.offset, s.offset + s.bytes);
}

export const bytes = (key: Uint8Array, s: Slot): Uint8Array => key.slice(s.offset, s.offset + s.bytes);

/** True: the packet was for a tunnel, and is not sent to this port. */
export function tunnelEnd(w: Walk, port: PortView): boolean {
  const { underlay } = w.input;
  if (!underlay?.active) return false;
  const own = underlay.macOf(port.name);
  if (!own) return false;
  w.standsAlone();
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
