/** Ports of the reference datapath and their accounting. */
import { UserError } from '../../lib/errors.js';
import type { Offload, PortCounters } from '../datapath.js';
import { DROP, DROP_REASONS } from '../drop-reasons.js';
import type { PortConfig } from '../native.js';
import type { UpcallBucket } from './buckets.js';
import { ETH_HEADER, isVlan, u16 } from './headers.js';

export interface Port {
  readonly config: PortConfig;
  up: boolean;
  mtu: number;
  upcalls: UpcallBucket | undefined;
  /** Packets that went into the tunnel. */
  tunnelled: number;
  /** Frames that were injected and not yet looked at. */
  readonly arrived: { readonly frame: Uint8Array; readonly offload: Offload }[];
}

const noCounters = (): PortCounters => ({
  rx_packets: 0,
  rx_bytes: 0,
  tx_packets: 0,
  tx_bytes: 0,
  forwarded: 0,
  held: 0,
  rx_errors: 0,
  tx_dropped: 0,
  tnl_fragments: 0,
  tnl_too_big: 0,
  drops: DROP_REASONS.map(() => 0),
});

export class Ports {
  private readonly ports = new Map<number, Port>();
  /** Blocks outlive ports: packets that wait are still counted. Block 0 is the switch itself. */
  private readonly blocks = new Map<number, PortCounters>([[0, noCounters()]]);

  add(vport: number, config: PortConfig): void {
    if (vport === 0) throw new UserError('datapath port 0 is the switch itself');
    if (this.ports.has(vport)) throw new UserError(`datapath port ${vport} exists already`);
    if (config.kind !== 'memory' && config.kind !== 'null' && config.kind !== 'tunnel') {
      throw new UserError(`the reference datapath has no ports of kind ${config.kind}, only memory, null and tunnel`);
    }
    this.ports.set(vport, { config, up: true, mtu: config.mtu, upcalls: undefined, tunnelled: 0, arrived: [] });
    if (!this.blocks.get(vport)?.held) this.blocks.set(vport, noCounters());
  }

  /** Frames that nobody looked at are lost with it; they were never counted. */
  remove(vport: number): void {
    this.get(vport);
    this.ports.delete(vport);
  }

  find(vport: number): Port | undefined {
    return this.ports.get(vport);
  }

  get(vport: number): Port {
    const port = this.ports.get(vport);
    if (!port) throw new UserError(`datapath port ${vport} does not exist`);
    return port;
  }

  /** In the order in which they were added. */
  entries(): [number, Port][] {
    return [...this.ports];
  }

  /** The block that packets of a port are counted on; block 0 for a port that never was. */
  block(vport: number): PortCounters {
    return this.blocks.get(vport) ?? this.blocks.get(0)!;
  }

  /** 0, or why a frame cannot leave by the port. */
  refuses(vport: number, frame: Uint8Array, offload: Offload): number {
    const port = this.ports.get(vport);
    if (!port) return DROP.no_such_port;
    if (!port.up) return DROP.port_down;
    if (port.config.kind === 'tunnel') return DROP.tunnel_route;
    const { mtu } = port;
    return mtu !== 0 && offload.gsoType === 0 && frame.length - linkBytes(frame) > mtu ? DROP.mtu : 0;
  }
}

/** An Ethernet header and up to two tags: what an MTU does not count. */
function linkBytes(frame: Uint8Array): number {
  let at = 12;
  for (let n = 0; n < 2 && frame.length - at >= 6 && isVlan(u16(frame, at)); n++) at += 4;
  return at - 12 + ETH_HEADER;
}
