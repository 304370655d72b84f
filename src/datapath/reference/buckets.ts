/** Token buckets of meters and upcalls, in whole numbers of the same units as native/worker/meter.cc, so that both engines refuse the same packets. */
import type { MeterCounters, MeterSpec } from '../datapath.js';

/** Fills by `rate` a second up to `burst`, and begins full. Tokens are thousandths, time is whole milliseconds. */
class Bucket {
  private tokens: number;
  private at: number;

  constructor(
    private readonly rate: number,
    private readonly full: number,
    nowMs: number,
  ) {
    this.tokens = full;
    this.at = Math.floor(nowMs);
  }

  take(cost: number, nowMs: number): boolean {
    const now = Math.floor(nowMs);
    if (now > this.at) {
      this.tokens = Math.min(this.full, this.tokens + (now - this.at) * this.rate);
      this.at = now;
    }
    if (this.tokens < cost) return false;
    this.tokens -= cost;
    return true;
  }
}

/** A kilobit is 1000 bits, so a thousandth of it is a bit. */
export class Meter {
  private readonly buckets: readonly Bucket[];
  private readonly came = { packets: 0, bytes: 0 };
  private readonly dropped: readonly { packets: number; bytes: number }[];

  constructor(
    private readonly spec: MeterSpec,
    nowMs: number,
  ) {
    this.buckets = spec.bands.map(({ rate, burst }) => new Bucket(rate, (burst || rate) * 1000, nowMs));
    this.dropped = spec.bands.map(() => ({ packets: 0, bytes: 0 }));
  }

  pass(bytes: number, nowMs: number): boolean {
    const { bands, unit } = this.spec;
    count(this.came, bytes);
    let over = -1;
    bands.forEach((band, i) => {
      const fits = this.buckets[i].take(unit === 'pktps' ? 1000 : bytes * 8, nowMs);
      if (!fits && (over < 0 || band.rate > bands[over].rate)) over = i;
    });
    if (over < 0) return true;
    count(this.dropped[over], bytes);
    return false;
  }

  get counters(): MeterCounters {
    return { ...this.came, bands: this.dropped.map((d) => ({ ...d })) };
  }
}

function count(to: { packets: number; bytes: number }, bytes: number): void {
  to.packets++;
  to.bytes += bytes;
}

/** Upcalls of a port. */
export class UpcallBucket {
  private readonly bucket: Bucket;

  constructor(rate: number, burst: number, nowMs: number) {
    this.bucket = new Bucket(rate, Math.max(1, burst) * 1000, nowMs);
  }

  pass(nowMs: number): boolean {
    return this.bucket.take(1000, nowMs);
  }
}
