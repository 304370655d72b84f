import { METER, METER_FLAG, type MeterMod } from '../../flowtable/meters.js';
import { bitNames, duration, type Formatters } from './context.js';

const FLAGS: readonly (readonly [number, string])[] = [
  [METER_FLAG.kbps, 'kbps'],
  [METER_FLAG.pktps, 'pktps'],
  [METER_FLAG.burst, 'burst'],
  [METER_FLAG.stats, 'stats'],
];
const COMMANDS = { add: 'ADD', modify: 'MOD', delete: 'DEL' } as const;
const BAND_TYPES: readonly (readonly [number, string])[] = [
  [2, 'drop'],
  [4, 'dscp_remark'],
];

function meterText(id: number): string {
  const words = new Map<number, string>([
    [METER.all, 'all'],
    [METER.controller, 'controller'],
    [METER.slowpath, 'slowpath'],
  ]);
  return words.get(id) ?? String(id);
}

function config(v: Omit<MeterMod, 'command'>): string {
  const flags = v.flags ? `${bitNames(v.flags, FLAGS, '')} ` : '';
  const bands = v.bands.map((b) => {
    const burst = v.flags & METER_FLAG.burst ? ` burst_size=${b.burst}` : '';
    return `type=${b.type} rate=${b.rate}${burst}\n`;
  });
  return `meter=${meterText(v.id)} ${flags}bands=\n${bands.join('')}`;
}

export const meterFormatters: Formatters = {
  meter_mod: ({ value }) => ` ${COMMANDS[value.command]} ${config(value)}`,
  meter_config_request: ({ value }) => ` meter=${meterText(value.id)}\n`,
  meter_stats_request: ({ value }) => ` meter=${meterText(value.id)}\n`,
  meter_config_reply: ({ value }) => `\n${value.map(config).join('')}`,
  meter_stats_reply: ({ value }) =>
    `\n${value
      .map((m) => {
        const bands = m.bands.map((b, i) => `${i}: packet_count:${b.packets} byte_count:${b.bytes}\n`);
        return (
          `meter:${m.id} flow_count:${m.flows} packet_in_count:${m.packets} byte_in_count:${m.bytes} ` +
          `duration:${duration(m.durationSec, m.durationNsec)} bands:\n${bands.join('')}`
        );
      })
      .join('')}`,
  meter_features_reply: ({ value: v }) =>
    `\nmax_meter:${v.maxMeters} max_bands:${v.maxBands} max_color:${v.maxColor}\n` +
    `band_types: ${bitNames(v.bandTypes, BAND_TYPES, '0')}\ncapabilities: ${bitNames(v.capabilities, FLAGS, '0')}\n`,
};
