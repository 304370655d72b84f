import { GENERATOR_BUCKETS, GENERATOR_COUNTERS, GENERATOR_HEADER } from '../../datapath/native.js';

/** Lower edge in nanoseconds of latency bucket i: 16 buckets a power of two (native/pktgen/generator.cc, latency_bucket). */
export function latencyOfBucket(i: number): number {
  if (i < 16) return i;
  const power = Math.floor(i / 16) + 3;
  return 2 ** power + (i % 16) * 2 ** (power - 4);
}

export interface Report {
  sent: number;
  refused: number;
  received: number;
  foreign: number;
  reordered: number;
  /** Sent and not received; only with a receiving port. */
  lost: number;
  /** Seconds from first to last frame sent. */
  seconds: number;
  sentPps: number;
  receivedPps: number;
  sentGbps: number;
  /** Microseconds. */
  latency: { min: number; mean: number; p50: number; p90: number; p99: number; p999: number; max: number } | null;
}

/** The share q of all counted latencies lies at or below the returned nanoseconds. */
export function percentile(buckets: Float64Array, q: number): number {
  let total = 0;
  for (const n of buckets) total += n;
  let rest = Math.ceil(total * q);
  for (let i = 0; i < buckets.length; i++) {
    rest -= buckets[i];
    if (rest <= 0) return latencyOfBucket(i);
  }
  return 0;
}

export function summarize(counters: Float64Array, receiving: boolean): Report {
  const of = (name: (typeof GENERATOR_COUNTERS)[number]) => counters[GENERATOR_COUNTERS.indexOf(name)];
  const buckets = counters.subarray(GENERATOR_HEADER, GENERATOR_HEADER + GENERATOR_BUCKETS);
  const seconds = of('sendNs') / 1e9;
  const rate = (n: number) => (seconds > 0 ? n / seconds : 0);
  const us = (ns: number) => Math.round(ns / 10) / 100;
  const received = of('received');
  return {
    sent: of('sent'),
    refused: of('refused'),
    received,
    foreign: of('foreign'),
    reordered: of('reordered'),
    lost: receiving ? Math.max(0, of('sent') - received) : 0,
    seconds,
    sentPps: Math.round(rate(of('sent'))),
    receivedPps: Math.round(rate(received)),
    sentGbps: rate(of('sentBytes') * 8) / 1e9,
    latency:
      received === 0
        ? null
        : {
            min: us(of('latencyMin')),
            mean: us(of('latencySum') / received),
            p50: us(percentile(buckets, 0.5)),
            p90: us(percentile(buckets, 0.9)),
            p99: us(percentile(buckets, 0.99)),
            p999: us(percentile(buckets, 0.999)),
            max: us(of('latencyMax')),
          },
  };
}

const k = (n: number) => (n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n >= 1e4 ? `${(n / 1e3).toFixed(1)} k` : `${n}`);

export function progressLine(r: Report, receiving: boolean): string {
  const back = receiving ? `, received ${r.received}, lost ${r.lost}` : '';
  return `${r.seconds.toFixed(1)} s: sent ${r.sent} (${k(r.sentPps)}pps)${back}`;
}

export function reportText(r: Report, receiving: boolean): string {
  const lines = [
    `sent      ${r.sent} frames in ${r.seconds.toFixed(2)} s: ${k(r.sentPps)}pps, ${r.sentGbps.toFixed(3)} Gbit/s`,
  ];
  if (r.refused) lines.push(`refused   ${r.refused} (the device did not take them)`);
  if (receiving) {
    const share = r.sent ? ((100 * r.lost) / r.sent).toFixed(3) : '0';
    lines.push(`received  ${r.received}: ${k(r.receivedPps)}pps`);
    lines.push(`lost      ${r.lost} (${share} %)`);
    lines.push(`reordered ${r.reordered}`);
    if (r.foreign) lines.push(`foreign   ${r.foreign} (other traffic on the port)`);
    if (r.latency) {
      const l = r.latency;
      lines.push(
        `latency   min ${l.min} mean ${l.mean} p50 ${l.p50} p90 ${l.p90} p99 ${l.p99} p99.9 ${l.p999} max ${l.max} µs`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
