/**
 * A server that is killed at random moments, again and again, over the same file. What a client was told before must be there afterwards; the transaction at work may be there or
 * not, but not half of it; the real ovsdb-tool must be able to read the file each time.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '../../src/lib/random.js';
import { isArray, isObject, type Json } from '../../src/ovsdb/json/json.js';
import { Client, scratch, until } from './peers.js';

const SERVE = fileURLToPath(new URL('serve.js', import.meta.url));

/** One transaction: a QoS row and two Queue rows of the same number; and a change of the first QoS row. */
function transaction(n: number): Json {
  const row = { other_config: ['map', [['n', String(n)]]] };
  return {
    method: 'transact',
    id: n,
    params: [
      'Open_vSwitch',
      { op: 'insert', table: 'Queue', row },
      { op: 'insert', table: 'Queue', row },
      { op: 'insert', table: 'QoS', row: { type: `t${n}` } },
      { op: 'commit', durable: n % 50 === 0 },
    ],
  };
}

class Server {
  private constructor(
    private readonly child: ChildProcess,
    private readonly socket: string,
  ) {}

  static async start(dir: string): Promise<Server> {
    const socket = join(dir, 's.sock');
    rmSync(socket, { force: true });
    const child = spawn(process.execPath, [SERVE, join(dir, 's.db'), `punix:${socket}`], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const state = { ready: false };
    child.stdout?.on('data', () => {
      state.ready = true;
    });
    await until('the server is ready', () => state.ready || child.exitCode !== null);
    if (!state.ready) throw new Error('the server did not start');
    return new Server(child, socket);
  }

  client(): Promise<Client> {
    return Client.open(this.socket);
  }

  compact(): void {
    this.child.kill('SIGUSR1');
  }

  async kill(): Promise<void> {
    const gone = new Promise((r) => this.child.once('exit', r));
    this.child.kill('SIGKILL');
    await gone;
  }
}

/** The numbers of the rows of a table, with how often each is there. */
async function numbers(client: Client, table: string): Promise<Map<number, number>> {
  const select = {
    op: 'select',
    table,
    where: [],
    columns: table === 'QoS' ? ['_uuid', 'type'] : ['_uuid', 'other_config'],
  };
  client.send(JSON.stringify({ method: 'transact', id: -1, params: ['Open_vSwitch', select] }));
  await client.sync();
  const [reply] = client.messages();
  const [result] = isObject(reply) && isArray(reply.result) ? reply.result : [];
  const counts = new Map<number, number>();
  for (const row of isObject(result) && isArray(result.rows) ? result.rows : []) {
    const n = Number(/(\d+)\W*$/.exec(JSON.stringify(isObject(row) ? (row.type ?? row.other_config) : row))?.[1]);
    counts.set(n, (counts.get(n) ?? 0) + 1);
  }
  return counts;
}

export interface CrashOutcome {
  readonly kills: number;
  readonly acknowledged: number;
  readonly fault: string | undefined;
}

export async function crash(kills: number, seed: number): Promise<CrashOutcome> {
  const random = new Random(seed);
  const dir = scratch();
  const file = join(dir, 's.db');
  let next = 1;
  const acknowledged = new Set<number>();
  let fault: string | undefined;
  let server = await Server.start(dir);
  try {
    for (let k = 0; k < kills && fault === undefined; k++) {
      const client = await server.client();

      const replies = () => {
        for (const m of client.messages()) {
          if (isObject(m) && isArray(m.result) && typeof m.id === 'number') acknowledged.add(m.id);
        }
      };
      // Transactions in flight all the time, and now and then the file is written anew.
      const quota = random.between(1, 60);
      const first = next;
      for (let i = 0; i < quota; i++) client.send(JSON.stringify(transaction(next++)));
      if (random.chance(0.3)) server.compact();
      const target = random.below(quota + 1);
      const heard = () => {
        replies();
        return [...acknowledged].filter((n) => n >= first).length;
      };
      await until('replies', () => heard() >= target || client.isClosed);
      await server.kill();
      replies();
      client.close();
      fault = toolFault(file) ?? tear(file, random);
      server = await Server.start(dir);
      fault ??= await check(server, acknowledged, next);
    }
  } finally {
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
  return { kills, acknowledged: acknowledged.size, fault };
}

async function check(server: Server, acknowledged: ReadonlySet<number>, next: number): Promise<string | undefined> {
  const client = await server.client();
  const [qos, queues] = [await numbers(client, 'QoS'), await numbers(client, 'Queue')];
  client.close();
  for (let n = 1; n < next; n++) {
    const [a, b] = [qos.get(n) ?? 0, queues.get(n) ?? 0];
    if (acknowledged.has(n) && a === 0) return `transaction ${n} was acknowledged and is lost`;
    if (b !== 2 * a || a > 1) return `transaction ${n} is there in part: ${a} and ${b} rows`;
  }
  return undefined;
}

/** What the real tool says against the file; a torn end is no fault. */
function toolFault(file: string): string | undefined {
  const r = spawnSync('ovsdb-tool', ['db-version', file], { encoding: 'utf8' });
  if (r.error) return undefined;
  return r.status === 0 ? undefined : `ovsdb-tool: ${r.stderr}`;
}

/** Sometimes a crash of the machine, too: a record that nobody was told of is there in part. */
function tear(file: string, random: Random): undefined {
  if (!random.chance(0.5)) return undefined;
  const before = readFileSync(file).length;
  const body = `{"_date":1,"QoS":{"${'0'.repeat(8)}-0000-4000-8000-${String(random.below(1e9)).padStart(12, '0')}":{"type":"torn"}}}\n`;
  const text = `OVSDB JSON ${body.length} ${'0'.repeat(40)}\n${body}`;
  appendFileSync(file, text);
  truncateSync(file, before + random.between(1, text.length));
  return undefined;
}
