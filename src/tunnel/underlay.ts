/**
 * What carries tunnels: routes to their other ends, and link addresses of next hops. Both are tables that others fill: routes from the kernel or by
 * hand, neighbors from ARP and ND that passes. Who has looked something up is told of changes by `changed`.
 */
import { formatIpv4, formatIpv6 } from '../lib/address.js';
import { bytesEqual } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';

export interface Route {
  /** 4 or 16 bytes, and how many bits of them count. */
  readonly prefix: Uint8Array;
  readonly length: number;
  /** Name of the device by which it leaves. */
  readonly device: string;
  readonly gateway: Uint8Array | undefined;
  /** Source address, where one was found. */
  readonly source: Uint8Array | undefined;
  readonly mark: number;
  /** Put in by hand. */
  readonly user: boolean;
  /** An address of this machine. */
  readonly local: boolean;
  /** L3 bytes of a packet: what the route itself says, and what its device takes, where they are known. */
  readonly mtu?: number;
  readonly linkMtu?: number;
}

export const ipText = (a: Uint8Array): string => (a.length === 4 ? formatIpv4(a) : formatIpv6(a));

function covers(r: Route, to: Uint8Array, mark: number): boolean {
  if (r.prefix.length !== to.length || r.mark !== mark) return false;
  const whole = r.length >> 3;
  for (let i = 0; i < whole; i++) if (r.prefix[i] !== to[i]) return false;
  const rest = r.length & 7;
  return rest === 0 || ((r.prefix[whole] ^ to[whole]) & (0xff00 >> rest) & 0xff) === 0;
}

/** Routes put in by hand. The kernel's stay with the kernel, which is asked: its table may be large, and its rules have a say. */
export class Routes {
  private routes: Route[] = [];
  /** Some are for packets with a mark only. */
  marksMatter = false;

  constructor(private readonly told: () => void) {}

  private set(routes: readonly Route[]): void {
    this.routes = inOrder(routes);
    this.marksMatter = routes.some((r) => r.mark !== 0);
    this.told();
  }

  all(): readonly Route[] {
    return this.routes;
  }

  /** Replaces an entry of the same prefix and mark. */
  add(route: Route): void {
    const { prefix, length, mark } = route;
    this.set([...this.routes.filter((r) => !isFor(r, prefix, length, mark)), route]);
  }

  /** Throws UserError when there is no such entry. */
  remove(prefix: Uint8Array, length: number, mark: number): void {
    const rest = this.routes.filter((r) => !isFor(r, prefix, length, mark));
    if (rest.length === this.routes.length) throw new UserError('Not found');
    this.set(rest);
  }

  /** A packet with a mark takes none without. */
  lookup(to: Uint8Array, mark: number): Route | undefined {
    return this.routes.find((r) => covers(r, to, mark));
  }
}

/** The longest first, as IPv6 addresses; by hand before the kernel's. */
export function inOrder(routes: readonly Route[]): Route[] {
  const bits = (r: Route): number => r.length + 128 - 8 * r.prefix.length;
  return [...routes].sort((a, b) => bits(b) - bits(a) || Number(b.user) - Number(a.user));
}

const isFor = (r: Route, prefix: Uint8Array, length: number, mark: number): boolean =>
  r.length === length && r.mark === mark && bytesEqual(r.prefix, prefix);

const sameAddress = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && bytesEqual(a, b));

/** Does a packet go the same way? */
export function sameWay(a: Route | undefined, b: Route | undefined): boolean {
  if (!a || !b) return a === b;
  return (
    a.device === b.device &&
    a.local === b.local &&
    a.mtu === b.mtu &&
    a.linkMtu === b.linkMtu &&
    sameAddress(a.gateway, b.gateway) &&
    sameAddress(a.source, b.source)
  );
}

export interface Neighbor {
  readonly device: string;
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** Milliseconds of the switch's clock. */
  until: number;
}

/** As long as Open vSwitch keeps one. */
export const NEIGHBOR_AGING_MS = 900_000;
/** A network of ours has thousands at most; who lies about its address in each packet brings more. */
export const MAX_NEIGHBORS = 8192;
/** Requests for one address are at least so far apart. */
const REQUEST_MS = 1000;

/** How a next hop is named, by the device that leads to it. */
export const neighborName = (device: string, address: Uint8Array): string => `${device} ${ipText(address)}`;

export class Neighbors {
  agingMs = NEIGHBOR_AGING_MS;
  /** Those heard of or used last come last. */
  private readonly entries = new Map<string, Neighbor>();
  private readonly asked = new Map<string, number>();

  /** `changed` hears of each next hop that has another link address, or none any more. */
  constructor(private readonly changed: (name: string) => void) {}

  all(): Iterable<Neighbor> {
    return this.entries.values();
  }

  lookup(device: string, address: Uint8Array): Uint8Array | undefined {
    return this.entries.get(neighborName(device, address))?.mac;
  }

  /** True: it was not known, or was another. `fleeting`: nobody asked, and it is only a packet's word; then it takes nobody's place. */
  learn(device: string, address: Uint8Array, mac: Uint8Array, now: number, fleeting = false): boolean {
    const name = neighborName(device, address);
    const before = this.entries.get(name);
    if (before) this.entries.delete(name);
    else if (this.entries.size >= MAX_NEIGHBORS) {
      if (fleeting) return false;
      for (const [oldest] of this.entries) {
        this.forget(oldest);
        break;
      }
    }
    this.entries.set(name, { device, address: address.slice(), mac: mac.slice(), until: now + this.agingMs });
    this.asked.delete(name);
    const isNew = before === undefined || !bytesEqual(before.mac, mac);
    if (isNew) this.changed(name);
    return isNew;
  }

  /** Who is sent to stays known, as by Open vSwitch: when it moves it says so. */
  used(device: string, address: Uint8Array, now: number): void {
    const name = neighborName(device, address);
    const entry = this.entries.get(name);
    if (!entry) return;
    entry.until = Math.max(entry.until, now + this.agingMs);
    this.entries.delete(name);
    this.entries.set(name, entry);
  }

  /** May one ask for this address now? Notes that somebody does. */
  mayAsk(device: string, address: Uint8Array, now: number): boolean {
    const name = neighborName(device, address);
    const last = this.asked.get(name);
    if (last !== undefined && now - last < REQUEST_MS) return false;
    this.asked.set(name, now);
    return true;
  }

  flush(device?: string): void {
    for (const [name, e] of this.entries) if (device === undefined || e.device === device) this.forget(name);
  }

  expire(now: number): void {
    for (const [name, e] of this.entries) if (e.until <= now) this.forget(name);
    for (const [name, at] of this.asked) if (now - at > 10 * REQUEST_MS) this.asked.delete(name);
  }

  private forget(name: string): void {
    this.entries.delete(name);
    this.changed(name);
  }
}
