/** Meters of a whole switch, under a virtual clock, against what they should do and against a real ovs-vswitchd whose clock is moved as well. */
import type { MeterSpec } from '../../src/datapath/datapath.js';
import { VirtualClock } from '../../src/lib/clock.js';
import { Random } from '../../src/lib/random.js';
import { build, eth, ip4, payload, udpLayer } from '../../src/packet/build.js';
import { Switch } from '../../src/switch/switch.js';
import { RealOvs } from '../support/ovs.js';
import { type Burst, countersText, expected, meterText, randomMeter, randomTraffic } from './random-meters.js';

const BRIDGE = 'br0';
/** Well below what netdev-dummy's queue holds; it drops what it cannot. */
const AT_ONCE = 50;

export interface MeterOptions {
  readonly meters: number;
  readonly bursts: number;
  /** In a burst. */
  readonly packets: number;
  readonly seed: number;
  readonly datapath: 'native' | 'reference';
}

export interface MeterResult {
  readonly differences: readonly string[];
  readonly passed: number;
  readonly dropped: number;
  /** Bands, beyond a meter's first, that dropped something. */
  readonly furtherBands: number;
}

const link = { dst: '02:00:00:00:00:02', src: '02:00:00:00:00:01' };

/** The flow of meter n takes UDP from port n + 1. */
function frame(meter: number, bytes: number): Uint8Array {
  const network = ip4({ src: '10.0.0.1', dst: '10.0.0.2' });
  return build([eth(link), network, udpLayer({ src: meter + 1, dst: 9 }), payload(new Uint8Array(bytes - 42))], bytes);
}

const flowText = (meter: number) => `in_port=1,udp,tp_src=${meter + 1},actions=meter:${meter + 1},output:2`;

/** What each meter of a switch of ours counted. */
function throughWeft(specs: readonly MeterSpec[], traffic: readonly Burst[], datapath: MeterOptions['datapath']) {
  const sw = new Switch({ datapath, clock: new VirtualClock() });
  const br = sw.bridge(BRIDGE);
  const [from, to] = ['p1', 'p2'].map((name) => br.addPort(name));
  specs.forEach((spec, i) => {
    br.addMeter(meterText(i + 1, spec));
  });
  br.addFlows(specs.map((_, i) => flowText(i)).join('\n'));
  sw.run();
  let passed = 0;
  for (const { after, packets } of traffic) {
    sw.advance(after);
    for (const [meter, bytes] of packets) {
      from.send(frame(meter, bytes));
      sw.run();
    }
    passed += to.received().length;
  }
  const counters = specs.map((_, i) => {
    const meter = br.bridge.meters.get(i + 1);
    return countersText(meter && br.bridge.meterCounters(meter));
  });
  sw.close();
  return { counters, passed };
}

/** What each meter of the real one counted. */
function throughOvs(specs: readonly MeterSpec[], traffic: readonly Burst[]): string[] {
  const ovs = new RealOvs();
  const ofctl = (...args: string[]) => ovs.ofctl('-O', 'OpenFlow13', ...args);
  try {
    ovs.addBridge(BRIDGE, 2);
    ovs.appctl('time/stop');
    specs.forEach((spec, i) => {
      ofctl('add-meter', BRIDGE, meterText(i + 1, spec));
    });
    const flows = specs.map((_, i) => flowText(i)).join('\n');
    const r = ovs.try('ovs-ofctl', ['-O', 'OpenFlow13', 'add-flows', BRIDGE, '-'], flows);
    if (r.status !== 0) throw new Error(r.stderr);
    let sent = 0;
    for (const { after, packets } of traffic) {
      if (after > 0) ovs.appctl('time/warp', String(after));
      for (let i = 0; i < packets.length; i += AT_ONCE) {
        const some = packets.slice(i, i + AT_ONCE).map(([meter, bytes]) => frame(meter, bytes));
        ovs.appctl('netdev-dummy/receive', 'p1', ...some.map((f) => Buffer.from(f).toString('hex')));
        sent += some.length;
        awaitReceived(ovs, sent);
      }
    }
    const text = ofctl('meter-stats', BRIDGE);
    return specs.map((_, i) => {
      const lines = new RegExp(`^meter:${i + 1} .*\n((?:\\d+:.*\n)*)`, 'm').exec(text)?.[0] ?? '';
      return [...lines.matchAll(/packet_(?:in_)?count:(\d+) byte_(?:in_)?count:(\d+)/g)]
        .map((m) => `${m[1]}/${m[2]}`)
        .join(' ');
    });
  } finally {
    ovs.close();
  }
}

/** Packets wait in the dummy port's queue; the clock may move on when the switch has taken them. */
function awaitReceived(ovs: RealOvs, count: number): void {
  for (let tries = 0; tries < 2000; tries++) {
    if (ovs.ofctl('dump-ports', BRIDGE, 'p1').includes(`rx pkts=${count},`)) return;
  }
  throw new Error(`ovs-vswitchd did not take ${count} packets`);
}

function arrivalsOf(traffic: readonly Burst[], meter: number): [number, number][] {
  let now = 0;
  return traffic.flatMap(({ after, packets }) => {
    now += after;
    return packets.filter(([m]) => m === meter).map(([, bytes]): [number, number] => [now, bytes]);
  });
}

/**
 * OVS counts no pause for longer than the slowest of the bands takes to fill, in whole milliseconds rounded down. Where that leaves a band unfilled
 * for ever (a burst of less than a millisecond's worth), or by a fraction of a packet, weft fills it.
 */
function fillsInOvs(spec: MeterSpec): boolean {
  const full = (b: MeterSpec['bands'][number]) => (b.burst || b.rate) * 1000;
  const longest = Math.max(...spec.bands.map((b) => Math.floor(full(b) / b.rate)));
  return spec.bands.every((b) => longest * b.rate >= full(b));
}

/** `ovs`: ask a real ovs-vswitchd as well. */
export function compareMeters(o: MeterOptions, ovs: boolean): MeterResult {
  const r = new Random(o.seed);
  const specs: MeterSpec[] = [];
  while (specs.length < o.meters) {
    const spec = randomMeter(r);
    if (!ovs || fillsInOvs(spec)) specs.push(spec);
  }
  const traffic = randomTraffic(r, o.meters, o.bursts, o.packets);
  const weft = throughWeft(specs, traffic, o.datapath);
  const real = ovs ? throughOvs(specs, traffic) : undefined;
  const differences: string[] = [];
  let sum = 0;
  let dropped = 0;
  let furtherBands = 0;
  specs.forEach((spec, i) => {
    const want = expected(spec, arrivalsOf(traffic, i));
    const text = countersText(want);
    sum += want.packets;
    dropped += want.bands.reduce((n, b) => n + b.packets, 0);
    furtherBands += want.bands.slice(1).filter((b) => b.packets > 0).length;
    if (weft.counters[i] !== text)
      differences.push(`${meterText(i + 1, spec)}: weft ${weft.counters[i]}, expected ${text}`);
    if (real && real[i] !== text) differences.push(`${meterText(i + 1, spec)}: OVS ${real[i]}, expected ${text}`);
  });
  if (weft.passed !== sum - dropped) differences.push(`${weft.passed} frames left, ${sum - dropped} expected`);
  return { differences, passed: weft.passed, dropped, furtherBands };
}
