/** A connection that says whatever it is told to, in bytes, and may stop reading. */
import { connect, type Socket } from 'node:net';

const KEPT = 8192;

export class Raw {
  closed = false;
  received = 0;
  /** The beginning and the end of what came, some kilobytes of each. */
  text = '';
  readonly ended: Promise<void>;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (d) => {
      this.received += d.length;
      const more = this.text + d.toString('latin1');
      this.text = more.length < 2 * KEPT ? more : more.slice(0, KEPT) + more.slice(-KEPT);
    });
    socket.on('error', () => {});
    this.ended = new Promise((resolve) =>
      socket.on('close', () => {
        this.closed = true;
        resolve();
      }),
    );
  }

  /** Where more knock than the kernel lets wait, it says EAGAIN: then they knock again. */
  static open(path: string, tries = 500): Promise<Raw> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new Raw(socket)));
      socket.once('error', (e: NodeJS.ErrnoException) => {
        if (e.code !== 'EAGAIN' || tries === 0) reject(e);
        else setTimeout(() => Raw.open(path, tries - 1).then(resolve, reject), 20);
      });
    });
  }

  /** Resolves when the kernel has taken it, or the peer has gone. */
  async send(data: string | Uint8Array): Promise<void> {
    await Promise.race([new Promise<void>((resolve) => this.socket.write(data, () => resolve())), this.ended]);
  }

  /** Reads no more. */
  deafen(): void {
    this.socket.pause();
  }

  listen(): void {
    this.socket.resume();
  }

  /** Bytes that the peer does not take. */
  get pending(): number {
    return this.socket.writableLength;
  }

  /** Says no more, and listens still. */
  finish(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }
}
