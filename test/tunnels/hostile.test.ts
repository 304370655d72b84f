// Packets of tunnels, most of them changed somewhere, into the native datapath: nothing breaks, every one is counted, and their flows go when nobody uses them.
// With a number: so many packets; with another: that seed. A million take half a minute.
import t from 'tap';
import { parseIpv4, parseIpv6 } from '../../src/lib/address.js';
import { VirtualClock } from '../../src/lib/clock.js';
import { Random } from '../../src/lib/random.js';
import { build, eth, ip4, payload, udpLayer } from '../../src/packet/build.js';
import { Switch, type SwitchPort } from '../../src/switch/switch.js';

const PACKETS = Number(process.argv[2] ?? 10_000);
const SEED = Number(process.argv[3] ?? 1);
const TIMEOUT_MS = 600_000;
/** Packets at once, and milliseconds from one time to the next: 16,000 packets a second, of which one in six or so needs a flow of its own. */
const BATCH = 16;
const BATCH_MS = 1;
/** Longer than a flow lives without packets. */
const QUIET_MS = 12_000;
const OURS = ['172.31.1.1', 'fd00::1'] as const;
const THEIRS = ['172.31.1.2', 'fd00::2'] as const;
const TUNNELS: readonly Record<string, string>[] = [
  { type: 'vxlan', key: '7' },
  { type: 'vxlan', key: 'flow', dst_port: '4790', exts: 'gbp' },
  { type: 'vxlan', key: 'flow', dst_port: '4791', exts: 'gpe' },
  { type: 'gre', key: '7', csum: 'true', seq: 'true' },
  { type: 'gre' },
  { type: 'geneve', key: '7' },
];
const ip = (text: string): Uint8Array => parseIpv4(text) ?? parseIpv6(text) ?? new Uint8Array(4);

/** Addresses come from the name of a device. A switch whose host sends into every tunnel by another UDP port. Tunnels of both families, to `other`. */
function machine(device: string, own: readonly string[], other: readonly string[], peerMac?: Uint8Array) {
  const sw = new Switch({ datapath: 'native', clock: new VirtualClock() });
  const phy = sw.bridge(device);
  phy.addFlow('actions=NORMAL');
  const wire = phy.addPort('p1', { number: 1 });
  const int = sw.bridge('br-int');
  const host = int.addPort('h1', { number: 1 });
  const { underlay } = sw.core;
  const local = phy.bridge.portByName(device)?.hwAddr ?? new Uint8Array(6);
  own.forEach((text, family) => {
    underlay.addAddress(device, ip(text));
    const prefix = ip(other[family]);
    const way = { device, gateway: undefined, source: ip(text), mark: 0, user: true, local: false };
    underlay.routes.add({ prefix, length: prefix.length * 8, ...way });
    underlay.neighbors.learn(device, prefix, peerMac ?? local, 0);
    TUNNELS.forEach(({ type = '', ...options }, i) => {
      const number = 10 + family * TUNNELS.length + i;
      int.addPort(`t${number}`, { type, number, options: { remote_ip: other[family], ...options } });
      int.addFlow(`in_port=1,udp,tp_dst=${number},actions=set_field:7->tun_id,output:${number}`);
    });
  });
  int.addFlow('priority=1,actions=output:1');
  return { sw, host, wire, local };
}

const inner = (number: number, bytes: number): Uint8Array =>
  build([
    eth({ dst: '02:00:00:00:00:0b', src: '02:00:00:00:00:0a' }),
    ip4({ src: '10.0.0.1', dst: '10.0.0.2' }),
    udpLayer({ src: 7, dst: number }),
    payload(new Uint8Array(bytes)),
  ]);

function mutate(f: Uint8Array, random: Random): Uint8Array {
  let out = f.slice();
  for (let n = random.below(4); n > 0; n--) {
    // The headers rather than what they carry, and the sum is mended now and then by leaving IPv4 alone.
    out[random.chance(0.3) ? random.below(out.length) : 14 + random.below(Math.min(90, out.length - 14))] =
      random.below(256);
  }
  if (random.chance(0.1)) out = out.slice(0, 14 + random.below(out.length - 13));
  if (random.chance(0.05)) out = Uint8Array.from([...out, ...random.bytes(random.below(60))]);
  return out;
}

const drain = (sw: Switch, port: SwitchPort, ms = 0): Uint8Array[] => {
  sw.advance(ms);
  return port.received();
};

t.test('hostile packets', { timeout: TIMEOUT_MS }, (t) => {
  const b = machine('phy-b', OURS, THEIRS);
  const a = machine('phy-a', THEIRS, OURS, b.local);
  t.teardown(() => [a, b].map((m) => m.sw.close()));
  const good: Uint8Array[] = [];
  const random = new Random(SEED);
  for (let i = 0; i < 2 * TUNNELS.length; i++) {
    const frame = inner(10 + i, 20 + random.below(100));
    a.host.send(frame);
    const [outer] = drain(a.sw, a.wire);
    if (!outer) {
      t.fail(`tunnel ${10 + i}: ${a.sw.dumpDatapathFlows()} ${JSON.stringify(a.sw.counters()['br-int'].h1.drops)}`);
      continue;
    }
    good.push(outer);
    b.wire.send(outer);
    t.same(drain(b.sw, b.host), [frame], `tunnel ${10 + i}, as it was sent`);
  }
  let delivered = 0;
  for (let n = 0; n < PACKETS; n++) {
    b.wire.send(mutate(random.pick(good), random));
    if (n % BATCH === BATCH - 1 || n + 1 === PACKETS) {
      delivered += drain(b.sw, b.host, BATCH_MS).length;
      b.wire.received();
    }
  }
  const { flows, counts } = b.sw.core.upcalls;
  t.comment(`${counts.misses} misses, ${flows.counts.installed} flows, ${flows.all.length} of them left`);
  drain(b.sw, b.host, QUIET_MS);
  t.equal(flows.all.length, 0, 'nobody uses a flow any more');
  t.ok(delivered > PACKETS / 20 && delivered < PACKETS, `${delivered} of ${PACKETS} came through`);
  const counters = b.sw.counters();
  let [received, drops] = [0, new Map<string, number>()];
  for (const [bridge, ports] of Object.entries(counters)) {
    for (const [port, c] of Object.entries(ports)) {
      received += c.rx_packets;
      const lost = Object.entries(c.drops).reduce((sum, [why, k]) => {
        drops.set(why, (drops.get(why) ?? 0) + Number(k));
        return sum + Number(k);
      }, 0);
      t.equal(c.rx_packets, c.forwarded + lost + c.held, `${bridge}/${port}`);
    }
  }
  t.ok(received >= PACKETS);
  t.comment(JSON.stringify([...drops].filter(([, k]) => k > 0)));
  t.end();
});
