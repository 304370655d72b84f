/** An OpenFlow peer that may do anything: speaks whole messages and parts of them, reads or does not, answers echoes or does not. */
import { connect, type Socket } from 'node:net';
import { flowModFromText } from '../../src/bridge/flow-text.js';
import { until } from '../../src/cli/lab/netlab.js';
import { Framer } from '../../src/openflow/framing.js';
import { decode, encode, type Message } from '../../src/openflow/message.js';
import type { Kind, ValueOfKind } from '../../src/openflow/registry.js';

/** A flow_mod as ofctl would make it of a line; `flags` are FLOW_FLAG bits. */
export function flowMod(line: string, command: 'add' | 'delete' = 'add', flags = 0): ValueOfKind<'flow_mod'> {
  const mod = flowModFromText(line, command, () => undefined);
  return {
    command: command === 'add' ? 0 : 3,
    ...{ table: mod.table, priority: mod.priority, match: mod.match, actions: mod.actions, flags },
    ...{ cookie: mod.cookie, cookieFilter: 0n, cookieMask: 0n, modifyCookie: false },
    ...{ idleTimeout: 0, hardTimeout: 0, importance: 0 },
    ...{ bufferId: 0xffffffff, outPort: 0xffffffff, outGroup: 0xffffffff },
  };
}

export class OfPeer {
  readonly got: Message[] = [];
  /** Bytes read. */
  bytes = 0;
  closed = false;
  /** False: counts what comes and forgets it. */
  keeps = true;
  answers = true;
  private xid = 100;
  private readonly framer = new Framer();

  constructor(
    readonly socket: Socket,
    readonly version: number,
  ) {
    socket.on('data', (d) => this.read(d));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** To a Unix socket, after its hello unless `silent`. */
  static async at(path: string, version = 4, silent = false): Promise<OfPeer> {
    const socket = connect(path);
    const peer = new OfPeer(socket, version);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    if (!silent) peer.send('hello', {});
    return peer;
  }

  private read(data: Uint8Array): void {
    this.bytes += data.length;
    for (const bytes of this.framer.push(data) ?? []) {
      const isEcho = bytes[1] === 2;
      if (isEcho && this.answers) this.socket.write(Buffer.from([bytes[0], 3, ...bytes.subarray(2)]));
      if (this.keeps && !isEcho) this.got.push(decode(bytes));
    }
  }

  /** Its transaction id. */
  send<K extends Kind>(kind: K, value: ValueOfKind<K>, xid = this.xid++): number {
    this.socket.write(encode(kind, value, { version: this.version, xid }));
    return xid;
  }

  raw(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The first message with a transaction id, waited for. */
  async reply(xid: number, ms = 5000): Promise<Message | undefined> {
    const find = () => this.got.find((m) => m.xid === xid);
    await until(() => this.closed || find() !== undefined, ms);
    return find();
  }

  /** Milliseconds until an echo comes back; infinite when it does not. */
  async echo(ms = 5000): Promise<number> {
    const start = performance.now();
    const reply = await this.reply(this.send('echo_request', new Uint8Array(4)), ms);
    return reply ? performance.now() - start : Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.socket.destroy();
  }
}
