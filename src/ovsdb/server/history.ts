/**
 * The last transactions of a database, for clients that come back with the identity of the last one they saw. Bounded, in transactions, in rows and in bytes: who was away for
 * longer gets everything anew, which would be shorter, too.
 */
import type { Committed, Database } from '../engine/database.js';
import { ZERO_UUID } from '../value/atom.js';

const MAX_TRANSACTIONS = 100;
const MAX_ROWS = 4000;
const MAX_WEIGHT = 32 << 20;

export class History {
  private readonly transactions: Committed[] = [];
  private rows = 0;
  private weight = 0;
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
    this.weight += txn.weight;
    while (this.isFull) {
      const oldest = this.transactions.shift();
      this.rows -= oldest?.changes.length ?? 0;
      this.weight -= oldest?.weight ?? 0;
    }
  }

  private get isFull(): boolean {
    const n = this.transactions.length;
    return n > MAX_TRANSACTIONS || (n > 1 && (this.rows > MAX_ROWS || this.weight > MAX_WEIGHT));
  }
}
