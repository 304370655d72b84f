/** The other end of a server in a test: sends bytes, keeps whole messages that came back. */
import type { Duplex } from 'node:stream';
import { Framer } from '../framing.js';
import type { OpenFlowServer } from '../server/server.js';
import { duplexPair } from './duplex-pair.js';

export class TestPeer {
  readonly messages: Uint8Array[] = [];
  closed = false;
  readonly stream: Duplex;
  private readonly framer = new Framer();

  constructor(server: OpenFlowServer, kind: 'service' | 'primary' = 'service') {
    const [ours, theirs] = duplexPair();
    this.stream = ours;
    ours.on('data', (chunk: Uint8Array) => this.messages.push(...(this.framer.push(chunk) ?? [])));
    ours.on('end', () => {
      this.closed = true;
    });
    server.accept(theirs, kind);
  }

  send(bytes: Uint8Array | string): void {
    this.stream.write(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes);
  }

  /** Everything that can happen without time passing has happened. */
  async settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Messages that came since the last call, in hexadecimal, without the server's hello. */
  take(): string[] {
    const out = this.messages.map((m) => Buffer.from(m).toString('hex'));
    this.messages.length = 0;
    return out.filter((m) => m.slice(2, 4) !== '00');
  }
}
