/** Meters: how fast traffic may be. The datapath holds the token buckets and counts; this is the model OpenFlow sees. */
import { LIMITS } from '../datapath/native.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';

/** Meter numbers: 1 to max, and the two that the switch applies to its own traffic; there are at most `count` of them. */
export const METER = {
  max: 0xffff0000,
  count: 262_144,
  slowpath: 0xfffffffe,
  controller: 0xfffffffd,
  all: 0xffffffff,
} as const;
export const METER_FLAG = { kbps: 1, pktps: 2, burst: 4, stats: 8 } as const;

export interface BandSpec {
  /** Only drop bands are carried out; OVS's datapaths have no others either. */
  readonly type: 'drop' | 'dscp_remark' | 'experimenter';
  /** kbit/s or packets a second, by the meter's flags. 1 or more. */
  readonly rate: number;
  /** kbit or packets; 0 without METER_FLAG.burst. */
  readonly burst: number;
}

export interface Meter {
  readonly id: number;
  flags: number;
  bands: readonly BandSpec[];
  /** Milliseconds of the switch's clock; a modification does not change it. */
  readonly created: number;
  live: boolean;
}

export interface MeterMod {
  readonly command: 'add' | 'modify' | 'delete';
  /** METER.all for a delete of all. */
  readonly id: number;
  readonly flags: number;
  readonly bands: readonly BandSpec[];
}

export type MeterListener = (event: { readonly kind: 'added' | 'modified' | 'removed'; readonly meter: Meter }) => void;

function fault(ofError: string, what: string): never {
  throw new UserError(what, ofError);
}

export class Meters {
  private readonly meters = new Map<number, Meter>();
  private readonly listeners = new Set<MeterListener>();
  private changes = 0;

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** Grows with every change. */
  get version(): number {
    return this.changes;
  }

  get size(): number {
    return this.meters.size;
  }

  get(id: number): Meter | undefined {
    return this.meters.get(id);
  }

  /** In order of addition. */
  all(): Iterable<Meter> {
    return this.meters.values();
  }

  /** The returned function ends it. Who listens for removals also takes out the flows that use the meter. */
  listen(listener: MeterListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Does what a meter_mod says. Throws UserError with an OFPMMFC_ error; then nothing was changed. Deleting what is not there is no fault. */
  mod(m: MeterMod): void {
    if (m.command === 'delete') return this.delete(m.id);
    if (m.id === 0 || (m.id > METER.max && m.id !== METER.controller && m.id !== METER.slowpath)) {
      fault('OFPMMFC_INVALID_METER', `meter ${m.id} is no meter's number: they are 1 to ${METER.max}`);
    }
    const old = this.meters.get(m.id);
    if (m.command === 'add' && old) fault('OFPMMFC_METER_EXISTS', `meter ${m.id} exists`);
    if (m.command === 'modify' && !old) fault('OFPMMFC_UNKNOWN_METER', `there is no meter ${m.id}`);
    if (!old && this.meters.size >= METER.count)
      fault('OFPMMFC_OUT_OF_METERS', `there are ${METER.count} meters already`);
    check(m);
    if (old) {
      old.flags = m.flags;
      old.bands = m.bands;
      this.tell('modified', old);
      return;
    }
    const meter = { id: m.id, flags: m.flags, bands: m.bands, created: this.clock.now(), live: true };
    this.meters.set(m.id, meter);
    this.tell('added', meter);
  }

  private delete(id: number): void {
    const doomed = id === METER.all ? [...this.meters.values()] : [this.meters.get(id)];
    for (const meter of doomed) {
      if (!meter) continue;
      this.meters.delete(meter.id);
      meter.live = false;
      this.tell('removed', meter);
    }
  }

  private tell(kind: 'added' | 'modified' | 'removed', meter: Meter): void {
    this.changes++;
    for (const l of this.listeners) l({ kind, meter });
  }
}

function check(m: MeterMod): void {
  const unit = m.flags & (METER_FLAG.kbps | METER_FLAG.pktps);
  if (m.bands.length > LIMITS.meterBands)
    fault('OFPMMFC_OUT_OF_BANDS', `a meter has at most ${LIMITS.meterBands} bands`);
  if ((unit !== METER_FLAG.kbps && unit !== METER_FLAG.pktps) || m.flags & ~15) {
    fault('OFPMMFC_BAD_FLAGS', 'a meter counts either kbit/s or packets a second');
  }
  for (const b of m.bands) {
    if (b.type !== 'drop') fault('OFPMMFC_BAD_BAND', `bands of type ${b.type} are not supported, only drop`);
    if (b.rate === 0) fault('OFPMMFC_BAD_RATE', 'a rate of 0');
  }
}
