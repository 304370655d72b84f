/** Lines of flows as `ovs-ofctl add-flows` reads them. */
import type { Random } from '../../../src/lib/random.js';
import { actionsText, num, some, upTo } from './actions.js';
import { matchText } from './matches.js';
import { port } from './values.js';

const COMMANDS = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'];

export function flowLine(r: Random): string {
  const command = r.chance(0.75) ? '' : r.pick(COMMANDS);
  const removes = command.startsWith('delete');
  const parts = matchText(r);
  const flags = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'];
  if (r.chance(0.3))
    parts.unshift(`table=${r.chance(0.99) ? upTo(r, 253) : r.pick(['254', '255', '256', 'x', 'ALL'])}`);
  if (r.chance(0.4) && (!removes || command.endsWith('strict') || r.chance(0.05)))
    parts.unshift(`priority=${r.chance(0.99) ? upTo(r, 65535) : '65536'}`);
  if (r.chance(0.2))
    parts.push(`cookie=${num(r, 64)}${command !== '' && command !== 'add' && r.chance(0.8) ? `/${num(r, 64)}` : ''}`);
  if (r.chance(0.02)) parts.push(`cookie=${num(r, 64)}/${num(r, 64)}`);
  if (r.chance(0.15) && (!removes || r.chance(0.05)))
    parts.push(...some(r, `idle_timeout=${num(r, 16)}`, `hard_timeout=${num(r, 16)}`, ...flags));
  if (r.chance(0.04) && (command === '' || r.chance(0.05))) parts.push(`importance=${num(r, 16)}`);
  if (removes && r.chance(0.3))
    parts.push(...some(r, `out_port=${port(r)}`, `out_group=${r.pick([num(r, 32), 'any', 'all'])}`));
  if (r.chance(0.01))
    parts.push(...some(r, 'out_port=1', 'foo', 'duration=3s', 'n_packets=7', 'n_bytes=9', 'idle_age=3'));
  const text = parts.join(r.chance(0.9) ? ',' : ', ');
  const actions =
    removes && r.chance(0.95)
      ? ''
      : `${text === '' ? '' : r.pick([',', ',', ' '])}${r.pick(['actions', 'actions', 'action'])}=${actionsText(r)}`;
  return `${command}${command ? ' ' : ''}${text}${actions}`;
}
