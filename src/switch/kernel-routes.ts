/**
 * The kernel's routes and addresses, for tunnels. Addresses are read again when the kernel says that something changed; nothing is read while there is no
 * tunnel. Which way a packet goes is the kernel's own answer, by all its rules; its table is for people, and read when they ask.
 */
import type { KernelRoute, NativeAddon } from '../datapath/native.js';
import type { Route } from '../tunnel/underlay.js';
import { KERNEL_DEVICES } from './devices.js';
import { inNetwork, type Underlay } from './underlay.js';

export type Kernel = Pick<NativeAddon, 'kernelRoutes' | 'kernelAddresses' | 'kernelRoute' | 'RouteWatch'>;

function routeOf(r: KernelRoute): Route {
  const { prefix, length, device, gateway, source, local, mtu } = r;
  return { prefix, length, device, gateway, source, mark: 0, user: false, local, mtu };
}

type Addresses = ReturnType<Kernel['kernelAddresses']>;

/** The address of a device from which it would send to somebody in its own network. */
function sourceIn(all: Addresses, device: string, to: Uint8Array): Uint8Array | undefined {
  const own = all.filter((a) => a.device === device && inNetwork(a.address, to, a.length));
  return own.sort((a, b) => b.length - a.length)[0]?.address;
}

/** As Open vSwitch tells it: one for each prefix, the one that counts, and none that has nobody to send from. */
function tableOf(routes: readonly KernelRoute[], addresses: Addresses): Route[] {
  const best = new Map<string, KernelRoute>();
  for (const r of routes) {
    const name = `${r.prefix}/${r.length}`;
    const other = best.get(name);
    if (!other || r.priority < other.priority) best.set(name, r);
  }
  return [...best.values()].flatMap((r) => {
    const source = r.source ?? sourceIn(addresses, r.device, r.gateway ?? r.prefix);
    return source ? [{ ...routeOf(r), source }] : [];
  });
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
      table: () => tableOf(kernel.kernelRoutes(), kernel.kernelAddresses()),
      source: (device, to) => sourceIn(kernel.kernelAddresses(), device, to),
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
