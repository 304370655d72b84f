import t from 'tap';
import { assert } from '../../lib/errors.js';
import { Database } from '../engine/database.js';
import { VSWITCH_SCHEMA } from '../schema/vswitch.js';
import { SharedMonitor } from './monitors.js';

t.test('what everybody was told of is forgotten', (t) => {
  let n = 0;
  const db = new Database(VSWITCH_SCHEMA, () => `00000000-0000-4000-8000-${String(++n).padStart(12, '0')}`);
  const table = db.tables.get('Open_vSwitch');
  assert(table, 'a table of the schema');
  const monitor = new SharedMonitor([{ table, columns: [], select: 15 }]);
  db.onCommit((txn) => monitor.committed(txn));
  let reader = monitor.enter();
  const slow = monitor.enter();
  for (let i = 0; i < 50; i++) {
    const op =
      i % 2 === 0
        ? { op: 'insert', table: 'Open_vSwitch', row: {} }
        : { op: 'delete', table: 'Open_vSwitch', where: [] };
    db.transact([op]);
    if (i === 20) monitor.leave(slow);
    // As a client that was told everything: it leaves, and comes back to what is new.
    monitor.leave(reader);
    reader = monitor.enter();
    if (i % 7 === 0) monitor.leave(monitor.enter());
    t.ok(monitor.size <= 2, `${monitor.size} sets`);
  }
  t.end();
});
