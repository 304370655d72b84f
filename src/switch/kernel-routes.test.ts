/** The kernel's table of routes as tools are told it, and whom a route by hand is sent from; tables of Open vSwitch 3.1 for the same routes and addresses. */
import t from 'tap';
import type { KernelRoute } from '../datapath/native.js';
import { parseIpv4, parseIpv6 } from '../lib/address.js';
import { ipText } from '../tunnel/underlay.js';
import { KernelRoutes } from './kernel-routes.js';
import { Switch } from './switch.js';

const ip = (text: string): Uint8Array => parseIpv4(text) ?? parseIpv6(text) ?? new Uint8Array();

function route(text: string, device: string, more: { gateway?: string; source?: string; priority?: number } = {}) {
  const [prefix, length] = text.split('/');
  const { gateway, source, priority = 0 } = more;
  const made: KernelRoute = { prefix: ip(prefix), length: Number(length), device, local: false, priority, mtu: 0 };
  return { ...made, ...(gateway && { gateway: ip(gateway) }), ...(source && { source: ip(source) }) };
}

const ROUTES: KernelRoute[] = [
  { ...route('10.9.0.1/32', 'v2', { source: '10.9.0.1' }), local: true },
  route('10.9.0.0/24', 'v2', { source: '10.9.0.1' }),
  route('10.10.0.0/16', 'v2', { gateway: '10.9.0.2' }),
  route('10.11.0.0/16', 'v2', { gateway: '10.9.0.4', priority: 50 }),
  route('10.11.0.0/16', 'v2', { gateway: '10.9.0.3' }),
  route('10.98.0.0/16', 'v2'),
  route('0.0.0.0/0', 'v2', { gateway: '10.9.0.9' }),
  route('fd11::/64', 'v2', { gateway: 'fe80::1', priority: 1024 }),
  route('fd12::/64', 'v2', { priority: 256 }),
];
const ADDRESSES = [
  { device: 'v2', address: ip('10.9.0.1'), length: 24 },
  { device: 'v2', address: ip('fd12::1'), length: 64 },
  { device: 'v2', address: ip('fe80::ff:fe00:2'), length: 64 },
  { device: 'br0', address: ip('10.44.0.1'), length: 24 },
  { device: 'br0', address: ip('10.44.0.129'), length: 25 },
];

class Quiet {
  changed(): boolean {
    return false;
  }
}

t.test('while there is no tunnel, too', (t) => {
  const sw = new Switch();
  t.teardown(() => sw.close());
  const { underlay } = sw.core;
  const kernel = {
    kernelRoutes: () => ROUTES,
    kernelAddresses: () => ADDRESSES,
    kernelRoute: () => undefined,
    RouteWatch: Quiet,
  };
  new KernelRoutes(kernel, underlay);
  t.strictSame(
    underlay.table().map((r) => {
      const gateway = r.gateway ? ` GW ${ipText(r.gateway)}` : '';
      return `${ipText(r.prefix)}/${r.length} dev ${r.device}${gateway} SRC ${r.source && ipText(r.source)}${r.local ? ' local' : ''}`;
    }),
    [
      '10.9.0.1/32 dev v2 SRC 10.9.0.1 local',
      '10.9.0.0/24 dev v2 SRC 10.9.0.1',
      '10.10.0.0/16 dev v2 GW 10.9.0.2 SRC 10.9.0.1',
      '10.11.0.0/16 dev v2 GW 10.9.0.3 SRC 10.9.0.1',
      '0.0.0.0/0 dev v2 GW 10.9.0.9 SRC 10.9.0.1',
      'fd11::/64 dev v2 GW fe80::1 SRC fe80::ff:fe00:2',
      'fd12::/64 dev v2 SRC fd12::1',
    ],
    'one for each prefix, each with its source, without those that have none',
  );
  for (const [device, to, source] of [
    ['br0', '172.16.0.0', undefined],
    ['br0', '10.44.0.7', '10.44.0.1'],
    ['br0', '10.44.0.200', '10.44.0.129'],
    ['br0', '10.45.0.7', undefined],
    ['v2', 'fd12::5', 'fd12::1'],
    ['v2', 'fd13::5', undefined],
    ['v9', '10.9.0.7', undefined],
  ] as const) {
    const found = underlay.neighborSource(device, ip(to));
    t.equal(found && ipText(found), source, `${device} to ${to}`);
  }
  t.end();
});
