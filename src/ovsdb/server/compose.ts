/** Row updates as monitors say them: "update" of RFC 7047 section 4.1.6, "update2" and "update3" of ovsdb-server(7). */
import { type Clause, matchesAny } from '../engine/condition.js';
import type { Row } from '../engine/row.js';
import type { Json, JsonObject } from '../json/json.js';
import { datumToJson, difference, equalDatums } from '../value/datum.js';
import { type MonitoredTable, type Occasion, SELECT } from './monitor-request.js';

/** One row between two moments; not both are undefined. */
export interface Pair {
  readonly old: Row | undefined;
  readonly now: Row | undefined;
}

/** The JSON of a row's change, or undefined where there is nothing to tell. */
export type Compose = (t: MonitoredTable, pair: Pair, clauses: readonly Clause[], initial: boolean) => Json | undefined;

function selected(t: MonitoredTable, o: Occasion): boolean {
  return (t.select & SELECT[o]) !== 0;
}

/** True when a column that is monitored changed, whether its changes are told or not. */
function differs(t: MonitoredTable, old: Row, now: Row): boolean {
  return t.columns.some(({ column: { index } }) => !equalDatums(old.data[index], now.data[index]));
}

/** The columns told on an occasion, where `pick` wants them. */
function rowJson(t: MonitoredTable, row: Row, o: Occasion, pick?: (index: number) => boolean): JsonObject {
  const out: Record<string, Json> = {};
  for (const { column, select } of t.columns) {
    if ((select & SELECT[o]) === 0 || (pick && !pick(column.index))) continue;
    out[column.name] = datumToJson(row.data[column.index], column.type);
  }
  return out;
}

export const composeUpdate: Compose = (t, { old, now }, _clauses, initial) => {
  if (initial) return now && selected(t, 'initial') ? { new: rowJson(t, now, 'initial') } : undefined;
  if (!now) return old && selected(t, 'delete') ? { old: rowJson(t, old, 'delete') } : undefined;
  if (!old) return selected(t, 'insert') ? { new: rowJson(t, now, 'insert') } : undefined;
  if (!selected(t, 'modify') || !differs(t, old, now)) return undefined;
  const changed = (i: number) => !equalDatums(old.data[i], now.data[i]);
  return { old: rowJson(t, old, 'modify', changed), new: rowJson(t, now, 'modify') };
};

export const composeUpdate2: Compose = (t, { old, now }, clauses, initial) => {
  const before = old !== undefined && matchesAny(old, clauses) ? old : undefined;
  const after = now !== undefined && matchesAny(now, clauses) ? now : undefined;
  if (after && (initial || !before)) {
    const o = initial ? 'initial' : 'insert';
    if (!selected(t, o)) return undefined;
    return { [o]: rowJson(t, after, o, isNotDefault(t, after)) };
  }
  if (!before) return undefined;
  if (!after) return selected(t, 'delete') ? { delete: null } : undefined;
  if (!selected(t, 'modify') || !differs(t, before, after)) return undefined;
  const diff: Record<string, Json> = {};
  for (const { column, select } of t.columns) {
    const [a, b] = [before.data[column.index], after.data[column.index]];
    if ((select & SELECT.modify) === 0 || equalDatums(a, b)) continue;
    diff[column.name] = datumToJson(difference(a, b, column.type), column.type);
  }
  return { modify: diff };
};

function isNotDefault(t: MonitoredTable, row: Row): (index: number) => boolean {
  return (i) => !equalDatums(row.data[i], t.table.defaults[i]);
}
