/** A database under another schema: ovsdb-server(7), section 4.1.19. What the new schema does not know is left out; what the old one did not have has its default. */

import { type DatabaseSchema, STD_COLUMNS } from '../schema/schema.js';
import { datumFromJson, datumToJson } from '../value/datum.js';
import { Database } from './database.js';

/** Throws OvsdbError when the data do not fit. */
export function convertDatabase(old: Database, schema: DatabaseSchema, newUuid: () => string): Database {
  const db = new Database(schema, newUuid);
  const txn = db.begin();
  for (const [name, table] of db.tables) {
    const from = old.tables.get(name);
    if (!from) continue;
    const columns = table.schema.columns.slice(STD_COLUMNS).flatMap((to) => {
      const source = from.schema.column(to.name);
      return source ? [{ to, source }] : [];
    });
    for (const row of from.rows.values()) {
      const data = table.defaults.slice();
      for (const { to, source } of columns) {
        data[to.index] = datumFromJson(datumToJson(row.data[source.index], source.type), to.type);
      }
      txn.insert(table, row.uuid, data);
    }
  }
  db.commit(txn, true);
  return db;
}
