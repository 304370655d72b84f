/** A controller that sends bytes and keeps what comes back: refusals by transaction, parts of one reply. */
import { connect, type Socket } from 'node:net';
import { Framer } from '../../../src/openflow/framing.js';

/** Enough for a barrier behind thousands of flows on a busy machine. */
const PATIENCE_MS = 60_000;
const HELLO = 0;
const ERROR = 1;
const ECHO = 2;
const MORE = 1;

const barrierOf = (version: number): number => (version === 1 ? 18 : 20);
const multipartReplyOf = (version: number): number => (version === 1 ? 17 : 19);

export class Peer {
  /** Type, code and, of an experimenter's, its number: hexadecimal, by transaction. */
  readonly errors = new Map<number, string>();
  private readonly parts: Uint8Array[] = [];
  private readonly waits = new Map<number, (failure?: Error) => void>();
  private readonly framer = new Framer();

  private constructor(
    private readonly socket: Socket,
    /** Wire version: 1 is 1.0. */
    private readonly version: number,
  ) {
    socket.on('data', (chunk) => {
      for (const m of this.framer.push(chunk) ?? []) this.take(Buffer.from(m));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const end of this.waits.values()) end(new Error('the switch hung up'));
      this.waits.clear();
    });
  }

  static async open(path: string, version: number): Promise<Peer> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const peer = new Peer(socket, version);
    const hello = peer.until(HELLO);
    socket.write(Buffer.from([version, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 1 << version]));
    await hello;
    return peer;
  }

  private take(m: Buffer): void {
    const type = m[1];
    const xid = m.readUInt32BE(4);
    if (type === ERROR) {
      const code = m.toString('hex', 8, 12);
      this.errors.set(xid, code.startsWith('ffff') || code === 'b0c20000' ? m.toString('hex', 8, 16) : code);
    } else if (type === ECHO) this.socket.write(Buffer.from([m[0], ECHO + 1, 0, 8, ...m.subarray(4, 8)]));
    else if (type === multipartReplyOf(this.version)) {
      this.parts.push(m);
      if (m.readUInt16BE(10) & MORE) return;
    }
    const key = type === HELLO ? HELLO : xid;
    this.waits.get(key)?.();
    this.waits.delete(key);
  }

  private until(key: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), PATIENCE_MS);
      this.waits.set(key, (failure) => {
        clearTimeout(timer);
        if (failure) reject(failure);
        else resolve();
      });
    });
  }

  /** Sends them, and waits until all were dealt with. */
  async send(messages: readonly Uint8Array[]): Promise<void> {
    const xid = 0x7fffffff;
    const done = this.until(xid);
    for (const m of messages) this.socket.write(m);
    this.socket.write(Buffer.from([this.version, barrierOf(this.version), 0, 8, 0x7f, 0xff, 0xff, 0xff]));
    await done;
  }

  /** The bodies of a reply's parts, each from byte `from` of its message. */
  async ask(request: Uint8Array, from: number): Promise<Uint8Array[]> {
    this.parts.length = 0;
    const done = this.until(Buffer.from(request).readUInt32BE(4));
    this.socket.write(request);
    await done;
    return this.parts.map((p) => p.subarray(from));
  }

  close(): void {
    this.socket.destroy();
  }
}
