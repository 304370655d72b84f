/** Two switches, each with a bridge for its hosts and one for the wire between them, joined by tunnels. */
import { parseIpv4, parseIpv6 } from '../../lib/address.js';
import { VirtualClock } from '../../lib/clock.js';
import { arpLayer, build, eth, ip4, payload, udpLayer } from '../../packet/build.js';
import { Switch, type SwitchBridge, type SwitchPort } from '../switch.js';

export interface Machine {
  readonly sw: Switch;
  readonly clock: VirtualClock;
  readonly host: SwitchPort;
  readonly wire: SwitchPort;
  /** The bridge of the wire, and its own port's address. */
  readonly phy: SwitchBridge;
  readonly local: Uint8Array;
}

export const ip = (text: string): Uint8Array => parseIpv4(text) ?? parseIpv6(text) ?? new Uint8Array(4);
export const ADDRESS = { a: '172.31.1.1', b: '172.31.1.2' } as const;

export function machine(
  datapath: 'native' | 'reference',
  own: string,
  other: string,
  options: Record<string, string>,
): Machine {
  const { type = 'vxlan', ...rest } = options;
  const clock = new VirtualClock();
  const sw = new Switch({ datapath, clock });
  // Addresses come from names: each machine has its own.
  const device = `phy-${own}`;
  const phy = sw.bridge(device);
  phy.addFlow('actions=NORMAL');
  const wire = phy.addPort('p1', { number: 1 });
  const int = sw.bridge('br-int');
  int.addFlow('in_port=1,actions=output:2');
  int.addFlow('in_port=2,actions=output:1');
  const host = int.addPort('h1', { number: 1 });
  int.addPort('t1', { type, number: 2, options: { remote_ip: other, ...rest } });
  const { underlay } = sw.core;
  underlay.addAddress(device, ip(own));
  const source = ip(own);
  underlay.routes.add({
    prefix: ip(other),
    length: source.length * 8,
    device,
    gateway: undefined,
    source,
    mark: 0,
    user: true,
    local: false,
  });
  const local = phy.bridge.portByName(device)?.hwAddr ?? new Uint8Array(6);
  return { sw, clock, host, wire, phy, local };
}

/** Two machines that know each other's link address. */
export function neighbors(
  datapath: 'native' | 'reference',
  options: Record<string, string>,
): readonly [Machine, Machine] {
  const a = machine(datapath, ADDRESS.a, ADDRESS.b, options);
  const b = machine(datapath, ADDRESS.b, ADDRESS.a, options);
  a.sw.core.underlay.neighbors.learn(a.phy.bridge.name, ip(ADDRESS.b), b.local, 0);
  b.sw.core.underlay.neighbors.learn(b.phy.bridge.name, ip(ADDRESS.a), a.local, 0);
  return [a, b];
}

/** Frames on the wire, both ways, until there are none. Returns them. */
export function carry(a: Machine, b: Machine): Uint8Array[] {
  const seen: Uint8Array[] = [];
  for (let quiet = false; !quiet; ) {
    a.sw.run();
    b.sw.run();
    const there = a.wire.received();
    const back = b.wire.received();
    for (const f of there) b.wire.send(f);
    for (const f of back) a.wire.send(f);
    seen.push(...there, ...back);
    quiet = there.length + back.length === 0;
  }
  return seen;
}

export const PING = build([
  eth({ dst: '02:00:00:00:00:0b', src: '02:00:00:00:00:0a' }),
  ip4({ src: '10.0.0.1', dst: '10.0.0.2' }),
  udpLayer({ src: 7, dst: 7 }),
  payload(new Uint8Array(30)),
]);
export const hex = (f: Uint8Array): string => Buffer.from(f).toString('hex');

/** The other end says where it is. */
export function answer(a: Machine, b: Machine): void {
  const frame = build([
    eth({ dst: a.local, src: b.local }),
    arpLayer({ op: 2, sha: b.local, spa: ADDRESS.b, tha: a.local, tpa: ADDRESS.a }),
  ]);
  b.phy.bridge.packetOut(frame, 0xfffffffe, [{ type: 'output', port: 1, maxLen: 0 }]);
}
