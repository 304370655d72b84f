/** One world: both servers, nine clients at each, random requests in lockstep. After each everything that anybody heard must be the same. */

import { Random } from '../../src/lib/random.js';
import { formatJson, isObject, type Json } from '../../src/ovsdb/json/json.js';
import { canonicalMessages, UuidMap } from './compare.js';
import { Generator } from './generate.js';
import { Client, type OurPeer, type Peer } from './peers.js';

const CLIENTS = 9;

export interface Outcome {
  readonly steps: number;
  readonly transactions: number;
  readonly committed: number;
  readonly updates: number;
  readonly difference: string | undefined;
}

export class World {
  private readonly random: Random;
  private readonly generate: Generator;
  private readonly map: UuidMap;
  private ours: Client[] = [];
  private theirs: Client[] = [];
  private nextId = 0;
  private readonly monitors: string[][] = Array.from({ length: CLIENTS }, () => []);
  private transactions = 0;
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
    for (const c of [...this.ours, ...this.theirs]) c.close();
    const { committed, updates } = this;
    return { steps, transactions: this.transactions, committed, updates, difference };
  }

  private async step(): Promise<string | undefined> {
    const client = this.random.below(CLIENTS);
    if (this.random.chance(0.005)) await this.reconnect(client);
    const text = this.request(client);
    this.ours[client].send(text);
    this.theirs[client].send(this.map.translate(text));
    // The one that asked first: its reply says that the others will be told.
    await Promise.all([this.ours[client].sync(), this.theirs[client].sync()]);
    await Promise.all([...this.ours, ...this.theirs].map((c) => c.sync()));
    if (process.env.TRACE) console.error(client, text.slice(0, 3000));
    const heard = this.ours.map((c, i) => [c.messages(), this.theirs[i].messages()] as const);
    const replies = (m: readonly Json[]) => new Map(m.filter(isObject).map((r) => [formatJson(r.id ?? null), r]));
    for (const [a, b] of heard) {
      const theirs = replies(b);
      for (const [id, m] of replies(a)) if (id !== 'null') this.map.learn(m, theirs.get(id) ?? null);
    }
    if (process.env.TRACE)
      for (const [i, [a, b]] of heard.entries())
        if (a.length || b.length)
          console.error('   ', i, formatJson(a).slice(0, 3000), '|||', formatJson(b).slice(0, 300));
    for (const [i, [a, b]] of heard.entries()) {
      const [x, y] = [canonicalMessages(a, this.map), canonicalMessages(b, this.map)];
      this.count(a);
      if (x.join('\n') === y.join('\n')) continue;
      return `client ${client} said ${text}\nclient ${i} heard from us\n  ${x.join('\n  ')}\nand from ovsdb-server\n  ${y.join('\n  ')}`;
    }
    return undefined;
  }

  private count(messages: readonly Json[]): void {
    for (const m of messages) {
      if (!isObject(m)) continue;
      if (typeof m.method === 'string') this.updates++;
      else if (m.result !== null && !formatJson(m.result ?? null).includes('"error":')) this.committed++;
    }
  }

  private async reconnect(client: number): Promise<void> {
    if (process.env.TRACE) console.error('reconnect', client);
    this.monitors[client] = [];
    this.ours[client].close();
    this.theirs[client].close();
    this.ours[client] = await Client.open(this.mine.socket);
    this.theirs[client] = await Client.open(this.real.socket);
    // Both must have noticed that the old ones are gone, for locks.
    await new Promise((r) => setTimeout(r, 20));
    await Promise.all([...this.ours, ...this.theirs].map((c) => c.sync()));
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
      const id = random.pick(mine);
      if (random.chance(0.4)) {
        mine.splice(mine.indexOf(id), 1);
        return this.call('monitor_cancel', [id]);
      }
      const next = random.chance(0.7) ? id : `m${++this.nextId}`;
      // Whether a refused change renames is the server's reply; the name stays usable either way.
      const changes = generate.conditionChange();
      if (next !== id) mine.splice(mine.indexOf(id), 1);
      return this.call('monitor_cond_change', [id, next, changes]);
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
    this.monitors[client].push(id);
    const params: Json[] = [this.database, id, generate.monitor(kind !== 'monitor')];
    if (kind === 'monitor_cond_since') params.push(random.pick(generate.pool));
    return this.call(kind, params);
  }
}
