/** The client's side of OpenFlow: one connection, requests and their replies. */
import { existsSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { UserError } from '../../lib/errors.js';
import { Connection } from '../../openflow/connection.js';
import type { Message } from '../../openflow/message.js';
import { hasMore, readHeader } from '../../openflow/message.js';
import type { Kind, ValueOfKind } from '../../openflow/registry.js';
import { formatBytes } from '../../openflow/text/message.js';
import { runDirectory } from '../../switch/of-sockets.js';
import { warn } from '../alarm.js';
import { strerror } from '../strerror.js';
import type { Command } from './context.js';

export interface Received {
  readonly bytes: Uint8Array;
  /** Undefined when it could not be read; then `fault` says why. */
  readonly message: Message | undefined;
  readonly fault: UserError | undefined;
}

const DEFAULT_VERSIONS = 1 << 1;
/** How a connection ends whose peers speak nothing in common. */
const NO_VERSION = /^We support (.*), you support (.*), no common versions\.$/;
const TCP_PORT = 6653;

/** Transaction ids go on over all connections of a run, so that a number names one message. */
let lastXid = 0;
export function nextXid(): number {
  return ++lastXid;
}

function isSocket(path: string): boolean {
  return existsSync(path) && statSync(path).isSocket();
}

interface Target {
  /** How messages call it, "unix:/run/br0.mgmt". */
  readonly name: string;
  readonly options: { readonly path: string } | { readonly host: string; readonly port: number };
}

function activeTarget(name: string): Target {
  const unix = /^unix:(.*)$/.exec(name);
  if (unix) return { name, options: { path: unix[1].startsWith('/') ? unix[1] : `${runDirectory()}/${unix[1]}` } };
  const tcp = /^tcp:(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(name);
  if (tcp) return { name, options: { host: tcp[1].replace(/^\[|\]$/g, ''), port: Number(tcp[2] ?? TCP_PORT) } };
  throw new UserError(`connecting to ${name} (Address family not supported by protocol)`);
}

/** A bridge, a socket, or an active connection method. `suffix`: which of a bridge's sockets. */
export function findTarget(name: string, suffix: string): Target {
  if (name.includes(':')) return activeTarget(name);
  for (const path of [`${runDirectory()}/${name}.${suffix}`, name]) {
    if (isSocket(path)) return { name: `unix:${path}`, options: { path } };
  }
  throw new UserError(`${name} is not a bridge or a socket`);
}

export class Client {
  private readonly received: Received[] = [];
  private wake: (() => void) | undefined;
  private ended: string | undefined;
  /** False: messages are wanted as bytes only. */
  private reads = true;

  private constructor(
    readonly connection: Connection,
    readonly target: string,
    private readonly command: Command,
  ) {}

  /** Connects and exchanges hellos. `versions` undefined: what -O says, else 1.0. */
  static async open(command: Command, name: string, versions?: number, suffix = 'mgmt'): Promise<Client> {
    const target = findTarget(name, suffix);
    const socket = await dial(target, name);
    return new Promise((resolve, reject) => {
      const connection: Connection = new Connection(
        socket,
        versions ?? command.settings.versions ?? DEFAULT_VERSIONS,
        {
          ready: () => resolve(client),
          unread: (bytes) => {
            if (client.reads) return false;
            client.arrive({ message: undefined, bytes: bytes.slice(), fault: undefined });
            return true;
          },
          message: (message, bytes) => client.arrive({ message, bytes: bytes.slice(), fault: undefined }),
          unreadable: (fault, bytes) => client.arrive({ message: undefined, bytes: bytes.slice(), fault }),
          closed: (why) => {
            client.ended = why;
            client.wake?.();
            const [, ours, theirs] = NO_VERSION.exec(why) ?? [];
            const said = `version negotiation failed (we support ${ours}, peer supports ${theirs})`;
            if (ours !== undefined) warn(command.io, 'vconn', `${target.name}: ${said}`);
            const reason = ours === undefined ? 'Broken pipe' : 'Protocol error';
            reject(new UserError(`${name}: failed to connect to socket (${reason})`));
          },
        },
        nextXid,
      );
      const client: Client = new Client(connection, target.name, command);
      command.openClients.add(client);
    });
  }

  get version(): number {
    return this.connection.version;
  }

  private arrive(r: Received): void {
    this.received.push(r);
    this.wake?.();
  }

  send<K extends Kind>(kind: K, value: ValueOfKind<K>, name?: string): number {
    return this.connection.send(kind, value, nextXid(), name);
  }

  /** The next message, or undefined when the switch has hung up. */
  async receive(): Promise<Received | undefined> {
    while (this.received.length === 0) {
      if (this.ended !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.received.shift();
  }

  /** The next message of a transaction; others are passed over. Throws when the switch hangs up. */
  async reply(xid: number): Promise<Received> {
    for (;;) {
      const r = await this.receive();
      if (!r) throw new UserError(`talking to ${this.target} (End of file)`);
      if (readHeader(r.bytes).xid === xid) return r;
    }
  }

  /** Sends a request and gives every part of the reply. */
  async *ask<K extends Kind>(kind: K, value: ValueOfKind<K>, name?: string): AsyncGenerator<Received> {
    const xid = this.send(kind, value, name);
    for (;;) {
      const r = await this.reply(xid);
      yield r;
      if (!r.message?.more) return;
    }
  }

  /** As `ask`, without reading the reply: for those who only print it. */
  async *askUnread<K extends Kind>(kind: K, value: ValueOfKind<K>, name?: string): AsyncGenerator<Uint8Array> {
    const xid = this.send(kind, value, name);
    this.reads = false;
    for (;;) {
      const { bytes } = await this.reply(xid);
      yield bytes;
      if (!hasMore(bytes)) break;
    }
    this.reads = true;
  }

  /** The reply of one message and of the kind wanted. Throws with the error's text otherwise. */
  async request<K extends Kind, R extends Kind>(
    kind: K,
    value: ValueOfKind<K>,
    want: R,
  ): Promise<Extract<Message, { kind: R }>> {
    const r = await this.reply(this.send(kind, value));
    if (r.message?.kind === want) return r.message as Extract<Message, { kind: R }>;
    throw new Refused(r.bytes);
  }

  /** Sends what has no reply, and a barrier behind it. An error ends the program with the error's text. */
  async tell<K extends Kind>(kind: K, value: ValueOfKind<K>, name?: string): Promise<void> {
    const error = await this.tryTell(kind, value, name);
    if (error) throw new Refused(error.bytes);
  }

  /** As `tell`, giving the error back. */
  async tryTell<K extends Kind>(kind: K, value: ValueOfKind<K>, name?: string): Promise<Received | undefined> {
    let xid = 0;
    let barrier = 0;
    this.connection.together(() => {
      xid = this.send(kind, value, name);
      barrier = this.send('barrier_request', {});
    });
    return (await this.errorsBefore(barrier, new Set([xid])))[0];
  }

  /** Waits for a barrier; gives the errors of these transactions. */
  async barrier(xids: ReadonlySet<number>): Promise<Received[]> {
    return this.errorsBefore(this.send('barrier_request', {}), xids);
  }

  private async errorsBefore(barrier: number, xids: ReadonlySet<number>): Promise<Received[]> {
    const errors: Received[] = [];
    for (;;) {
      const r = await this.receive();
      if (!r) throw new UserError(`talking to ${this.target} (End of file)`);
      const { xid } = readHeader(r.bytes);
      if (xid === barrier) return errors;
      if (xids.has(xid) && r.message?.kind === 'error') errors.push(r);
    }
  }

  text(bytes: Uint8Array, more = 0): string {
    return formatBytes(bytes, { verbosity: this.command.settings.verbosity + more });
  }

  close(): void {
    this.command.openClients.delete(this);
    this.connection.end('done');
  }
}

/** The switch refused: its error is printed as it came, and the status is 1. */
export class Refused extends Error {
  constructor(readonly bytes: Uint8Array) {
    super('the switch refused');
  }
}

function dial(target: Target, name: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(target.options);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      socket.setNoDelay(true);
      resolve(socket);
    });
    socket.once('error', (e) => {
      const text = name.includes(':')
        ? `connecting to ${name} (${strerror(e)})`
        : `${target.name.replace(/^unix:/, '')}: failed to connect to socket (${strerror(e)})`;
      reject(new UserError(text));
    });
  });
}
