/** Meters, since 1.3: changing them, what they are, what they counted, what they can do. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { BandSpec, MeterMod } from '../../flowtable/meters.js';
import { ofError } from '../errors.js';
import { ask, msg, tell } from '../row.js';
import { type Codec, counter, listOf, nothing, pad, struct, u8, u32 } from '../schema.js';
import { sized } from './property.js';

/** Bands by number. */
export const BAND_TYPES = ['', 'drop', 'dscp_remark'] as const;
const BAND_BYTES = 16;
const COMMANDS = ['add', 'modify', 'delete'] as const satisfies readonly MeterMod['command'][];

export interface WireBand {
  /** Index into BAND_TYPES. */
  readonly type: number;
  readonly rate: number;
  readonly burst: number;
  /** Of dscp_remark: by how much the drop precedence grows. */
  readonly precLevel: number;
}
export interface MeterConfig {
  readonly id: number;
  /** METER_FLAG bits. */
  readonly flags: number;
  readonly bands: readonly WireBand[];
}
export interface MeterModMessage extends MeterConfig {
  readonly command: number;
}

function readBand(r: WireReader): WireBand {
  const type = r.u16();
  if (r.u16() !== BAND_BYTES) throw ofError('OFPBRC_BAD_LEN');
  if (!BAND_TYPES[type]) throw ofError('OFPMMFC_BAD_BAND');
  const band = { type, rate: r.u32(), burst: r.u32(), precLevel: r.u8() };
  r.skip(3);
  return type === 2 ? band : { ...band, precLevel: 0 };
}

function readBands(r: WireReader): WireBand[] {
  const bands: WireBand[] = [];
  while (r.remaining >= BAND_BYTES) bands.push(readBand(r));
  if (r.remaining > 0) throw ofError('OFPBRC_BAD_LEN');
  return bands;
}

function writeBands(w: WireWriter, bands: readonly WireBand[]): void {
  for (const b of bands) {
    w.u16(b.type);
    w.u16(BAND_BYTES);
    w.u32(b.rate);
    w.u32(b.burst);
    w.u8(b.precLevel);
    w.zeros(3);
  }
}

const meterMod: Codec<MeterModMessage> = {
  read: (r) => {
    if (r.remaining % 8 !== 0) throw ofError('OFPBRC_BAD_LEN');
    const command = r.u16();
    const flags = r.u16();
    const id = r.u32();
    if (!COMMANDS[command]) throw ofError('OFPMMFC_BAD_COMMAND');
    if (command === 2) {
      r.skip(r.remaining);
      return { command, id, flags: 0, bands: [] };
    }
    if ((flags & 3) === 3) throw ofError('OFPMMFC_BAD_FLAGS');
    return { command, id, flags, bands: readBands(r) };
  },
  write: (w, v) => {
    w.u16(v.command);
    w.u16(v.flags);
    w.u32(v.id);
    writeBands(w, v.bands);
  },
};

/** The message was read, so its numbers stand for something. */
export function toMeterMod(v: MeterModMessage): MeterMod {
  const bands = v.bands.map((b): BandSpec => {
    return { type: b.type === 1 ? 'drop' : 'dscp_remark', rate: b.rate, burst: b.burst };
  });
  return { command: COMMANDS[v.command], id: v.id, flags: v.flags, bands };
}

export function fromMeterMod(m: MeterMod, precLevels: readonly number[] = []): MeterModMessage {
  const bands = m.bands.map((b, i) => ({
    type: b.type === 'drop' ? 1 : 2,
    rate: b.rate,
    burst: b.burst,
    precLevel: precLevels[i] ?? 0,
  }));
  return { command: COMMANDS.indexOf(m.command), id: m.id, flags: m.flags, bands };
}

const config: Codec<MeterConfig> = {
  read: (outer) => {
    const r = sized(outer, 2);
    const flags = r.u16();
    return { flags, id: r.u32(), bands: readBands(r) };
  },
  write: (w, v) => {
    w.u16(8 + v.bands.length * BAND_BYTES);
    w.u16(v.flags);
    w.u32(v.id);
    writeBands(w, v.bands);
  },
};

export interface MeterStats {
  readonly id: number;
  /** Flows that name it. */
  readonly flowCount: number;
  /** What came in, before any band. */
  readonly packets: number;
  readonly bytes: number;
  readonly durationSec: number;
  readonly durationNsec: number;
  /** What exceeded each. */
  readonly bands: readonly { readonly packets: number; readonly bytes: number }[];
}
const statsHead = struct({
  _pad: pad(6),
  flowCount: u32,
  packets: counter,
  bytes: counter,
  durationSec: u32,
  durationNsec: u32,
});
const bandStats = struct({ packets: counter, bytes: counter });
const STATS_BYTES = 40;
/** The meter's number stands before the length. */
const stats: Codec<MeterStats> = {
  read: (outer) => {
    const id = outer.u32();
    const r = sized(outer, 6);
    const head = statsHead.read(r);
    const bands: { packets: number; bytes: number }[] = [];
    while (r.remaining > 0) bands.push(bandStats.read(r));
    return { id, ...head, bands };
  },
  write: (w, v) => {
    w.u32(v.id);
    w.u16(STATS_BYTES + v.bands.length * 16);
    statsHead.write(w, v);
    for (const b of v.bands) bandStats.write(w, b);
  },
};

const features = struct({
  maxMeters: u32,
  /** Bit n: BAND_TYPES[n]. */
  bandTypes: u32,
  capabilities: u32,
  maxBands: u8,
  maxColor: u8,
  _pad: pad(2),
});
const which = struct({ id: u32, _pad: pad(4) });

export const meterRows = [
  msg('meter_mod', 'OFPT_METER_MOD', [4, 6], 29, meterMod),
  ask('meter_stats_request', 'OFPST_METER', [4, 6], 9, which),
  tell('meter_stats_reply', 'OFPST_METER', [4, 6], 9, listOf(stats)),
  ask('meter_config_request', 'OFPST_METER_CONFIG', [4, 6], 10, which),
  tell('meter_config_reply', 'OFPST_METER_CONFIG', [4, 6], 10, listOf(config)),
  ask('meter_features_request', 'OFPST_METER_FEATURES', [4, 6], 11, nothing),
  tell('meter_features_reply', 'OFPST_METER_FEATURES', [4, 6], 11, features),
] as const;
