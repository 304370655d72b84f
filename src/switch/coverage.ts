/**
 * How often things happened: totals since the start, and rates over the last five seconds, minute and hour. Most are counted where they happen and only
 * read here; a sample is taken every five seconds.
 */
export type Totals = Iterable<readonly [name: string, total: number]>;

const INTERVAL_MS = 5000;
const IN_MINUTE = 60_000 / INTERVAL_MS;
const IN_HOUR = 3_600_000 / INTERVAL_MS;

export class Coverage {
  private readonly counted = new Map<string, number>();
  /** By name: totals at each sample, the latest last, one more than an hour has. */
  private readonly samples = new Map<string, number[]>();
  private sampled: number;

  /** `read`: what is counted elsewhere. */
  constructor(
    now: number,
    private readonly read: () => Totals,
  ) {
    this.sampled = now;
  }

  count(name: string): void {
    this.counted.set(name, (this.counted.get(name) ?? 0) + 1);
  }

  /** To be called every second or so. */
  look(now: number): void {
    if (now - this.sampled < INTERVAL_MS) return;
    this.sampled = now;
    for (const [name, n] of this.totals()) {
      const list = this.samples.get(name) ?? [0];
      this.samples.set(name, list);
      list.push(n);
      if (list.length > IN_HOUR + 1) list.shift();
    }
  }

  totals(): Map<string, number> {
    return new Map([...this.counted, ...this.read()]);
  }

  total(name: string): number | undefined {
    return this.totals().get(name);
  }

  /** Of so many samples: how many a second. Before there were so many it is as if nothing had happened. */
  private rate(name: string, intervals: number): number {
    const list = this.samples.get(name) ?? [0];
    const last = list[list.length - 1];
    const first = list[Math.max(0, list.length - 1 - intervals)];
    return ((last - first) * 1000) / (intervals * INTERVAL_MS);
  }

  /** What `ovs-appctl coverage/show` prints. */
  text(): string {
    const all = [...this.totals()].sort(([a], [b]) => (a < b ? -1 : 1));
    const hit = all.filter(([, n]) => n > 0);
    let hash = 0;
    for (const [name] of hit) for (const c of name) hash = (Math.imul(hash, 31) + (c.codePointAt(0) ?? 0)) >>> 0;
    const rows = hit.map(([name, n]) => {
      const [now, minute, hour] = [this.rate(name, 1), this.rate(name, IN_MINUTE), this.rate(name, IN_HOUR)];
      return `${name.padEnd(24)} ${now.toFixed(1).padStart(5)}/sec ${minute.toFixed(3).padStart(9)}/sec ${hour.toFixed(4).padStart(13)}/sec   total: ${n}\n`;
    });
    const digits = hash.toString(16).padStart(8, '0');
    return `Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=${digits}:\n${rows.join('')}${all.length - hit.length} events never hit\n`;
  }
}
