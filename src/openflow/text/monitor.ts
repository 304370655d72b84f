import { OFPP } from '../../flow/field.js';
import { TABLE_ALL } from '../messages/flow-mod.js';
import { type FlowUpdate, MONITOR, type MonitorRequest } from '../messages/monitor.js';
import { bitNames, type Formatters, hex, portText, type TextContext, tableText } from './context.js';
import { actionsText, matchText, REASONS } from './flow.js';

const FLAGS: readonly (readonly [number, string])[] = Object.entries(MONITOR).map(([name, bit]) => [bit, name]);

function request(v: MonitorRequest, ctx: TextContext): string {
  let s = ` id=${v.id} flags=${bitNames(v.flags, FLAGS, '0', ',')}`;
  if (v.outPort !== OFPP.none) s += ` out_port=${portText(v.outPort, ctx)}`;
  if (v.table !== TABLE_ALL) s += ` table=${tableText(v.table, ctx)}`;
  const match = matchText(v.match, undefined, ctx);
  return `${s}${match ? ` ${match}` : ''}\n`;
}

function update(v: FlowUpdate, ctx: TextContext): string {
  if (v.event === 'abbrev') return ` event=ABBREV xid=0x${hex(v.xid)}\n`;
  let s = ` event=${v.event.toUpperCase()}`;
  if (v.event === 'paused' || v.event === 'resumed') return `${s}\n`;
  if (v.event === 'deleted') s += ` reason=${REASONS[v.reason] ?? v.reason}`;
  s += ` table=${tableText(v.table, ctx)}`;
  if (v.idleTimeout) s += ` idle_timeout=${v.idleTimeout}`;
  if (v.hardTimeout) s += ` hard_timeout=${v.hardTimeout}`;
  s += ` cookie=${v.cookie === 0n ? '0' : `0x${hex(v.cookie)}`}`;
  const match = matchText(v.match, undefined, ctx);
  if (match) s += ` ${match}`;
  return `${s}${v.actions.length ? ` ${actionsText(v.actions, ctx)}` : ''}\n`;
}

export const monitorFormatters: Formatters = {
  monitor_request: ({ value }, ctx) => `\n${value.map((v) => request(v, ctx)).join('')}`,
  monitor_reply: ({ value }, ctx) => `\n${value.map((v) => update(v, ctx)).join('')}`,
  monitor_cancel: ({ value }) => ` id=${value.id}`,
};
