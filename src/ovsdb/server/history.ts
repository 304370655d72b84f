/**
 * The last transactions of a database, for clients that come back with the identity of the last one they saw. Bounded, in transactions and in rows: who was away for
 * longer gets everything anew, which would be shorter, too.
 */
import type { Committed, Database } from '../engine/database.js';
import { ZERO_UUID } from '../value/atom.js';

const MAX_TRANSACTIONS = 100;
const MAX_ROWS = 4000;

export class History {
  private readonly transactions: Committed[] = [];
  private rows = 0;
  private readonly stop: () => void;

  constructor(db: Database) {
    this.stop = db.onCommit((txn) => this.add(txn));
  }

  close(): void {
    this.stop();
  }

  /** Identity of the newest transaction. */
  get last(): string {
    return this.transactions.at(-1)?.id ?? ZERO_UUID;
  }

  /** The transactions after one, oldest first; undefined when that one is not known. */
  since(id: string): readonly Committed[] | undefined {
    const at = this.transactions.findIndex((t) => t.id === id);
    return at < 0 ? undefined : this.transactions.slice(at + 1);
  }

  private add(txn: Committed): void {
    this.transactions.push(txn);
    this.rows += txn.changes.length;
    while (this.transactions.length > MAX_TRANSACTIONS || (this.rows > MAX_ROWS && this.transactions.length > 1)) {
      this.rows -= this.transactions.shift()?.changes.length ?? 0;
    }
  }
}
