/**
 * What carries tunnels: which bridge's port a route leaves by, the tables of routes, own addresses and neighbors, the backers of tunnel ports, and the
 * asking for link addresses. Translations see it as an UnderlayView.
 */
import type { Bridge } from '../bridge/bridge.js';
import type { BridgePort } from '../bridge/port.js';
import { isGre, type TunnelFormat, type TunnelOptionPlace } from '../datapath/action.js';
import { OFPP } from '../flow/field.js';
import { prefixMask } from '../lib/address.js';
import { bytesEqual } from '../lib/bytes.js';
import { arpLayer, build, eth, ip6, ndLayer } from '../packet/build.js';
import { ARP_OP } from '../packet/wire/arp.js';
import { ND_OPTION } from '../packet/wire/nd.js';
import type { TunnelConfig } from '../tunnel/config.js';
import { TunnelPorts } from '../tunnel/ports.js';
import { inOrder, ipText, Neighbors, type Route, Routes, sameWay } from '../tunnel/underlay.js';
import { type Arrival, PORT_STATE, type SideEffect, type UnderlayRoute, type UnderlayView } from '../upcall/view.js';
import { type Backer, Backers } from './backers.js';

export interface TunnelAttached {
  readonly name: string;
  readonly config: TunnelConfig;
  readonly vport: number;
  readonly bridge: Bridge;
  readonly port: BridgePort;
}

export type Narrow = Extract<SideEffect, { kind: 'narrow' }>;

export function narrowText({ tunnel, mtu, room, vport }: Narrow, port = `port ${vport}`): string {
  return `${tunnel}: packets from ${port} may have ${mtu} bytes, but only ${room} fit with the tunnel's header: lower its MTU, or raise that of the network`;
}

export interface UnderlayDeps {
  /** A bridge's port by the name of its device. */
  port(name: string): { readonly bridge: Bridge; readonly port: BridgePort } | undefined;
  /** Flows may depend on what changed. */
  changed(): void;
  /** A next hop has another link address, or none any more; by neighborName. */
  neighborChanged(name: string): void;
  /** Something waits for `flush`. */
  wanted(): void;
  /** Packets of a port may be longer than fits through a tunnel; told once for each two. */
  narrow?(e: Narrow): void;
}

/** Answers of the kernel that are kept. */
const MAX_WAYS = 65536;
/** So many are asked for again when the kernel's tables change (some 10 microseconds each); of more, all are taken as changed. */
const MAX_ASKED = 1024;
/** Warnings about packets that do not fit. */
const MAX_NARROWS = 256;
/** The end of a word of what the host's stack listens to: without it where another program has the port. */
const IF_POSSIBLE = '?';
const MULTICAST = 'ff:ff:ff:ff:ff:ff';
const UNKNOWN = '00:00:00:00:00:00';

/** Where packets go that none of ours tells the way: the kernel's own tables. */
export interface KernelWays {
  way(to: Uint8Array, mark: number): Route | undefined;
  table(): Route[];
  /** The address of a device in the network of whom it sends to. */
  source(device: string, to: Uint8Array): Uint8Array | undefined;
}

/** An answer of the kernel. */
interface Way {
  readonly to: Uint8Array;
  readonly mark: number;
  route: Route | undefined;
}

export class Underlay implements UnderlayView {
  readonly routes: Routes;
  readonly neighbors: Neighbors;
  readonly tunnels = new TunnelPorts<TunnelAttached>();
  readonly backers = new Backers(this.tunnels);
  /** Grows when some tunnel may leave by another way than before. */
  changes = 0;
  /** Own addresses by device: the kernel's, and those given by hand. */
  private kernelAddresses: ReadonlyMap<string, readonly Uint8Array[]> = new Map();
  private readonly given = new Map<string, { readonly address: Uint8Array; readonly length: number }[]>();
  /** Whom to ask for the way of a packet, and for all there are. */
  kernel: KernelWays | undefined;
  /** What it answered. */
  private readonly ways = new Map<string, Way>();
  private requests: UnderlayRoute[] = [];
  /** Of datapath ports whose devices say so: L3 bytes. */
  readonly mtus = new Map<number, number>();
  /** What was said of packets that do not fit. */
  private readonly narrows = new Set<string>();
  /** Vport that sends through the host's own stack; 0: there is none. */
  hostVport = 0;

  constructor(private readonly deps: UnderlayDeps) {
    this.routes = new Routes(() => this.changed());
    this.neighbors = new Neighbors((name) => deps.neighborChanged(name));
  }

  private changed(): void {
    this.changes++;
    this.deps.changed();
  }

  get active(): boolean {
    return this.backers.size > 0;
  }

  get marksMatter(): boolean {
    return this.routes.marksMatter;
  }

  // Devices and addresses

  private addressesOf(device: string): readonly Uint8Array[] {
    return [...(this.given.get(device) ?? []).map((g) => g.address), ...(this.kernelAddresses.get(device) ?? [])];
  }

  /** An address that the kernel does not know of; the first `length` bits are its network's. */
  addAddress(device: string, address: Uint8Array, length = 0): void {
    this.given.set(device, [...(this.given.get(device) ?? []), { address: address.slice(), length }]);
    this.changed();
  }

  /** The kernel's tables are not what they were; its addresses, all of them anew. Flows are touched only when something that they used is another. */
  kernelChanged(addresses: ReadonlyMap<string, readonly Uint8Array[]>): void {
    const isSame = sameAddresses(this.kernelAddresses, addresses);
    this.kernelAddresses = addresses;
    if (this.ways.size > MAX_ASKED) this.ways.clear();
    else if (this.askAgain() && isSame) return;
    this.changed();
  }

  /** True: the kernel says of all ways what it said before. */
  private askAgain(): boolean {
    let isSame = true;
    for (const w of this.ways.values()) {
      const route = this.kernel?.way(w.to, w.mark);
      isSame &&= sameWay(w.route, route);
      w.route = route;
    }
    return isSame;
  }

  isLocal(device: string, address: Uint8Array): boolean {
    return this.addressesOf(device).some((a) => bytesEqual(a, address));
  }

  macOf(device: string): Uint8Array | undefined {
    return this.addressesOf(device).length > 0 ? this.deps.port(device)?.port.hwAddr : undefined;
  }

  /** Devices of ours, with their addresses. */
  *locals(): Iterable<{ readonly mac: Uint8Array; readonly addresses: readonly Uint8Array[] }> {
    for (const device of new Set([...this.given.keys(), ...this.kernelAddresses.keys()])) {
      const mac = this.macOf(device);
      if (mac) yield { mac, addresses: this.addressesOf(device) };
    }
  }

  /** The address from which a device would send to somebody in its own network. */
  neighborSource(device: string, to: Uint8Array): Uint8Array | undefined {
    const given = this.given.get(device) ?? [];
    const known = given.find(({ address, length }) => inNetwork(address, to, length));
    if (known) return known.address;
    return given.some((g) => g.address.length === to.length) ? undefined : this.kernel?.source(device, to);
  }

  /** The address that a device would send from: one of the network of whom it sends to, where there is one. */
  sourceFor(device: string, to: Uint8Array): Uint8Array | undefined {
    const own = this.addressesOf(device).filter((a) => a.length === to.length);
    const common = (a: Uint8Array): number => a.findIndex((b, i) => b !== to[i]);
    return own.sort((a, b) => common(b) - common(a))[0];
  }

  /** The way to an address: by hand, else the kernel's. */
  way(to: Uint8Array, mark: number): Route | undefined {
    const user = this.routes.lookup(to, mark);
    if (user || !this.kernel) return user;
    const name = `${ipText(to)} ${mark}`;
    const known = this.ways.get(name);
    if (known) return known.route;
    if (this.ways.size >= MAX_WAYS) this.ways.clear();
    const route = this.kernel.way(to, mark);
    this.ways.set(name, { to: to.slice(), mark, route });
    return route;
  }

  /** All routes there are, in the order in which they count. */
  table(): Route[] {
    return inOrder([...this.routes.all(), ...(this.kernel?.table() ?? [])]);
  }

  route(to: Uint8Array, mark: number): UnderlayRoute | undefined {
    const r = this.way(to, mark);
    if (!r || r.local) return undefined;
    const at = this.deps.port(r.device);
    const source = r.source ?? this.sourceFor(r.device, r.gateway ?? to);
    if (!source || (!at && this.hostVport === 0)) return undefined;
    const through = at && { ...at, mac: at.port.hwAddr };
    const mtu = r.mtu || (at ? 0 : (r.linkMtu ?? 0));
    return { device: r.device, source, nextHop: r.gateway ?? to, through, hostVport: this.hostVport, mtu };
  }

  mtuOf(vport: number): number {
    return this.mtus.get(vport) ?? 0;
  }

  setMtu(vport: number, mtu: number): void {
    this.mtus.set(vport, mtu);
    if (this.active) this.deps.changed();
  }

  neighbor(device: string, address: Uint8Array): Uint8Array | undefined {
    return this.neighbors.lookup(device, address);
  }

  // Backers

  backer(proto: number, dstPort: number): { vport: number; format: TunnelFormat } | undefined {
    const b = this.backers.of(proto, dstPort);
    return b && { vport: b.vport, format: this.backers.formatOf(b) };
  }

  /** The Geneve options that packets of a datapath port may have in their keys. */
  optionsOf(vport: number): readonly TunnelOptionPlace[] {
    const b = this.backers.at(vport);
    return b ? this.backers.formatOf(b).options : [];
  }

  /** What the host's stack is to listen to, as the port of kind 'host' takes it. */
  get listens(): string {
    const wanted = new Set<string>();
    for (const { config } of this.tunnels.all()) {
      const word = this.listensFor(config);
      if (word !== undefined) wanted.add(word);
    }
    return [...wanted]
      .filter((word) => !wanted.has(word.replace(IF_POSSIBLE, '')) || !word.endsWith(IF_POSSIBLE))
      .sort()
      .join(',');
  }

  /**
   * The part of it that one tunnel asks for. One that a bridge of ours carries wants it for fragments only: they go to the bridge's local port like all that
   * is not a tunnel's, the kernel puts them together, and the whole comes back here. Price: what comes in by devices of no bridge is taken as well.
   */
  listensFor(config: TunnelConfig): string | undefined {
    const word = isGre(config.kind) ? 'gre' : `udp:${config.dstPort}`;
    const { remote, egressMark } = config;
    if (remote === 'flow') return word;
    const way = this.way(remote, egressMark ?? 0);
    if (!way || way.local) return undefined;
    if (!this.deps.port(way.device)) return word;
    return this.kernelAddresses.has(way.device) ? word + IF_POSSIBLE : undefined;
  }

  /** Where a packet came in that came by none of the bridges' own ports. */
  arrival(vport: number, key: Uint8Array): Arrival | undefined {
    if (vport !== this.hostVport || vport === 0) return this.tunnels.find(vport, key) ?? this.otherGre(vport, key);
    for (const { bridge } of this.tunnels.all()) return { bridge, port: { number: OFPP.none }, host: true };
    return undefined;
  }

  /** GRE says nothing by which packets for ports of type gre and of type ip6gre could be told apart: what is not the one's may be the other's. */
  private otherGre(vport: number, key: Uint8Array): TunnelAttached | undefined {
    const others = [...this.backers.values()].filter((b) => b.dstPort === 0 && b.vport !== vport);
    return this.backers.at(vport)?.dstPort === 0 ? this.tunnels.find(others[0]?.vport ?? 0, key) : undefined;
  }

  isBacker(vport: number): boolean {
    return this.backers.at(vport) !== undefined;
  }

  /** Where packets of a tunnel leave; undefined when flows say so, or there is no way. `byHost`: through the host's own stack. */
  egress({ remote, egressMark }: TunnelConfig): { device: string; up: boolean; byHost: boolean } | undefined {
    if (remote === 'flow') return undefined;
    const way = this.way(remote, egressMark ?? 0);
    if (!way) return undefined;
    const at = this.deps.port(way.device);
    return {
      device: way.device,
      up: at === undefined || (at.port.state & PORT_STATE.linkDown) === 0,
      byHost: at === undefined,
    };
  }

  /** The backer of a configuration: the one there is, or one that `open` makes. */
  take(config: TunnelConfig, open: (name: string) => number): Backer {
    return this.backers.take(config, (name) => {
      this.changed();
      return open(name);
    });
  }

  /** One user less; the backer is returned when it was the last. */
  leave(vport: number): Backer | undefined {
    const gone = this.backers.leave(vport);
    if (gone) this.changed();
    return gone;
  }

  // What translations ask for

  apply(e: SideEffect, now: number): void {
    if (e.kind === 'neighbor') this.neighbors.learn(e.device, e.address, e.mac, now, e.fleeting);
    else if (e.kind === 'neighbor_used') this.neighbors.used(e.device, e.address, now);
    else if (e.kind === 'narrow') this.narrow(e);
    else if (e.kind === 'solicit' && this.neighbors.mayAsk(e.route.device, e.route.nextHop, now)) {
      this.requests.push(e.route);
      this.deps.wanted();
    }
  }

  private narrow(e: Narrow): void {
    const what = `${e.tunnel} ${e.room} ${e.vport} ${e.mtu}`;
    if (this.narrows.has(what) || this.narrows.size >= MAX_NARROWS) return;
    this.narrows.add(what);
    this.deps.narrow?.(e);
  }

  /** Sends the requests for link addresses that wait. Not within a translation. */
  flush(): void {
    const { requests } = this;
    this.requests = [];
    for (const { through, source, nextHop } of requests) {
      if (!through) continue;
      const at = this.deps.port(through.port.name);
      if (!at) continue;
      const frame =
        nextHop.length === 4
          ? arpRequest(at.port.hwAddr, source, nextHop)
          : solicitation(at.port.hwAddr, source, nextHop);
      at.bridge.packetOut(frame, at.port.number, [{ type: 'output', port: OFPP.table, maxLen: 0 }]);
    }
  }
}

function sameAddresses(
  a: ReadonlyMap<string, readonly Uint8Array[]>,
  b: ReadonlyMap<string, readonly Uint8Array[]>,
): boolean {
  if (a.size !== b.size) return false;
  for (const [device, all] of a) {
    const others = b.get(device);
    if (others?.length !== all.length || !all.every((x, i) => bytesEqual(x, others[i]))) return false;
  }
  return true;
}

export function inNetwork(a: Uint8Array, b: Uint8Array, length: number): boolean {
  const mask = prefixMask(length, a.length);
  return a.length === b.length && a.every((x, i) => ((x ^ b[i]) & mask[i]) === 0);
}

function arpRequest(mac: Uint8Array, source: Uint8Array, target: Uint8Array): Uint8Array {
  return build([
    eth({ dst: MULTICAST, src: mac }),
    arpLayer({ op: ARP_OP.request, sha: mac, spa: source, tha: UNKNOWN, tpa: target }),
  ]);
}

/** RFC 4861: to the solicited-node multicast address of who is looked for. */
function solicitation(mac: Uint8Array, source: Uint8Array, target: Uint8Array): Uint8Array {
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...target.subarray(13));
  return build([
    eth({ dst: Uint8Array.of(0x33, 0x33, ...group.subarray(12)), src: mac }),
    ip6({ src: source, dst: group, hopLimit: 255 }),
    ndLayer({ type: 135, reserved: 0, target, options: [{ type: ND_OPTION.sourceLink, body: mac }] }),
  ]);
}
