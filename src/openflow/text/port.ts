import { OFPP } from '../../flow/field.js';
import { formatMac } from '../../lib/address.js';
import { type PhyPort, PORT_REASONS, type PortMod, type PortStats } from '../messages/port.js';
import { UNKNOWN } from '../schema.js';
import { bitNames, duration, type Formatters, portText, quoteName, type TextContext } from './context.js';

const CONFIG: readonly (readonly [number, string])[] = [
  [0x01, 'PORT_DOWN'],
  [0x02, 'NO_STP'],
  [0x04, 'NO_RECV'],
  [0x08, 'NO_RECV_STP'],
  [0x10, 'NO_FLOOD'],
  [0x20, 'NO_FWD'],
  [0x40, 'NO_PACKET_IN'],
];
const STATE: readonly (readonly [number, string])[] = [
  [1, 'LINK_DOWN'],
  [2, 'BLOCKED'],
  [4, 'LIVE'],
];
const FEATURES: readonly (readonly [number, string])[] = [
  [0x0001, '10MB-HD'],
  [0x0002, '10MB-FD'],
  [0x0004, '100MB-HD'],
  [0x0008, '100MB-FD'],
  [0x0010, '1GB-HD'],
  [0x0020, '1GB-FD'],
  [0x0040, '10GB-FD'],
  [0x0080, '40GB-FD'],
  [0x0100, '100GB-FD'],
  [0x0200, '1TB-FD'],
  [0x0400, 'OTHER'],
  [0x0800, 'COPPER'],
  [0x1000, 'FIBER'],
  [0x2000, 'AUTO_NEG'],
  [0x4000, 'AUTO_PAUSE'],
  [0x8000, 'AUTO_PAUSE_ASYM'],
];
/** kbit/s by feature bit. */
const SPEEDS = [10, 10, 100, 100, 1000, 1000, 10_000, 40_000, 100_000, 1_000_000].map((mbit) => mbit * 1000);

/** The fastest speed among features, kbit/s. */
function fastest(features: number): number {
  let best = 0;
  SPEEDS.forEach((speed, i) => {
    if (features & (1 << i)) best = speed;
  });
  return best;
}

export function formatPort(p: PhyPort, ctx: TextContext): string {
  const features = (name: string, bits: number) =>
    bits ? `     ${name}${' '.repeat(12 - name.length)}${bitNames(bits, FEATURES, '0')}\n` : '';
  const now = p.currSpeed || fastest(p.curr);
  const most = p.maxSpeed || fastest(p.supported);
  return (
    ` ${portText(p.number, { ...ctx, ports: undefined })}(${quoteName(p.name)}): addr:${formatMac(p.hwAddr)}\n` +
    `     config:     ${bitNames(p.config, CONFIG, '0')}\n     state:      ${bitNames(p.state, STATE, '0')}\n` +
    features('current:', p.curr) +
    features('advertised:', p.advertised) +
    features('supported:', p.supported) +
    features('peer:', p.peer) +
    `     speed: ${Math.floor(now / 1000)} Mbps now, ${Math.floor(most / 1000)} Mbps max\n`
  );
}

/** In the order of their numbers. */
export function formatPorts(ports: readonly PhyPort[], ctx: TextContext): string {
  return [...ports]
    .sort((a, b) => a.number - b.number)
    .map((p) => formatPort(p, ctx))
    .join('');
}

function portMod(v: PortMod): string {
  const advertise = v.advertise ? bitNames(v.advertise, FEATURES, '0') : 'UNCHANGED';
  return (
    ` port: ${portText(v.number, { verbosity: 0 })}: addr:${formatMac(v.hwAddr)}\n` +
    `     config: ${bitNames(v.config, CONFIG, '0')}\n     mask:   ${bitNames(v.mask, CONFIG, '0')}\n     advertise: ${advertise}\n`
  );
}

const count = (v: number) => (v === UNKNOWN ? '?' : String(v));

function stats(p: PortStats, version: number, ctx: TextContext): string {
  let out = `  port ${p.number < 10 ? ' ' : ''}${portText(p.number, ctx)}: `;
  out += `rx pkts=${count(p.rxPackets)}, bytes=${count(p.rxBytes)}, drop=${count(p.rxDropped)}, errs=${count(p.rxErrors)}`;
  out += `, frame=${count(p.rxFrameErrors)}, over=${count(p.rxOverErrors)}, crc=${count(p.rxCrcErrors)}\n`;
  out += `           tx pkts=${count(p.txPackets)}, bytes=${count(p.txBytes)}, drop=${count(p.txDropped)}`;
  out += `, errs=${count(p.txErrors)}, coll=${count(p.collisions)}\n`;
  if (version >= 4 && p.durationSec !== 0xffffffff)
    out += `           duration=${duration(p.durationSec, p.durationNsec)}\n`;
  return out + custom(p.custom ?? []);
}

/** Three to a line, a comma behind each. */
function custom(counters: NonNullable<PortStats['custom']>): string {
  if (counters.length === 0) return '';
  let out = '           CUSTOM Statistics';
  counters.forEach(([name, value], i) => {
    out += `${i % 3 === 0 ? '\n                      ' : ' '}${name}=${count(value)},`;
  });
  return `${out}\n`;
}

export const portFormatters: Formatters = {
  port_status: ({ value }, ctx) => {
    const reason = PORT_REASONS[value.reason];
    return ` ${reason ? reason.toUpperCase().replace('DELETE', 'DEL').replace('MODIFY', 'MOD') : String(value.reason)}:${formatPort(value.port, ctx)}`;
  },
  port_mod: ({ value }) => portMod(value),
  port_stats_request: ({ value }, ctx) => ` port_no=${portText(value.number, ctx)}\n`,
  port_stats_reply: ({ value, version }, ctx) =>
    ` ${value.length} ports\n${value.map((p) => stats(p, version, ctx)).join('')}`,
  port_desc_request: ({ value }, ctx) => ` port=${portText(value.number ?? OFPP.none, ctx)}\n`,
  port_desc_reply: ({ value }, ctx) => `\n${formatPorts(value, ctx)}`,
};
