/** Meters of a bridge in the datapath, whose numbers all bridges share. */
import { type Datapath, type MeterCounters, noMeterCounters } from '../datapath/datapath.js';
import { METER_FLAG, type Meter } from '../flowtable/meters.js';

/** Gives out datapath numbers. One for all bridges of a datapath. */
export class MeterIds {
  private readonly free: number[] = [];
  private next = 1;

  take(): number {
    return this.free.pop() ?? this.next++;
  }

  giveBack(id: number): void {
    this.free.push(id);
  }
}

export class DpMeters {
  private readonly ids = new Map<number, number>();

  constructor(
    private readonly dp: Datapath,
    private readonly pool: MeterIds,
  ) {}

  id(meter: number): number | undefined {
    return this.ids.get(meter);
  }

  apply(kind: 'added' | 'modified' | 'removed', meter: Meter): void {
    let id = this.ids.get(meter.id);
    if (kind === 'removed') {
      if (id === undefined) return;
      this.dp.meterSet(id, undefined);
      this.ids.delete(meter.id);
      this.pool.giveBack(id);
      return;
    }
    if (id === undefined) {
      id = this.pool.take();
      this.ids.set(meter.id, id);
    }
    const unit = meter.flags & METER_FLAG.pktps ? 'pktps' : 'kbps';
    this.dp.meterSet(id, { unit, bands: meter.bands.map(({ rate, burst }) => ({ rate, burst })) });
  }

  /** By what the datapath says now. */
  counters(meter: Meter): MeterCounters {
    const id = this.ids.get(meter.id);
    const counted = id === undefined ? undefined : this.dp.meterCounters(id);
    // Until it has heard of the meter, nothing came.
    return counted?.bands.length === meter.bands.length ? counted : noMeterCounters(meter.bands.length);
  }
}
