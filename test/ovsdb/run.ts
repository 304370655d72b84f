/** Worlds one after another, over two schemas; then the files are exchanged and both must show the same. */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type Json } from '../../src/ovsdb/json/json.js';
import { VSWITCH_SCHEMA } from '../../src/ovsdb/schema/vswitch.js';
import { canonicalMessages, UuidMap } from './compare.js';
import { Client, type Peer, removeScratch, scratch, startOurs, startReal } from './peers.js';
import { TEST_SCHEMA } from './test-schema.js';
import { type Outcome, World } from './world.js';

/** Transactions of one world: long enough for a full database, short enough to be run again. */
const WORLD_TRANSACTIONS = 1000;

export interface Total {
  transactions: number;
  committed: number;
  updates: number;
  worlds: number;
  /** Worlds that ended because the real server had broken its database. */
  broken: number;
  difference: string | undefined;
}

export async function runWorlds(transactions: number, seed: number): Promise<Total> {
  const total: Total = { transactions: 0, committed: 0, updates: 0, worlds: 0, broken: 0, difference: undefined };
  for (let w = 0; total.transactions < transactions && total.difference === undefined; w++) {
    const schema = w % 3 === 2 ? VSWITCH_SCHEMA.toJson() : TEST_SCHEMA;
    const n = Math.min(WORLD_TRANSACTIONS, transactions - total.transactions);
    const outcome = await runWorld(schema, Math.imul(seed, 1_000_003) + w, n);
    total.worlds++;
    total.transactions += outcome.transactions;
    total.committed += outcome.committed;
    total.updates += outcome.updates;
    if (outcome.isBroken) total.broken++;
    if (outcome.difference !== undefined) total.difference = `world ${w}: ${outcome.difference}`;
  }
  return total;
}

export async function runWorld(schema: Json, seed: number, transactions: number): Promise<Outcome> {
  const dir = scratch();
  const name = isObject(schema) ? String(schema.name) : '';
  try {
    const real = await startReal(dir, schema);
    const ours = await startOurs(dir, schema, seed);
    let outcome: Outcome;
    let contents: [string, string];
    try {
      outcome = await new World(ours, real, name, seed).run(transactions);
      if (outcome.isBroken || outcome.difference !== undefined) return outcome;
      contents = [await everything(ours, schema), await everything(real, schema)];
    } finally {
      await ours.close();
      await real.close();
    }
    return { ...outcome, difference: await exchange(dir, schema, seed, contents) };
  } finally {
    removeScratch(dir);
  }
}

/** Each server opens what the other left. */
async function exchange(
  dir: string,
  schema: Json,
  seed: number,
  contents: [string, string],
): Promise<string | undefined> {
  copyFileSync(join(dir, 'ours.db'), join(dir, 'a.db'));
  copyFileSync(join(dir, 'real.db'), join(dir, 'b.db'));
  const name = isObject(schema) ? String(schema.name) : '';
  const tool = spawnSync('ovsdb-tool', ['query', join(dir, 'a.db'), JSON.stringify([name])], { encoding: 'utf8' });
  if (tool.stderr !== '') return `ovsdb-tool of our file: ${tool.stderr}`;
  const real = await startReal(join(dir, 'again'), schema, join(dir, 'a.db'));
  const ours = await startOurs(join(dir, 'again'), schema, seed, join(dir, 'b.db'));
  try {
    const got = [await everything(real, schema), await everything(ours, schema)];
    const who = ['ovsdb-server of our file', 'we of the file of ovsdb-server'];
    const at = got.findIndex((text, i) => text !== contents[i]);
    return at < 0 ? undefined : `what ${who[at]} made:\n${got[at]}\nwhere there was\n${contents[at]}`;
  } finally {
    await ours.close();
    await real.close();
  }
}

/** All rows and columns that the file keeps. */
async function everything(peer: Peer, schema: Json): Promise<string> {
  const client = await Client.open(peer.socket);
  const tables = isObject(schema) && isObject(schema.tables) ? schema.tables : {};
  const operations = Object.entries(tables).map(([table, t]) => {
    const columns = isObject(t) && isObject(t.columns) ? t.columns : {};
    const kept = Object.entries(columns).filter(([, c]) => !(isObject(c) && c.ephemeral === true));
    return { op: 'select', table, where: [], columns: ['_uuid', ...kept.map(([n]) => n)] };
  });
  const name = isObject(schema) ? String(schema.name) : '';
  client.send(JSON.stringify({ method: 'transact', params: [name, ...operations], id: 0 }));
  await client.sync();
  const text = canonicalMessages(client.messages(), new Identity()).join('\n');
  client.close();
  return text;
}

/** The same server or file: UUIDs are what they are. */
class Identity extends UuidMap {
  constructor() {
    super([]);
  }

  override text(s: string): string {
    return s;
  }
}
