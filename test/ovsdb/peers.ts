/** The two servers of the suites: the real one in a process of its own, ours in this one; each with its file, on a Unix socket. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../src/lib/random.js';
import { type Json, parseJson } from '../../src/ovsdb/json/json.js';
import { JsonStream } from '../../src/ovsdb/json/json-stream.js';
import { parseSchema } from '../../src/ovsdb/schema/parse.js';
import { OvsdbServer } from '../../src/ovsdb/server/server.js';
import { FileStorage } from '../../src/ovsdb/storage/file.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';

/** A server that suites talk to. */
export interface Peer {
  readonly socket: string;
  readonly file: string;
  close(): Promise<void>;
}

export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'weft-ovsdb-'));
}

export function hasRealServer(): boolean {
  return spawnSync('ovsdb-server', ['--version']).status === 0;
}

/** Waits for a condition, in steps; throws after a minute. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = process.hrtime.bigint() + 60_000_000_000n;
  while (!holds()) {
    if (process.hrtime.bigint() > end) throw new Error(`${what}: not within a minute`);
    await new Promise((r) => setTimeout(r, 5));
  }
}

/** Starts ovsdb-server on a file, which is made from the schema where it is not there. */
export async function startReal(dir: string, schema: Json, file = join(dir, 'real.db')): Promise<Peer> {
  mkdirSync(dir, { recursive: true });
  if (!existsSync(file)) {
    const schemaFile = join(dir, 'schema.json');
    writeFileSync(schemaFile, JSON.stringify(schema));
    const made = spawnSync('ovsdb-tool', ['create', file, schemaFile], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`ovsdb-tool: ${made.stderr}`);
  }
  const socket = join(dir, 'real.sock');
  const args = [file, `--remote=punix:${socket}`, `--unixctl=${join(dir, 'real.ctl')}`, '--no-chdir', '-vconsole:off'];
  const child: ChildProcess = spawn('ovsdb-server', args, { stdio: 'ignore' });
  const ended = new Promise<void>((r) => child.once('exit', () => r()));
  const give = () => void child.kill('SIGKILL');
  process.once('exit', give);
  // Its socket is there a little before it listens.
  const state = { listens: false };
  const knock = () => {
    const s = connect(socket, () => {
      state.listens = true;
      s.destroy();
    });
    s.on('error', () => {});
  };
  await until('ovsdb-server listens', () => {
    if (existsSync(socket)) knock();
    return state.listens || child.exitCode !== null;
  });
  return {
    socket,
    file,
    close: async () => {
      process.off('exit', give);
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** A source of UUIDs that a seed fixes. */
export function uuids(random: Random): () => string {
  return () => {
    const hex = Buffer.from(random.bytes(16)).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-9${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
}

export interface OurPeer extends Peer {
  readonly server: OvsdbServer;
  readonly storage: FileStorage;
}

/** Starts our server in this process. */
export async function startOurs(
  dir: string,
  schema: Json,
  seed: number,
  file = join(dir, 'ours.db'),
): Promise<OurPeer> {
  mkdirSync(dir, { recursive: true });
  const clock = new RealClock();
  const newUuid = uuids(new Random(seed));
  const log = () => {};
  const storage = FileStorage.open(file, parseSchema(schema), { clock, newUuid, log });
  const server = new OvsdbServer({ clock, newUuid, soon: setImmediate, log });
  server.addDatabase(storage.db, (db) => storage.replace(db));
  const socket = join(dir, 'ours.sock');
  let n = 0;
  const stop = await listenUnix(socket, (stream) => void server.accept(stream, `client ${n++}`));
  return {
    socket,
    file,
    server,
    storage,
    close: async () => {
      server.close();
      await stop();
      storage.close();
    },
  };
}

/** One connection to a server. What it says is kept until taken. */
export class Client {
  private received: Json[] = [];
  private readonly echoes = new Map<string, () => void>();
  private nextEcho = 0;
  isClosed = false;

  private constructor(private readonly socket: Socket) {
    const json = new JsonStream(1 << 30);
    socket.on('data', (chunk) => {
      for (const m of json.push(chunk)) this.take(m);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      for (const done of this.echoes.values()) done();
    });
  }

  static open(path: string): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new Client(socket)));
      socket.once('error', reject);
    });
  }

  private take(m: Json): void {
    if (typeof m === 'object' && m !== null && 'id' in m && typeof m.id === 'string' && this.echoes.has(m.id)) {
      this.echoes.get(m.id)?.();
      this.echoes.delete(m.id);
    } else this.received.push(m);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Resolves when everything that was sent before was heard, and answered or not. */
  sync(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    const id = `sync ${this.nextEcho++}`;
    return new Promise((resolve) => {
      this.echoes.set(id, resolve);
      this.send(`{"method":"echo","params":[],"id":"${id}"}`);
    });
  }

  /** What came since the last time. */
  messages(): Json[] {
    return this.received.splice(0);
  }

  close(): void {
    this.socket.destroy();
  }
}

export function readSchema(path: string): Json {
  return parseJson(readFileSync(path, 'utf8'));
}

export function removeScratch(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}
