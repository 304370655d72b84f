/**
 * The kernel's routes and addresses, for tunnels. Addresses are read again when the kernel says that something changed; nothing is read while there is no
 * tunnel. Which way a packet goes is the kernel's own answer, by all its rules; its table is for people, and read when they ask.
 */
import type { KernelRoute, NativeAddon } from '../datapath/native.js';
import type { Route } from '../tunnel/underlay.js';
import { KERNEL_DEVICES } from './devices.js';
import type { Underlay } from './underlay.js';

export type Kernel = Pick<NativeAddon, 'kernelRoutes' | 'kernelAddresses' | 'kernelRoute' | 'RouteWatch'>;

function routeOf(r: KernelRoute): Route {
  const { prefix, length, device, gateway, source, local, mtu } = r;
  return { prefix, length, device, gateway, source, mark: 0, user: false, local, mtu };
}

export class KernelRoutes {
  private watch: { changed(): boolean } | undefined;

  constructor(
    private readonly kernel: Kernel,
    private readonly underlay: Underlay,
  ) {
    underlay.kernel = {
      way(to, mark) {
        const r = kernel.kernelRoute(to, mark);
        return r && { ...routeOf(r), linkMtu: KERNEL_DEVICES.info(r.device, '')?.mtu ?? 0 };
      },
      table: () => kernel.kernelRoutes().map(routeOf),
    };
  }

  /** To be called now and then: reads what changed. True: something did. */
  refresh(): boolean {
    if (!this.underlay.active) return false;
    this.watch ??= new this.kernel.RouteWatch();
    if (!this.watch.changed()) return false;
    const addresses = new Map<string, Uint8Array[]>();
    for (const { device, address } of this.kernel.kernelAddresses()) {
      addresses.set(device, [...(addresses.get(device) ?? []), address]);
    }
    this.underlay.kernelChanged(addresses);
    return true;
  }
}
