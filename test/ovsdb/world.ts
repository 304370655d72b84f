/** One world: both servers, nine clients at each, random requests in lockstep. After each everything that anybody heard must be the same. */

import { Random } from '../../src/lib/random.js';
import { formatJson, isArray, isObject, type Json, type JsonObject } from '../../src/ovsdb/json/json.js';
import { ZERO_UUID } from '../../src/ovsdb/value/atom.js';
import { canonicalMessages, UuidMap } from './compare.js';
import { Generator } from './generate.js';
import { Client, type OurPeer, type Peer } from './peers.js';

const CLIENTS = 9;

/** A monitor of a client. `request` is undefined when its conditions were changed. */
interface Watch {
  readonly id: string;
  readonly kind: string;
  request: Json | undefined;
  readonly tables: string[];
}

export interface Outcome {
  readonly steps: number;
  readonly transactions: number;
  readonly committed: number;
  readonly updates: number;
  readonly difference: string | undefined;
  /** The real server had lost track of a weak reference, or failed an assertion of its own: the world ended there. */
  readonly isBroken: boolean;
}

export class World {
  private readonly random: Random;
  private readonly generate: Generator;
  private readonly map: UuidMap;
  private ours: Client[] = [];
  private theirs: Client[] = [];
  private nextId = 0;
  private readonly monitors: Watch[][] = Array.from({ length: CLIENTS }, () => []);
  private transactions = 0;
  /** The real server did not tell what it should have. */
  private silent = false;
  private committed = 0;
  private updates = 0;

  constructor(
    private readonly mine: OurPeer,
    private readonly real: Peer,
    private readonly database: string,
    seed: number,
  ) {
    this.random = new Random(seed);
    this.generate = new Generator(this.random, mine.storage.db.tables, 0.03);
    this.map = new UuidMap(this.generate.pool);
  }

  async run(transactions: number): Promise<Outcome> {
    for (let i = 0; i < CLIENTS; i++) {
      this.ours.push(await Client.open(this.mine.socket));
      this.theirs.push(await Client.open(this.real.socket));
    }
    let steps = 0;
    let difference: string | undefined;
    while (this.transactions < transactions && difference === undefined) {
      difference = await this.step();
      steps++;
    }
    const isBroken = difference !== undefined && (this.silent || (await this.isRealBroken()));
    for (const c of [...this.ours, ...this.theirs]) c.close();
    const { committed, updates } = this;
    if (isBroken) difference = undefined;
    return { steps, transactions: this.transactions, committed, updates, difference, isBroken };
  }

  private async step(): Promise<string | undefined> {
    const client = this.random.below(CLIENTS);
    if (this.random.chance(0.005) && !(await this.reconnect(client))) return 'ovsdb-server is gone';
    const text = this.request(client);
    if (process.argv.includes('--trace')) console.error(`${client} ${text}`);
    this.ours[client].send(text);
    this.theirs[client].send(this.map.translate(text));
    // The one that asked first: its reply says that the others will be told.
    await Promise.all([this.ours[client].sync(), this.theirs[client].sync()]);
    await Promise.all([...this.ours, ...this.theirs].map((c) => c.sync()));
    const heard = this.ours.map((c, i) => [c.messages(), this.theirs[i].messages()] as const);
    const replies = (m: readonly Json[]) => new Map(m.filter(isObject).map((r) => [formatJson(r.id ?? null), r]));
    for (const [a, b] of heard) {
      const theirs = replies(b);
      for (const [id, m] of replies(a)) if (id !== 'null') this.map.learn(m, theirs.get(id) ?? null);
    }
    for (const [i, [a, b]] of heard.entries()) {
      const [x, y] = [canonicalMessages(a, this.map), canonicalMessages(b, this.map)];
      this.count(a);
      if (x.join('\n') === y.join('\n')) continue;
      if (
        y.every((m) => x.includes(m)) &&
        (await this.isSilent(
          i,
          a.filter((_, k) => !y.includes(canonicalMessages([a[k]], this.map)[0])),
        ))
      ) {
        this.silent = true;
      }
      return `client ${client} said ${text}\nclient ${i} heard from us\n  ${x.join('\n  ')}\nand from ovsdb-server\n  ${y.join('\n  ')}`;
    }
    return undefined;
  }

  /**
   * ovsdb-server forgets to take out a weak reference when the row that holds it is changed by the same transaction that deletes the other one, and was looked at
   * first. From then on the two databases differ.
   */
  private async isRealBroken(): Promise<boolean> {
    const client = await this.knock();
    if (!client) return true;
    const tables = [...this.mine.storage.db.tables.values()];
    const operations = tables.map((t) => ({ op: 'select', table: t.schema.name, where: [] }));
    client.send(formatJson({ method: 'transact', params: [this.database, ...operations], id: 0 }));
    await client.sync();
    const [reply] = client.messages();
    client.close();
    const results = isObject(reply) && isArray(reply.result) ? reply.result : [];
    const rows = new Map(tables.map((t, i) => [t.schema.name, rowsOf(results[i])]));
    const there = (table: string | undefined, text: string): boolean => {
      const uuids = (rows.get(table ?? '') ?? []).map((r) => formatJson(r._uuid ?? null));
      return (text.match(/\["uuid","[^"]*"\]/g) ?? []).every((u) => uuids.includes(u));
    };
    return tables.some((t) =>
      t.weakColumns.some((ref) =>
        (rows.get(t.schema.name) ?? []).some(
          (r) => !there(ref.keys ?? ref.values, formatJson(r[ref.column.name] ?? null)),
        ),
      ),
    );
  }

  /**
   * Now and then ovsdb-server forgets to tell a monitor of a change (seen after another monitor of the same client was cancelled). That it should have, it says itself: a
   * new monitor that asks the same of it has the rows that we told of, and has not those that we said are gone.
   */
  private async isSilent(client: number, missing: readonly Json[]): Promise<boolean> {
    for (const m of missing) {
      const params = isObject(m) && isArray(m.params) && typeof m.method === 'string' ? m.params : [];
      const watch = this.monitors[client].find((w) => w.id === params[0]);
      const now = watch?.request && (await this.fresh(watch));
      const told = params.at(-1);
      if (!now || !isObject(told)) return false;
      for (const [table, rows] of Object.entries(told)) {
        const there = now[table];
        const uuids = new Set(isObject(there) ? Object.keys(there).map((u) => this.map.text(u)) : []);
        for (const [uuid, row] of Object.entries(isObject(rows) ? rows : {})) {
          const isGone = isObject(row) && ('delete' in row || !('insert' in row || 'modify' in row || 'new' in row));
          if (uuids.has(this.map.text(uuid)) === isGone) return false;
        }
      }
    }
    return missing.length > 0;
  }

  /** What the real server tells a new monitor; undefined when it is gone. */
  private async fresh({ kind, request }: Watch): Promise<JsonObject | undefined> {
    const c = await this.knock();
    if (!c) return undefined;
    const params = [this.database, 'fresh', request ?? {}, ...(kind === 'monitor_cond_since' ? [ZERO_UUID] : [])];
    c.send(this.map.translate(formatJson({ method: kind, params, id: 0 })));
    await c.sync();
    const [reply] = c.messages();
    c.close();
    const result = isObject(reply) ? reply.result : undefined;
    const tables = isArray(result) ? result[2] : result;
    return isObject(tables) ? tables : undefined;
  }

  /** Another connection to the real server; undefined when it is gone. */
  private async knock(): Promise<Client | undefined> {
    try {
      return await Client.open(this.real.socket);
    } catch (e) {
      if (e instanceof Error && 'code' in e && e.code === 'ECONNREFUSED') return undefined;
      throw e;
    }
  }

  private count(messages: readonly Json[]): void {
    for (const m of messages) {
      if (!isObject(m)) continue;
      if (typeof m.method === 'string') this.updates++;
      else if (m.result !== null && !formatJson(m.result ?? null).includes('"error":')) this.committed++;
    }
  }

  private async reconnect(client: number): Promise<boolean> {
    this.monitors[client] = [];
    this.ours[client].close();
    this.theirs[client].close();
    this.ours[client] = await Client.open(this.mine.socket);
    const theirs = await this.knock();
    if (!theirs) return false;
    this.theirs[client] = theirs;
    // Both must have noticed that the old ones are gone, for locks.
    await new Promise((r) => setTimeout(r, 20));
    await Promise.all([...this.ours, ...this.theirs].map((c) => c.sync()));
    return true;
  }

  private call(method: string, params: Json): string {
    return formatJson({ method, params, id: ++this.nextId });
  }

  private request(client: number): string {
    const { random, generate } = this;
    const mine = this.monitors[client];
    // Eight of nine watch, each with up to three monitors.
    if (client > 0 && mine.length < 1 + (client % 3)) return this.monitor(client);
    if (mine.length > 0 && random.chance(0.03)) {
      const m = random.pick(mine);
      if (random.chance(0.4)) {
        mine.splice(mine.indexOf(m), 1);
        return this.call('monitor_cancel', [m.id]);
      }
      const next = random.chance(0.7) ? m.id : `m${++this.nextId}`;
      // Whether a refused change renames is the server's affair: we forget the monitor then.
      if (next !== m.id) mine.splice(mine.indexOf(m), 1);
      m.request = undefined;
      return this.call('monitor_cond_change', [m.id, next, generate.conditionChange(m.tables)]);
    }
    if (random.chance(0.02)) return this.call(random.pick(['lock', 'unlock', 'steal']), [random.pick(['l1', 'l2'])]);
    this.transactions++;
    const operations = generate.operations();
    if (random.chance(0.02))
      operations.splice(0, operations.length, this.openWait(), { op: 'comment', comment: 'at last' });
    return this.call('transact', [this.database, ...operations]);
  }

  /** Waits for what may come true one day. It is not cancelled: ovsdb-server then says nothing, where RFC 7047 wants an error. */
  private openWait(): Json {
    const table = this.generate.table();
    const column = table.schema.columns[2];
    const rows: Json[] = [{ [column.name]: this.generate.value(column) }];
    return { op: 'wait', table: table.schema.name, where: [], columns: [column.name], until: '==', rows };
  }

  private monitor(client: number): string {
    const { random, generate } = this;
    const kind = random.pick(['monitor', 'monitor_cond', 'monitor_cond_since']);
    const id = `m${++this.nextId}`;
    const request = generate.monitor(kind !== 'monitor');
    this.monitors[client].push({ id, kind, request, tables: isObject(request) ? Object.keys(request) : [] });
    const params: Json[] = [this.database, id, request];
    if (kind === 'monitor_cond_since') params.push(random.pick(generate.pool));
    return this.call(kind, params);
  }
}

function rowsOf(result: Json | undefined): JsonObject[] {
  return isObject(result) && isArray(result.rows) ? result.rows.filter(isObject) : [];
}
