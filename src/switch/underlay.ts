/**
 * What carries tunnels: which bridge's port a route leaves by, the tables of routes, own addresses and neighbors, the backers of tunnel ports, and the
 * asking for link addresses. Translations see it as an UnderlayView.
 */
import type { Bridge } from '../bridge/bridge.js';
import type { BridgePort } from '../bridge/port.js';
import type { TunnelFormat } from '../datapath/action.js';
import { OFPP } from '../flow/field.js';
import { bytesEqual } from '../lib/bytes.js';
import { arpLayer, build, eth, ip6, ndLayer } from '../packet/build.js';
import { ARP_OP } from '../packet/wire/arp.js';
import { ND_OPTION } from '../packet/wire/nd.js';
import { IP_PROTO } from '../packet/wire/wire.js';
import type { TunnelConfig } from '../tunnel/config.js';
import { backerName, TunnelPorts } from '../tunnel/ports.js';
import { Neighbors, Routes } from '../tunnel/underlay.js';
import type { SideEffect, UnderlayRoute, UnderlayView } from '../upcall/view.js';

export interface TunnelAttached {
  readonly name: string;
  readonly config: TunnelConfig;
  readonly vport: number;
  readonly bridge: Bridge;
  readonly port: BridgePort;
}

/** A datapath port that tunnels of one type and UDP port share. */
export interface Backer {
  readonly name: string;
  readonly vport: number;
  readonly kind: TunnelConfig['kind'];
  readonly dstPort: number;
  users: number;
}

export interface UnderlayDeps {
  /** A bridge's port by the name of its device. */
  port(name: string): { readonly bridge: Bridge; readonly port: BridgePort } | undefined;
  /** Flows may depend on what changed. */
  changed(): void;
  /** Something waits for `flush`. */
  wanted(): void;
}

const MULTICAST = 'ff:ff:ff:ff:ff:ff';
const UNKNOWN = '00:00:00:00:00:00';

export class Underlay implements UnderlayView {
  readonly routes: Routes;
  readonly neighbors: Neighbors;
  readonly tunnels = new TunnelPorts<TunnelAttached>();
  readonly backers = new Map<string, Backer>();
  /** Own addresses by device. */
  private readonly addresses = new Map<string, Uint8Array[]>();
  private requests: UnderlayRoute[] = [];
  /** Vport that sends through the host's own stack; 0: there is none. */
  hostVport = 0;

  constructor(private readonly deps: UnderlayDeps) {
    this.routes = new Routes(() => deps.changed());
    this.neighbors = new Neighbors(() => deps.changed());
  }

  get active(): boolean {
    return this.backers.size > 0;
  }

  // Devices and addresses

  /** All addresses of a device, anew. */
  setAddresses(device: string, addresses: readonly Uint8Array[]): void {
    this.addresses.set(
      device,
      addresses.map((a) => a.slice()),
    );
    this.deps.changed();
  }

  addAddress(device: string, address: Uint8Array): void {
    this.setAddresses(device, [...(this.addresses.get(device) ?? []), address]);
  }

  isLocal(device: string, address: Uint8Array): boolean {
    return this.addresses.get(device)?.some((a) => bytesEqual(a, address)) ?? false;
  }

  macOf(device: string): Uint8Array | undefined {
    return this.addresses.has(device) ? this.deps.port(device)?.port.hwAddr : undefined;
  }

  route(to: Uint8Array, mark: number): UnderlayRoute | undefined {
    const r = this.routes.lookup(to, mark);
    if (!r || r.local) return undefined;
    const at = this.deps.port(r.device);
    const source = r.source ?? this.addresses.get(r.device)?.find((a) => a.length === to.length);
    if (!source || (!at && this.hostVport === 0)) return undefined;
    const through = at && { ...at, mac: at.port.hwAddr };
    return { device: r.device, source, nextHop: r.gateway ?? to, through, hostVport: this.hostVport };
  }

  neighbor(device: string, address: Uint8Array): Uint8Array | undefined {
    return this.neighbors.lookup(device, address);
  }

  // Backers

  backer(proto: number, dstPort: number): { vport: number; format: TunnelFormat } | undefined {
    for (const b of this.backers.values()) {
      const gre = b.kind === 'gre' || b.kind === 'ip6gre';
      if (gre ? proto === IP_PROTO.gre : proto === IP_PROTO.udp && b.dstPort === dstPort) {
        return { vport: b.vport, format: this.formatOf(b) };
      }
    }
    return undefined;
  }

  isBacker(vport: number): boolean {
    for (const b of this.backers.values()) if (b.vport === vport) return true;
    return false;
  }

  backerOf(vport: number): Backer | undefined {
    for (const b of this.backers.values()) if (b.vport === vport) return b;
    return undefined;
  }

  /** What is taken off at a backer: what any of its tunnels asks for. */
  formatOf(b: Backer): TunnelFormat {
    let [gbp, gpe, bare] = [false, false, false];
    const options: TunnelFormat['options'][number][] = [];
    const bridges = new Set<Bridge>();
    for (const t of this.tunnels.all()) {
      if (t.vport !== b.vport) continue;
      gbp ||= t.config.gbp;
      gpe ||= t.config.gpe;
      bare ||= t.config.layer !== 'legacy_l2';
      bridges.add(t.bridge);
    }
    if (b.kind === 'geneve') for (const bridge of bridges) options.push(...bridge.tun.places());
    return { kind: b.kind, gbp, gpe, bare, options };
  }

  /** The backer of a configuration: the one there is, or one that `open` makes. */
  take(config: TunnelConfig, open: (name: string) => number): Backer {
    const name = backerName(config);
    let backer = this.backers.get(name);
    if (!backer) {
      backer = { name, vport: open(name), kind: config.kind, dstPort: config.dstPort, users: 0 };
      this.backers.set(name, backer);
      this.deps.changed();
    }
    backer.users++;
    return backer;
  }

  /** One user less; the backer is returned when it was the last. */
  leave(vport: number): Backer | undefined {
    const backer = this.backerOf(vport);
    if (!backer || --backer.users > 0) return undefined;
    this.backers.delete(backer.name);
    this.deps.changed();
    return backer;
  }

  // What translations ask for

  apply(e: SideEffect, now: number): void {
    if (e.kind === 'neighbor') this.neighbors.learn(e.device, e.address, e.mac, now);
    else if (e.kind === 'solicit' && this.neighbors.mayAsk(e.route.device, e.route.nextHop, now)) {
      this.requests.push(e.route);
      this.deps.wanted();
    }
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
