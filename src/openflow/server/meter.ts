/** Meters: changing them, listing them, counting them. */
import { LIMITS } from '../../datapath/native.js';
import { METER, METER_FLAG, type Meter } from '../../flowtable/meters.js';
import { ofError } from '../errors.js';
import { fromMeterMod, type MeterConfig, type MeterStats, toMeterMod } from '../messages/meter.js';
import { splitDuration } from './flow.js';
import { changing, type Handlers } from './handler.js';
import { references } from './references.js';
import type { Session } from './session.js';

/** Bit 1: drop. */
const BAND_BITS = 2;
const ALL_FLAGS = METER_FLAG.kbps | METER_FLAG.pktps | METER_FLAG.burst | METER_FLAG.stats;

function chosen(s: Session, id: number): Meter[] {
  if (id === METER.all) return [...s.bridge.meters.all()];
  const meter = s.bridge.meters.get(id);
  if (!meter) throw ofError('OFPMMFC_UNKNOWN_METER');
  return [meter];
}

/** A band without a burst lets one of a second pass, and says so. */
function describe(m: Meter): MeterConfig {
  const bands = m.bands.map((b) => ({ ...b, burst: b.burst || b.rate }));
  return fromMeterMod({ command: 'add', id: m.id, flags: m.flags, bands });
}

function* statistics(s: Session, meters: readonly Meter[]): Generator<MeterStats> {
  const refs = references(s.bridge).meters;
  const now = s.bridge.now();
  for (const m of meters) {
    const { packets, bytes, bands } = s.bridge.meterCounters(m);
    yield { id: m.id, flowCount: refs.get(m.id) ?? 0, packets, bytes, ...splitDuration(now - m.created), bands };
  }
}

export const meterHandlers: Handlers = {
  meter_mod: changing((s, v) => s.bridge.meters.mod(toMeterMod(v))),
  meter_stats_request: (s, v) => s.replyParts('meter_stats_reply', [...statistics(s, chosen(s, v.id))]),
  meter_config_request: (s, v) => s.replyParts('meter_config_reply', chosen(s, v.id).map(describe)),
  meter_features_request: (s) => {
    s.reply('meter_features_reply', {
      maxMeters: METER.count,
      bandTypes: BAND_BITS,
      capabilities: ALL_FLAGS,
      maxBands: LIMITS.meterBands,
      maxColor: 0,
    });
  },
};
