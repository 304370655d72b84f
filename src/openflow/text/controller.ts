import { ASYNC_MESSAGES, type AsyncConfig } from '../messages/controller.js';
import type { Formatters } from './context.js';

/** Names of reasons by bit, in the order of ASYNC_MESSAGES. */
const REASONS: readonly (readonly string[])[] = [
  ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'],
  ['add', 'delete', 'modify'],
  ['idle', 'hard', 'delete', 'group_delete', 'meter_delete', 'eviction'],
  ['primary_request', 'configuration_changed', 'experimenter_data_changed'],
  ['', '', '', 'vacancy_down', 'vacancy_up'],
  ['group_mod_request', 'meter_mod_request'],
];

function masks(v: AsyncConfig): string {
  return ['primary', 'secondary']
    .map((who, side) => {
      const lines = ASYNC_MESSAGES.map((name, i) => {
        const mask = v.pairs[i]?.[side] ?? 0;
        const set = Array.from({ length: 32 }, (_, bit) => bit)
          .filter((bit) => (mask >>> bit) & 1)
          .map((bit) => REASONS[i][bit] || String(bit));
        return `${name.padStart(16)}: ${set.length ? set.join(' ') : '(off)'}\n`;
      });
      return ` ${who}:\n${lines.join('')}`;
    })
    .join('\n');
}

const ROLES = ['nochange', 'equal', 'primary', 'secondary'];
const NO_GENERATION = 0xffffffffffffffffn;
const FORMATS = ['openflow10', '', 'nxm'];
export const PACKET_IN_FORMATS = ['standard', 'nxt_packet_in', 'nxt_packet_in2'] as const;
const ROLE_REASONS = ['primary_request', 'configuration_changed', 'experimenter_data_changed'];

function role(v: { role: number; generation?: bigint }): string {
  const known = v.generation !== undefined && v.generation !== NO_GENERATION;
  return ` role=${ROLES[v.role] ?? v.role}${known ? ` generation_id=${v.generation}` : ''}`;
}

export const controllerFormatters: Formatters = {
  role_request: ({ value }) => {
    // An equal or unchanged role has no generation.
    return role(value.role >= 2 ? value : { role: value.role });
  },
  role_reply: ({ value }) => role(value),
  role_status: ({ value }) => `${role(value)} reason=${ROLE_REASONS[value.reason] ?? value.reason}`,
  get_async_reply: ({ value }) => `\n${masks(value)}`,
  set_async: ({ value }) => `\n${masks(value)}`,
  set_flow_format: ({ value }) => ` format=${FORMATS[value.format] || value.format}`,
  flow_mod_table_id: ({ value }) => ` ${value.set ? 'enable' : 'disable'}`,
  set_packet_in_format: ({ value }) => ` format=${PACKET_IN_FORMATS[value.format] ?? value.format}`,
  set_controller_id: ({ value }) => ` id=${value.controllerId}`,
};
