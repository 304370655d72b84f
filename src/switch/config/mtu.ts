/**
 * Internal ports take over the smallest MTU of a bridge's other devices, as in OVS: what the host sends into the bridge fits wherever it goes. One with an
 * mtu_request keeps that; one whose MTU somebody set by hand keeps it until the smallest changes.
 */
import type { BridgePort } from '../../bridge/port.js';
import type { LinkStatus } from '../links.js';
import type { Made } from './apply.js';

export interface MtuDeps {
  link(port: BridgePort): LinkStatus | undefined;
  setMtu(port: BridgePort, mtu: number): void;
}

export class SmallestMtu {
  /** What a port was set to last. */
  private readonly given = new WeakMap<BridgePort, number>();

  constructor(private readonly deps: MtuDeps) {}

  look(all: Iterable<Made>): void {
    const smallest = new Map<string, number>();
    const followers: { readonly port: BridgePort; readonly bridge: string }[] = [];
    for (const { port, type, row, bridge } of all) {
      if (!port) continue;
      if (type === 'internal' || type === 'dummy-internal') {
        if (row.mtu_request === undefined) followers.push({ port, bridge: bridge.name });
        continue;
      }
      const mtu = this.deps.link(port)?.mtu ?? 0;
      if (mtu > 0) smallest.set(bridge.name, Math.min(mtu, smallest.get(bridge.name) ?? mtu));
    }
    for (const { port, bridge } of followers) {
      const mtu = smallest.get(bridge);
      if (mtu === undefined || this.given.get(port) === mtu) continue;
      this.given.set(port, mtu);
      if (this.deps.link(port)?.mtu !== mtu) this.deps.setMtu(port, mtu);
    }
  }
}
