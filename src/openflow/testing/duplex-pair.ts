import { Duplex } from 'node:stream';

class Side extends Duplex {
  other: Side | undefined;
  private held: (() => void) | undefined;

  override _read(): void {
    const run = this.held;
    this.held = undefined;
    run?.();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (e?: Error | null) => void): void {
    const other = this.other;
    // Pressure: the next chunk is taken when the other side asks for more.
    if (!other || other.push(chunk)) done();
    else other.held = () => done();
  }

  override _final(done: (e?: Error | null) => void): void {
    this.other?.push(null);
    done();
  }
}

/** Two streams, joined: what is written to one is read from the other. */
export function duplexPair(): [Duplex, Duplex] {
  const a = new Side();
  const b = new Side();
  a.other = b;
  b.other = a;
  return [a, b];
}
