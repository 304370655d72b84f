/**
 * How large things may become. A database is told to a client in one message and written to its file as one record, and no JavaScript string has more than 2^29 characters;
 * beside that, one client must not be able to fill the memory that all share. What would be too much is refused as RFC 7047 has it: "resources exhausted".
 */
import { datumWeight } from '../value/datum.js';
import { OvsdbError } from '../value/error.js';
import type { Change } from './transaction.js';

/** Characters of all rows of a database in JSON: an update may tell each as it was and as it is, and is a string still. */
export const MAX_DATABASE = 192 << 20;
/** Characters of all rows that the operations of one transaction return. */
export const MAX_RESULTS = 192 << 20;

export function exhausted(what: string, limit: number): OvsdbError {
  return new OvsdbError('resources exhausted', `${what} would have more than ${limit} bytes`);
}

/** What a transaction takes away and what it brings, in characters; of a row that is on both sides only the columns that differ. */
export function weigh(changes: readonly Change[]): { readonly before: number; readonly after: number } {
  let [before, after] = [0, 0];
  for (const { table, old, now } of changes) {
    const { defaults } = table;
    for (let i = 0; i < defaults.length; i++) {
      const a = old?.data[i] ?? defaults[i];
      const b = now?.data[i] ?? defaults[i];
      if (a === b) continue;
      if (a !== defaults[i]) before += datumWeight(a);
      if (b !== defaults[i]) after += datumWeight(b);
    }
  }
  return { before, after };
}
