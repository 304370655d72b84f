/** The addresses that a database itself names: rows of Manager that manager_options of the root row refers to, with what became of them written back. */
import type { Clock } from '../../lib/clock.js';
import type { Database } from '../engine/database.js';
import type { Row, Table } from '../engine/row.js';
import type { Atom } from '../value/atom.js';
import { equalDatums, makeDatum } from '../value/datum.js';
import type { RemoteOptions, Remotes } from './remotes.js';

/** How often the state is written, as ovsdb-server does. */
const STATUS_MS = 2500;
const DEFAULTS: RemoteOptions = { maxBackoffMs: 8000, probeMs: 5000 };

export class Managers {
  private readonly stopListening: () => void;
  private cancel: () => void = () => {};

  /** `fixed`: addresses of the command line, served whatever the database says; who changes them calls refresh(). */
  constructor(
    private readonly db: Database,
    private readonly remotes: Remotes,
    private readonly clock: Clock,
    private readonly fixed: ReadonlyMap<string, RemoteOptions>,
  ) {
    this.stopListening = db.onCommit((txn) => {
      if (txn.changes.some((c) => c.table.schema.name === 'Manager' || c.table.schema.name === 'Open_vSwitch')) {
        this.refresh();
      }
    });
    this.refresh();
    this.tick();
  }

  /** The addresses stay served: see Remotes.close(). */
  close(): void {
    this.stopListening();
    this.cancel();
  }

  /** Serves what is wanted now. */
  refresh(): void {
    const wanted = new Map(this.fixed);
    for (const { row, table } of this.rows()) {
      const target = value(table, row, 'target');
      if (typeof target !== 'string' || target === '') continue;
      wanted.set(target, {
        maxBackoffMs: Number(value(table, row, 'max_backoff') ?? DEFAULTS.maxBackoffMs),
        probeMs: Number(value(table, row, 'inactivity_probe') ?? DEFAULTS.probeMs),
      });
    }
    this.remotes.set(wanted);
  }

  private *rows(): Iterable<{ row: Row; table: Table }> {
    const table = this.db.tables.get('Manager');
    const root = this.db.tables.get('Open_vSwitch');
    const options = root?.schema.column('manager_options');
    if (!table || !root || !options) return;
    for (const r of root.rows.values()) {
      for (const uuid of r.data[options.index].keys) {
        const row = table.rows.get(String(uuid));
        if (row) yield { row, table };
      }
    }
  }

  private tick(): void {
    this.writeStatus();
    this.cancel = this.clock.after(STATUS_MS, () => this.tick());
  }

  /** The columns are not kept in the file: nothing is written where nothing changed. */
  private writeStatus(): void {
    const txn = this.db.begin();
    for (const { row, table } of [...this.rows()]) {
      const s = this.remotes.status(String(value(table, row, 'target')));
      if (!s) continue;
      const mine = txn.modify(table, row);
      for (const [name, keys, values] of [
        ['is_connected', [s.isConnected], undefined],
        ['status', Object.keys(s.status), Object.values(s.status)],
      ] as const) {
        const column = table.schema.column(name);
        if (!column) continue;
        const d = makeDatum(keys, values, column.type);
        if (!equalDatums(mine.data[column.index], d)) mine.data[column.index] = d;
      }
    }
    this.db.commit(txn);
  }
}

function value(table: Table, row: Row, name: string): Atom | undefined {
  const column = table.schema.column(name);
  return column && row.data[column.index].keys[0];
}
