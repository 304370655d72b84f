/**
 * A transaction at work. It writes straight into the tables, so that its own later operations see what the earlier ones did, and remembers what was there
 * before: giving up puts that back. commit.ts checks and completes it.
 */
import { UUID_COLUMN, VERSION_COLUMN } from '../schema/schema.js';
import { Datum } from '../value/type.js';
import { Row, type Table } from './row.js';

/** What became of one row so far. Of a row that came and went nothing is kept. */
export class Change {
  now: Row | undefined;
  /** By index of column: see RowChange. Filled in at commit. */
  changed: Uint8Array | undefined;

  constructor(
    readonly table: Table,
    readonly uuid: string,
    readonly old: Row | undefined,
    now: Row | undefined,
  ) {
    this.now = now;
  }
}

export class Transaction {
  readonly changes = new Map<Table, Map<string, Change>>();
  readonly comments: string[] = [];
  durable = false;
  private readonly names = new Map<string, { uuid: string; created: boolean }>();

  constructor(
    readonly tables: ReadonlyMap<string, Table>,
    private readonly newUuid: () => string,
  ) {}

  /** What a name stands for. A name may be used before the row of that name is inserted. */
  readonly named = (name: string): string => this.symbol(name).uuid;

  symbol(name: string): { uuid: string; created: boolean } {
    let s = this.names.get(name);
    if (!s) {
      s = { uuid: this.newUuid(), created: false };
      this.names.set(name, s);
    }
    return s;
  }

  makeUuid(): string {
    return this.newUuid();
  }

  /** True unless there is a row of this UUID, or was before this transaction deleted it. */
  mayInsert(table: Table, uuid: string): boolean {
    return !table.rows.has(uuid) && !this.changes.get(table)?.has(uuid);
  }

  change(table: Table, uuid: string): Change | undefined {
    return this.changes.get(table)?.get(uuid);
  }

  private remember(c: Change): Change {
    let rows = this.changes.get(c.table);
    if (!rows) {
      rows = new Map();
      this.changes.set(c.table, rows);
    }
    rows.set(c.uuid, c);
    return c;
  }

  /** `data` by index of column; the transaction keeps it. */
  insert(table: Table, uuid: string, data: Datum[]): void {
    data[UUID_COLUMN] = new Datum([uuid]);
    data[VERSION_COLUMN] = new Datum([this.newUuid()]);
    const row = new Row(uuid, data);
    this.remember(new Change(table, uuid, undefined, row));
    table.rows.set(uuid, row);
  }

  /** The row as this transaction may write it. */
  modify(table: Table, row: Row): Row {
    return this.touch(table, row).now ?? row;
  }

  /** The same, with what is known of the change. */
  touch(table: Table, row: Row): Change {
    const known = this.change(table, row.uuid);
    if (known) return known;
    const mine = row.copy();
    table.rows.set(row.uuid, mine);
    return this.remember(new Change(table, row.uuid, row, mine));
  }

  delete(table: Table, row: Row): void {
    const known = this.change(table, row.uuid);
    if (!known) this.remember(new Change(table, row.uuid, row, undefined));
    else if (known.old) known.now = undefined;
    else this.changes.get(table)?.delete(row.uuid);
    table.rows.delete(row.uuid);
  }

  /** Forgets a change: the row is as it was. */
  revert(c: Change): void {
    if (c.old) c.table.rows.set(c.uuid, c.old);
    else c.table.rows.delete(c.uuid);
    this.changes.get(c.table)?.delete(c.uuid);
  }

  /** Puts everything back. */
  abort(): void {
    for (const rows of this.changes.values()) for (const c of rows.values()) this.revert(c);
  }

  /** All changes at this moment; the list does not grow while it is walked. */
  all(): Change[] {
    return [...this.changes.values()].flatMap((rows) => [...rows.values()]);
  }
}
