/**
 * The control socket's server, as ovs-appctl speaks it: JSON-RPC requests whose method is a command and whose params are words; the
 * result is text. Streams are arguments; src/switch opens the socket.
 */
import type { Duplex } from 'node:stream';
import { UserError } from '../lib/errors.js';
import { JsonStream } from '../ovsdb/json/json-stream.js';

export interface ControlCommand {
  readonly name: string;
  /** Shown by list-commands after the name; null: it is not listed. */
  readonly usage: string | null;
  readonly min: number;
  /** Infinity: any number. */
  readonly max: number;
  /** The reply's text. Throws UserError for a fault of the caller. */
  run(args: readonly string[]): string | Promise<string>;
}

/** Longest request: a packet of 64 KB in hex and its flow fit. */
const MAX_REQUEST = 1 << 20;
/** Bytes of replies that a client may leave unread before its next command runs. */
const MAX_UNREAD = 64 << 10;

export class ControlServer {
  private readonly commands = new Map<string, ControlCommand>();
  /** Requests, and replies to them, since the start. */
  received = 0;
  replied = 0;

  constructor(private readonly log: (text: string) => void = () => {}) {
    this.register({ name: 'list-commands', usage: '', min: 0, max: 0, run: () => this.list() });
  }

  register(command: ControlCommand): void {
    this.commands.set(command.name, command);
  }

  /** Serves one client until it ends or says something that is not a request. Replies keep the order of requests. */
  accept(stream: Duplex): void {
    const client = new Client(stream, (r) => this.call(r.method, r.params));
    stream.on('error', () => stream.destroy());
    stream.on('drain', () => void client.work());
    stream.on('data', (chunk: Uint8Array) => client.receive(chunk));
  }

  async call(method: string, params: readonly string[]): Promise<Reply> {
    this.received++;
    try {
      const result = await this.run(method, params);
      return { result: ended(result), error: null };
    } catch (e) {
      // A fault of ours must not end the switch: whoever asked hears of it, and the log says where it is.
      const text = e instanceof UserError ? e.message : `internal error: ${e instanceof Error ? e.message : String(e)}`;
      if (!(e instanceof UserError)) this.log(`"${method}" failed: ${e instanceof Error ? e.stack : String(e)}`);
      return { result: null, error: ended(text) };
    } finally {
      this.replied++;
    }
  }

  private run(method: string, params: readonly string[]): string | Promise<string> {
    const command = this.commands.get(method);
    if (!command) {
      throw new UserError(`"${method}" is not a valid command (use "list-commands" to see a list of valid commands)`);
    }
    if (params.length < command.min) {
      throw new UserError(`"${method}" command requires at least ${command.min} arguments`);
    }
    if (params.length > command.max) throw new UserError(`"${method}" command takes at most ${command.max} arguments`);
    return command.run(params);
  }

  private list(): string {
    const rows = [...this.commands.values()].filter((c) => c.usage !== null).sort((a, b) => (a.name < b.name ? -1 : 1));
    return `The available commands are:${rows.map((c) => `\n  ${c.name.padEnd(23)} ${c.usage}`).join('')}`;
  }
}

/** Clients print it as it is. */
function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

interface Request {
  id: unknown;
  method: string;
  params: string[];
}

type Reply = { result: string | null; error: string | null };

/** Runs commands one after the other, reads no further while some wait, and runs none while replies are not read. */
class Client {
  private readonly json = new JsonStream(MAX_REQUEST);
  private readonly queue: Request[] = [];
  private isAtWork = false;

  constructor(
    private readonly stream: Duplex,
    private readonly call: (r: Request) => Promise<Reply>,
  ) {}

  receive(chunk: Uint8Array): void {
    const requests = readRequests(this.json, chunk);
    if (!requests) {
      this.stream.destroy();
      return;
    }
    for (const r of requests) this.queue.push(r);
    void this.work();
  }

  async work(): Promise<void> {
    if (this.isAtWork) return;
    this.isAtWork = true;
    const { stream, queue } = this;
    if (queue.length > 0) stream.pause();
    while (!stream.destroyed && stream.writableLength <= MAX_UNREAD) {
      const request = queue.shift();
      if (!request) break;
      const reply = await this.call(request);
      if (!stream.destroyed) stream.write(JSON.stringify({ id: request.id, ...reply }));
    }
    this.isAtWork = false;
    if (queue.length === 0) stream.resume();
  }
}

/** Undefined: something is no request, or no JSON. */
function readRequests(json: JsonStream, chunk: Uint8Array): Request[] | undefined {
  const out: Request[] = [];
  try {
    for (const v of json.push(chunk)) {
      const request = asRequest(v);
      if (!request) return undefined;
      out.push(request);
    }
  } catch {
    return undefined;
  }
  return out;
}

function asRequest(v: unknown): Request | undefined {
  if (typeof v !== 'object' || v === null || !('method' in v) || !('params' in v)) return undefined;
  const { method, params } = v;
  if (typeof method !== 'string' || !Array.isArray(params)) return undefined;
  if (!params.every((p): p is string => typeof p === 'string')) return undefined;
  return { id: 'id' in v ? v.id : null, method, params };
}
