/** Texts of learn(): its properties, and parts in every form. */
import { field } from '../../../src/flow/fields.js';
import type { Random } from '../../../src/lib/random.js';
import { anyField, num, pair, some, subfield, upTo } from './actions.js';
import { fieldName, valueText } from './values.js';

function part(r: Random): string {
  const row = anyField(r, true);
  const [src, dst] = pair(r);
  const bits = r.between(1, Math.min(row.bits, 64));
  return r.pick([
    () => `${fieldName(r, row)}=${valueText(r, row)}`,
    () => `${subfield(r, row)}`,
    () => `${dst}=${src}`,
    () => `${dst}=${src}`,
    () => `${subfield(r, row, bits)}=${num(r, bits)}`,
    () => `load:${num(r, bits)}->${subfield(r, row, bits)}`,
    () => `load:${src}->${dst}`,
    () => `output:${subfield(r, anyField(r, false), r.between(1, 32))}`,
    () => `NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]`,
    () => `eth_type=0x800,nw_proto=${r.pick([6, 17])}`,
    () => `${subfield(r, field(`reg${r.below(16)}`), 16)}=NXM_OF_IN_PORT[]`,
  ])();
}

export function learnText(r: Random): string {
  const properties = some(
    r,
    `table=${r.chance(0.97) ? upTo(r, 253) : r.pick(['254', '255', 'x'])}`,
    `idle_timeout=${upTo(r, 65535)}`,
    `hard_timeout=${upTo(r, 65535)}`,
    `priority=${upTo(r, 65535)}`,
    `cookie=${num(r, 64)}`,
    `fin_idle_timeout=${upTo(r, 9)}`,
    `fin_hard_timeout=${upTo(r, 9)}`,
    'send_flow_rem',
    'delete_learned',
    `limit=${upTo(r, 70000)}`,
    `result_dst=${subfield(r, field('reg7'), r.chance(0.95) ? 1 : 2)}`,
  );
  const parts = Array.from({ length: r.below(4) }, () => part(r));
  if (r.chance(0.02)) parts.push(r.pick(['foo', 'foo=1', 'tcp', 'load:1', 'output:1', 'eth_type=0x800']));
  return `learn(${[...properties, ...parts].join(',')})`;
}
