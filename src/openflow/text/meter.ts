/** Meters as ovs-ofctl prints them. */
import { METER, METER_FLAG } from '../../flowtable/meters.js';
import { BAND_TYPES, type MeterConfig, type MeterStats, type WireBand } from '../messages/meter.js';
import { bitNames, duration, type Formatters } from './context.js';

function meterId(id: number, separator: string): string {
  if (id === METER.slowpath) return `meter${separator}slowpath`;
  if (id === METER.controller) return `meter${separator}controller`;
  return id === METER.all ? `meter${separator}all` : `meter${separator}${id}`;
}

const FLAGS: readonly (readonly [number, string])[] = [
  [METER_FLAG.kbps, 'kbps'],
  [METER_FLAG.pktps, 'pktps'],
  [METER_FLAG.burst, 'burst'],
  [METER_FLAG.stats, 'stats'],
];

function band(b: WireBand, flags: number): string {
  let s = `\ntype=${BAND_TYPES[b.type] ?? b.type} rate=${b.rate}`;
  if (flags & METER_FLAG.burst) s += ` burst_size=${b.burst}`;
  if (b.type === 2) s += ` prec_level=${b.precLevel}`;
  return s;
}

function config(m: MeterConfig): string {
  const flags = bitNames(m.flags, FLAGS, '');
  return `${meterId(m.id, '=')} ${flags ? `${flags} ` : ''}bands=${m.bands.map((b) => band(b, m.flags)).join('')}\n`;
}

function stats(m: MeterStats): string {
  const head =
    `${meterId(m.id, ':')} flow_count:${m.flowCount} packet_in_count:${m.packets} byte_in_count:${m.bytes} ` +
    `duration:${duration(m.durationSec, m.durationNsec)} bands:\n`;
  return head + m.bands.map((b, i) => `${i}: packet_count:${b.packets} byte_count:${b.bytes}\n`).join('');
}

const COMMANDS = ['ADD', 'MOD', 'DEL'] as const;

export const meterFormatters: Formatters = {
  meter_mod: ({ value }) => ` ${COMMANDS[value.command] ?? `cmd:${value.command}`} ${config(value)}`,
  meter_stats_request: ({ value }) => ` ${meterId(value.id, '=')}`,
  meter_stats_reply: ({ value }) => `\n${value.map(stats).join('\n')}`,
  meter_config_request: ({ value }) => ` ${meterId(value.id, '=')}`,
  meter_config_reply: ({ value }) => `\n${value.map(config).join('\n')}`,
  meter_features_reply: ({ value: f }) =>
    `\nmax_meter:${f.maxMeters} max_bands:${f.maxBands} max_color:${f.maxColor}\n` +
    `band_types: ${bitNames(f.bandTypes >>> 1, BAND_NAMES, '0')}\ncapabilities: ${bitNames(f.capabilities, FLAGS, '0')}\n`,
};
const BAND_NAMES: readonly (readonly [number, string])[] = [
  [1, 'drop'],
  [2, 'dscp_remark'],
];
