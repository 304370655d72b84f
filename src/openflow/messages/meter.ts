/** Meters: changing them, what they are, what they counted, what the switch can do. 1.3 and later. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { BandSpec, MeterMod } from '../../flowtable/meters.js';
import { ofError } from '../errors.js';
import { ask, msg, tell } from '../row.js';
import { type Codec, listOf, nothing, pad, struct, u8, u32 } from '../schema.js';
import { sized } from './property.js';

const COMMANDS: readonly MeterMod['command'][] = ['add', 'modify', 'delete'];
const BANDS: readonly (readonly [number, BandSpec['type']])[] = [
  [1, 'drop'],
  [2, 'dscp_remark'],
  [0xffff, 'experimenter'],
];
const BAND_BYTES = 16;

function readBands(r: WireReader): BandSpec[] {
  const out: BandSpec[] = [];
  while (r.remaining > 0) {
    const code = r.u16();
    const body = sized(r, 4);
    const type = BANDS.find(([n]) => n === code)?.[1];
    if (!type) throw ofError('OFPMMFC_BAD_BAND');
    out.push({ type, rate: body.u32(), burst: body.u32() });
  }
  return out;
}

function writeBands(w: WireWriter, bands: readonly BandSpec[]): void {
  for (const b of bands) {
    w.u16(BANDS.find(([, name]) => name === b.type)?.[0] ?? 1);
    w.u16(BAND_BYTES);
    w.u32(b.rate);
    w.u32(b.burst);
    w.zeros(4);
  }
}

const meterMod: Codec<MeterMod> = {
  read: (r) => {
    const command = COMMANDS[r.u16()];
    if (!command) throw ofError('OFPMMFC_BAD_COMMAND');
    return { command, flags: r.u16(), id: r.u32(), bands: readBands(r) };
  },
  write: (w, v) => {
    w.u16(COMMANDS.indexOf(v.command));
    w.u16(v.flags);
    w.u32(v.id);
    writeBands(w, v.bands);
  },
};

export type MeterConfig = Omit<MeterMod, 'command'>;
const meterConfig: Codec<MeterConfig> = {
  read: (outer) => {
    const r = sized(outer, 2);
    return { flags: r.u16(), id: r.u32(), bands: readBands(r) };
  },
  write: (w, v) => {
    const start = w.length;
    w.u16(0);
    w.u16(v.flags);
    w.u32(v.id);
    writeBands(w, v.bands);
    w.patch16(start, w.length - start);
  },
};

export interface MeterStats {
  readonly id: number;
  readonly flows: number;
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly bands: readonly { readonly packets: bigint; readonly bytes: bigint }[];
}
const meterStats: Codec<MeterStats> = {
  read: (outer) => {
    const id = outer.u32();
    const r = sized(outer, 6);
    r.skip(6);
    const head = { flows: r.u32(), packets: r.u64(), bytes: r.u64(), durationSec: r.u32(), durationNsec: r.u32() };
    const bands: { packets: bigint; bytes: bigint }[] = [];
    while (r.remaining > 0) bands.push({ packets: r.u64(), bytes: r.u64() });
    return { id, ...head, bands };
  },
  write: (w, v) => {
    const start = w.length;
    w.u32(v.id);
    w.u16(0);
    w.zeros(6);
    w.u32(v.flows);
    w.u64(v.packets);
    w.u64(v.bytes);
    w.u32(v.durationSec);
    w.u32(v.durationNsec);
    for (const b of v.bands) {
      w.u64(b.packets);
      w.u64(b.bytes);
    }
    w.patch16(start + 4, w.length - start);
  },
};

const which = struct({ id: u32, _pad: pad(4) });
const features = struct({
  maxMeters: u32,
  /** Bit n: bands of type n. */
  bandTypes: u32,
  /** METER_FLAG bits. */
  capabilities: u32,
  maxBands: u8,
  maxColor: u8,
  _pad: pad(2),
});

export const meterRows = [
  msg('meter_mod', 'OFPT_METER_MOD', [4, 6], 29, meterMod),
  ask('meter_stats_request', 'OFPST_METER', [4, 6], 9, which),
  tell('meter_stats_reply', 'OFPST_METER', [4, 6], 9, listOf(meterStats)),
  ask('meter_config_request', 'OFPST_METER_CONFIG', [4, 6], 10, which),
  tell('meter_config_reply', 'OFPST_METER_CONFIG', [4, 6], 10, listOf(meterConfig)),
  ask('meter_features_request', 'OFPST_METER_FEATURES', [4, 6], 11, nothing),
  tell('meter_features_reply', 'OFPST_METER_FEATURES', [4, 6], 11, features),
] as const;
