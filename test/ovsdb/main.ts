/**
 * Our database server against the real one: node dist/test/ovsdb/main.js [--transactions N] [--seed S] [--trace]. Random transactions with monitors to both: same replies,
 * same updates; then each opens the other's file. Exit status 1 when they differ.
 */
import { numberOption } from '../support/options.js';
import { runWorlds } from './run.js';

const transactions = numberOption('transactions', 2000);
const seed = numberOption('seed', 1);
const started = process.hrtime.bigint();
const total = await runWorlds(transactions, seed);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
if (total.difference !== undefined) console.error(total.difference);
console.log(
  `${total.transactions} transactions (${total.committed} successful replies, ${total.updates} updates, ${total.worlds} worlds, ${total.broken} of them cut short by a fault of ovsdb-server, seed ${seed}) in ${seconds.toFixed(1)} s: ${total.difference === undefined ? 'no difference' : 'DIFFERENT'}`,
);
process.exit(total.difference === undefined ? 0 : 1);
