/** A switch that keeps what it is sent and does nothing: the bytes that a client makes of a command. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Framer } from '../../../src/openflow/framing.js';

const HELLO = 0;
const barrierOf = (version: number): number => (version === 1 ? 18 : 20);

export class Recorder {
  /** Since the last `take`. */
  private kept: Uint8Array[] = [];
  private readonly dir = mkdtempSync(join(tmpdir(), 'weft-recorder-'));
  readonly target = `unix:${join(this.dir, 'switch')}`;
  private readonly server: Server;

  private constructor(
    /** Wire version. */
    private readonly version: number,
    private readonly keeps: (message: Uint8Array) => boolean,
  ) {
    this.server = createServer((socket) => this.serve(socket));
  }

  static async start(version: number, keeps: (message: Uint8Array) => boolean): Promise<Recorder> {
    const r = new Recorder(version, keeps);
    await new Promise<void>((resolve) => r.server.listen(r.target.slice('unix:'.length), resolve));
    return r;
  }

  private serve(socket: Socket): void {
    const framer = new Framer();
    const { version } = this;
    socket.on('error', () => socket.destroy());
    socket.write(Buffer.from([version, HELLO, 0, 16, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 1 << version]));
    socket.on('data', (data) => {
      for (const m of framer.push(data) ?? []) {
        if (this.keeps(m)) this.kept.push(m.slice());
        if (m[1] === barrierOf(version)) socket.write(Buffer.from([version, m[1] + 1, 0, 8, ...m.subarray(4, 8)]));
      }
    });
  }

  /** In hexadecimal, without transactions. */
  take(): string[] {
    const out = this.kept.map((m) =>
      Buffer.from(m)
        .toString('hex')
        .replace(/^(.{8}).{8}/, '$1'),
    );
    this.kept = [];
    return out;
  }

  close(): void {
    this.server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
