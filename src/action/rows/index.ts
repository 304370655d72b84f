/** The registry of actions. A type of the union without a row here does not compile. */
import type { Action, ActionOf } from '../action.js';
import type { ActionRow } from '../row.js';
import * as control from './control.js';
import { controller } from './controller.js';
import * as ct from './ct.js';
import * as encap from './encap.js';
import * as hash from './hash.js';
import { learn } from './learn.js';
import * as metadata from './metadata.js';
import * as move from './move.js';
import * as output from './output.js';
import { sample } from './sample.js';
import { setField } from './set.js';
import * as tags from './tags.js';

type Registry = { readonly [T in Action['type']]: ActionRow<ActionOf<T>> };

/** In the order of docs/actions.md. */
export const ROWS: Registry = {
  output: output.output,
  output_reg: output.outputReg,
  output_trunc: output.outputTrunc,
  controller,
  enqueue: output.enqueue,
  group: output.group,
  bundle: hash.bundle,
  multipath: hash.multipath,
  strip_vlan: tags.stripVlan,
  push_vlan: tags.pushVlan,
  push_mpls: tags.pushMpls,
  pop_mpls: tags.popMpls,
  encap: encap.encap,
  decap: encap.decap,
  set_field: setField,
  move: move.move,
  dec_ttl: metadata.decTtl,
  set_mpls_label: tags.setMplsLabel,
  set_mpls_tc: tags.setMplsTc,
  set_mpls_ttl: tags.setMplsTtl,
  dec_mpls_ttl: tags.decMplsTtl,
  dec_nsh_ttl: encap.decNshTtl,
  check_pkt_larger: metadata.checkPktLarger,
  delete_field: metadata.deleteField,
  set_tunnel: metadata.setTunnel,
  set_queue: metadata.setQueue,
  pop_queue: metadata.popQueue,
  ct: ct.ct,
  nat: ct.nat,
  ct_clear: ct.ctClear,
  learn,
  fin_timeout: metadata.finTimeout,
  resubmit: control.resubmit,
  clone: control.clone,
  stack_push: move.stackPush,
  stack_pop: move.stackPop,
  exit: control.exit,
  conjunction: control.conjunction,
  note: metadata.note,
  sample,
  meter: control.meter,
  clear_actions: control.clearActions,
  write_actions: control.writeActions,
  write_metadata: control.writeMetadata,
  goto_table: control.gotoTable,
};

export const ALL_ROWS: readonly ActionRow[] = Object.values(ROWS);

const byKeyword: ReadonlyMap<string, ActionRow> = new Map(
  ALL_ROWS.flatMap((row) => row.keywords.map((k): [string, ActionRow] => [k, row])),
);

export function rowOf(a: Action): ActionRow {
  return ROWS[a.type];
}

/** The row that a keyword of text starts, in any case. */
export function rowOfKeyword(key: string): ActionRow | undefined {
  return byKeyword.get(key.toLowerCase());
}
