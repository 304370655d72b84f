import { formatHexDump } from '../../lib/hex-dump.js';
import { errorName } from '../errors.js';
import { CAPABILITY, FRAG_MODES, INVALID_TTL_TO_CONTROLLER } from '../messages/basic.js';
import { versionsOf } from '../version.js';
import { bitNames, type Formatters, hex } from './context.js';
import { formatInner } from './message.js';
import { formatPorts } from './port.js';

const ACTION_NAMES = [
  'output',
  'set_vlan_vid',
  'set_vlan_pcp',
  'strip_vlan',
  'mod_dl_src',
  'mod_dl_dst',
  'mod_nw_src',
  'mod_nw_dst',
  'mod_nw_tos',
  'mod_tp_src',
  'mod_tp_dst',
  'enqueue',
] as const;
/** Enqueue is the last action of 1.0 and is printed second. */
const ACTION_ORDER = [0, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;

function capabilityNames(version: number): (readonly [number, string])[] {
  const names: (readonly [number, string])[] = [
    [CAPABILITY.flowStats, 'FLOW_STATS'],
    [CAPABILITY.tableStats, 'TABLE_STATS'],
    [CAPABILITY.portStats, 'PORT_STATS'],
    version === 1 ? [CAPABILITY.stp, 'STP'] : [CAPABILITY.groupStats, 'GROUP_STATS'],
    [CAPABILITY.ipReassembly, 'IP_REASM'],
    [CAPABILITY.queueStats, 'QUEUE_STATS'],
    version <= 2 ? [CAPABILITY.arpMatchIp, 'ARP_MATCH_IP'] : [CAPABILITY.portBlocked, 'PORT_BLOCKED'],
  ];
  if (version >= 5) names.push([CAPABILITY.bundles, 'BUNDLES'], [0x400, 'FLOW_MONITORING']);
  return names;
}

function actionBits(actions: number): string {
  return ACTION_ORDER.filter((i) => actions & (1 << i))
    .map((i) => ACTION_NAMES[i])
    .join(' ');
}

function config(v: { flags: number; missSendLen: number }): string {
  const ttl = v.flags & INVALID_TTL_TO_CONTROLLER ? ' invalid_ttl_to_controller' : '';
  return ` frags=${FRAG_MODES[v.flags & 3]}${ttl} miss_send_len=${v.missSendLen}\n`;
}

function echo(data: Uint8Array, verbosity: number): string {
  return ` ${data.length} bytes of payload\n${verbosity > 1 ? formatHexDump(data) : ''}`;
}

const nothing = () => '';

export const basicFormatters: Formatters = {
  hello: ({ value, version }) => {
    if (value.bitmap === undefined) {
      const all = Array.from({ length: version }, (_, i) => `0x${hex(i + 1, 2)}`);
      return `\n version bitmap: ${all.join(', ')}\n`;
    }
    return `\n version bitmap: ${versionsOf(value.bitmap)
      .map((v) => `0x${hex(v, 2)}`)
      .join(', ')}\n`;
  },
  error: ({ value, version }, ctx) => {
    const name = errorName(version, value);
    if (name === undefined) return ` type ${value.type}, code ${value.code}\n${formatHexDump(value.data)}`;
    if (value.vendor === 0 && value.type === 0) return ` ${name}\n${printable(value.data)}\n`;
    return ` ${name}\n${formatInner(value.data, ctx)}`;
  },
  echo_request: ({ value }, ctx) => echo(value, ctx.verbosity),
  echo_reply: ({ value }, ctx) => echo(value, ctx.verbosity),
  features_request: nothing,
  features_reply: ({ value: v, version }, ctx) => {
    const auxiliary = v.auxiliaryId ? `, auxiliary_id:${v.auxiliaryId}` : '';
    const head = ` dpid:${hex(v.datapathId, 16)}\nn_tables:${v.nTables}, n_buffers:${v.nBuffers}${auxiliary}\n`;
    const able = `capabilities: ${bitNames(v.capabilities, capabilityNames(version), '0')}\n`;
    const actions = version === 1 ? `actions: ${actionBits(v.actions)}\n` : '';
    return head + able + actions + formatPorts(v.ports, ctx);
  },
  get_config_request: nothing,
  get_config_reply: ({ value }) => config(value),
  set_config: ({ value }) => config(value),
  barrier_request: nothing,
  barrier_reply: nothing,
  desc_request: nothing,
  desc_reply: ({ value: v }) =>
    `\nManufacturer: ${v.manufacturer}\nHardware: ${v.hardware}\nSoftware: ${v.software}\n` +
    `Serial Num: ${v.serial}\nDP Description: ${v.datapath}\n`,
};

function printable(data: Uint8Array): string {
  return Buffer.from(data)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (c) => `\\x${hex(c.charCodeAt(0), 2)}`);
}
