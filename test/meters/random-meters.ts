/** Random meters and random traffic through them, the same for every judge; and what should come of it, worked out anew with whole numbers. */
import type { MeterBand, MeterCounters, MeterSpec } from '../../src/datapath/datapath.js';
import type { Random } from '../../src/lib/random.js';

/** Numbers at which bands are full or empty to the packet, small enough that some packets pass and some do not. */
export function randomMeter(r: Random): MeterSpec {
  const unit = r.pick(['kbps', 'pktps'] as const);
  const rates = unit === 'pktps' ? [1, 2, 3, 7, 20, 100, 1000] : [1, 3, 8, 50, 400, 5000];
  const bursts = unit === 'pktps' ? [1, 2, 5, 30] : [1, 2, 9, 60];
  const burst = r.chance(0.6);
  const bands = Array.from({ length: r.pick([1, 1, 1, 2, 2, 3, 8]) }, (): MeterBand => {
    return { rate: r.pick(rates), burst: burst ? r.pick(bursts) : 0 };
  });
  return { unit, bands };
}

/** As ovs-ofctl takes it. */
export function meterText(id: number, { unit, bands }: MeterSpec): string {
  const burst = bands.some((b) => b.burst > 0);
  const text = bands.map((b) => `type=drop rate=${b.rate}${burst ? ` burst_size=${b.burst}` : ''}`).join(' ');
  return `meter=${id} ${unit} ${burst ? 'burst ' : ''}stats bands=${text}`;
}

/** Packets that arrive at one time. */
export interface Burst {
  /** Milliseconds since the one before. */
  readonly after: number;
  /** Of each packet: the number of its meter, from 0, and its bytes. */
  readonly packets: readonly (readonly [meter: number, bytes: number])[];
}

export function randomTraffic(r: Random, meters: number, bursts: number, packets: number): Burst[] {
  return Array.from({ length: bursts }, () => {
    // Some meters get most of it, or no burst would empty a bucket.
    const busy = Array.from({ length: Math.max(1, meters >> 3) }, () => r.below(meters));
    const one = (): readonly [number, number] => [
      r.chance(0.8) ? r.pick(busy) : r.below(meters),
      r.pick([60, 61, 125, 250, 500, 1000, 1514]),
    ];
    return {
      after: r.pick([0, 1, 5, 33, 100, 999, 1000, 1001, 2500]),
      packets: Array.from({ length: packets }, one),
    };
  });
}

/**
 * What a meter counts, by the specification's words: each band holds at most its burst, fills by its rate, and gives a packet what it costs if it
 * has that much. In millionths of a packet, or thousandths of a bit, so that nothing is rounded.
 */
export function expected(spec: MeterSpec, arrivals: readonly (readonly [ms: number, bytes: number])[]): MeterCounters {
  const cost = (bytes: number): bigint => (spec.unit === 'pktps' ? 1_000_000n : BigInt(bytes) * 8_000n);
  const unitsPerSecond = 1_000_000n;
  const full = spec.bands.map((b) => BigInt(b.burst || b.rate) * unitsPerSecond);
  const level = [...full];
  const dropped = spec.bands.map(() => ({ packets: 0, bytes: 0 }));
  const came = { packets: 0, bytes: 0 };
  let last = 0;
  for (const [ms, bytes] of arrivals) {
    came.packets++;
    came.bytes += bytes;
    const over: number[] = [];
    spec.bands.forEach((band, i) => {
      level[i] += (BigInt(ms - last) * BigInt(band.rate) * unitsPerSecond) / 1000n;
      if (level[i] > full[i]) level[i] = full[i];
      if (level[i] >= cost(bytes)) level[i] -= cost(bytes);
      else over.push(i);
    });
    last = ms;
    const fastest = Math.max(...over.map((i) => spec.bands[i].rate));
    const fired = over.find((i) => spec.bands[i].rate === fastest);
    if (fired === undefined) continue;
    dropped[fired].packets++;
    dropped[fired].bytes += bytes;
  }
  return { ...came, bands: dropped };
}

export function countersText(c: MeterCounters | undefined): string {
  if (!c) return 'none';
  return [c, ...c.bands].map((n) => `${n.packets}/${n.bytes}`).join(' ');
}
