/** Token buckets of meters and upcalls, in whole numbers of the same units as native/worker/meter.cc, so that both engines refuse the same packets. */

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

/** One drop band. A burst of 0 is what one second gives. A kilobit is 1000 bits, so a thousandth of it is a bit. */
export class Meter {
  private readonly bucket: Bucket;

  constructor(
    private readonly unit: 'kbps' | 'pktps',
    rate: number,
    burst: number,
    nowMs: number,
  ) {
    this.bucket = new Bucket(rate, (burst || rate) * 1000, nowMs);
  }

  pass(bytes: number, nowMs: number): boolean {
    return this.bucket.take(this.unit === 'pktps' ? 1000 : bytes * 8, nowMs);
  }
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
