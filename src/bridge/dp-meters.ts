/** Meters of a bridge in the datapath, whose numbers all bridges share. */
import type { Datapath } from '../datapath/datapath.js';
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

  /** The datapath has one band: of several drop bands the slowest decides, as it does where all are carried out. */
  apply(kind: 'added' | 'modified' | 'removed', meter: Meter): void {
    let id = this.ids.get(meter.id);
    const unit = meter.flags & METER_FLAG.pktps ? 'pktps' : 'kbps';
    if (kind === 'removed') {
      if (id === undefined) return;
      this.dp.meterSet(id, unit, 0, 0);
      this.ids.delete(meter.id);
      this.pool.giveBack(id);
      return;
    }
    if (id === undefined) {
      id = this.pool.take();
      this.ids.set(meter.id, id);
    }
    const band = meter.bands.reduce<Meter['bands'][number] | undefined>(
      (a, b) => (!a || b.rate < a.rate ? b : a),
      undefined,
    );
    this.dp.meterSet(id, unit, band?.rate ?? 0, meter.flags & METER_FLAG.burst ? (band?.burst ?? 0) : 0);
  }
}
