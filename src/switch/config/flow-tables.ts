/** Flow_Table rows: name, limit and eviction of OpenFlow tables. */
import type { Bridge } from '../../bridge/bridge.js';
import type { FieldRow, Subfield } from '../../flow/field.js';
import { fieldByAnyName } from '../../flow/fields.js';
import { parseSubfield } from '../../flow/subfield.js';
import { N_TABLES } from '../../flowtable/flow-mod.js';
import type { TableOwner } from '../../flowtable/table-settings.js';
import { UserError } from '../../lib/errors.js';
import type { FlowTableRow } from './tables.js';

function owner(row: FlowTableRow, fault: (text: string) => void): TableOwner {
  const groups: Subfield[] = [];
  for (const text of row.groups) {
    try {
      groups.push(parseSubfield(text));
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      fault(`flow table ${row.name ?? ''}: groups: ${e.message}`);
    }
  }
  const prefixes: FieldRow[] = [];
  for (const name of row.prefixes) {
    const field = fieldByAnyName(name);
    if (field) prefixes.push(field);
    else if (name !== 'none') fault(`flow table ${row.name ?? ''}: prefixes: ${name} is no field`);
  }
  return {
    name: row.name,
    flowLimit: row.flow_limit,
    overflow: row.overflow_policy === 'evict' || row.overflow_policy === 'refuse' ? row.overflow_policy : undefined,
    groups,
    prefixes,
  };
}

export class FlowTablesConfig {
  private readonly applied = new WeakMap<Bridge, ReadonlyMap<number, FlowTableRow>>();

  /** `rows`: by table number. */
  apply(bridge: Bridge, rows: ReadonlyMap<number, FlowTableRow>, fault: (text: string) => void): void {
    const before = this.applied.get(bridge);
    if (rows.size === 0 && !before) return;
    this.applied.set(bridge, rows);
    for (const id of before?.keys() ?? []) if (!rows.has(id)) bridge.configureTable(id, {});
    for (const [id, row] of rows) {
      if (before?.get(id) === row) continue;
      if (id < N_TABLES) bridge.configureTable(id, owner(row, fault));
      else fault(`there is no flow table ${id}: they are 0 to ${N_TABLES - 1}`);
    }
  }
}
