import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import t, { type Test } from 'tap';
import { directly, PeerStream } from './peer-stream.js';

const dir = mkdtempSync(join(tmpdir(), 'weft-peer-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

interface Pair {
  readonly stream: Duplex;
  readonly peer: Socket;
  readonly server: Server;
}

/** A stream of ours and who speaks with it. */
async function pair(t: Test, at: string | number): Promise<Pair> {
  let accepted: (s: Duplex) => void = () => {};
  const came = new Promise<Duplex>((resolve) => {
    accepted = resolve;
  });
  const server = createServer({ allowHalfOpen: true }, (s) => accepted(directly(s)));
  await new Promise<void>((resolve) => server.listen(at, resolve));
  const address = server.address();
  const peer = typeof address === 'string' ? connect(address) : connect(address?.port ?? 0, '127.0.0.1');
  peer.on('error', () => {});
  const stream = await came;
  t.teardown(() => {
    stream.destroy();
    peer.destroy();
    server.close();
  });
  return { stream, peer, server };
}

let sockets = 0;
const unix = (t: Test): Promise<Pair> => pair(t, join(dir, `s${sockets++}`));

/** Resolves when so many bytes came. */
function bytes(from: Duplex, n: number): Promise<Buffer> {
  const got: Buffer[] = [];
  let sum = 0;
  return new Promise((resolve, reject) => {
    from.on('data', (b: Buffer) => {
      got.push(b);
      sum += b.length;
      if (sum >= n) resolve(Buffer.concat(got));
    });
    from.on('close', () => reject(new Error(`closed after ${sum} bytes of ${n}`)));
  });
}

const event = (s: Duplex, name: string): Promise<void> => new Promise((resolve) => void s.once(name, () => resolve()));

for (const kind of ['unix', 'tcp']) {
  t.test(`question and answer, ${kind}`, async (t) => {
    const { stream, peer } = await (kind === 'unix' ? unix(t) : pair(t, 0));
    t.ok(stream instanceof PeerStream);
    stream.on('data', (b: Buffer) => {
      const copy = Buffer.from(b);
      copy[0]++;
      stream.write(copy);
    });
    // Enough for it to begin to look for the next one.
    for (let i = 0; i < 200; i++) {
      const answer = bytes(peer, 4);
      peer.write(Buffer.from([i & 127, 1, 2, 3]));
      t.strictSame([...(await answer)], [(i & 127) + 1, 1, 2, 3], `round ${i}`);
      peer.removeAllListeners('data');
      peer.removeAllListeners('close');
    }
  });
}

t.test('what was read stays as it was', async (t) => {
  const { stream, peer } = await unix(t);
  const kept: Buffer[] = [];
  stream.on('data', (b: Buffer) => {
    kept.push(b);
    stream.write(Buffer.from([0]));
  });
  for (let i = 1; i <= 20; i++) {
    const answer = bytes(peer, 1);
    peer.write(Buffer.alloc(40, i));
    await answer;
    peer.removeAllListeners('data');
    peer.removeAllListeners('close');
  }
  t.strictSame(
    kept.map((b) => [b.length, b[0], b[39]]),
    Array.from({ length: 20 }, (_, i) => [40, i + 1, i + 1]),
  );
});

t.test('more than the socket takes is queued, and all arrives in order', async (t) => {
  const { stream, peer } = await unix(t);
  const all = Buffer.alloc(4 << 20);
  for (let i = 0; i < all.length; i += 4) all.writeUInt32BE(i, i);
  let refused = 0;
  for (let at = 0; at < all.length; at += 50_000) if (!stream.write(all.subarray(at, at + 50_000))) refused++;
  t.ok(refused > 0);
  t.ok(stream.writableNeedDrain);
  const drained = event(stream, 'drain');
  t.ok((await bytes(peer, all.length)).equals(all));
  await drained;
  t.equal(stream.writableLength, 0);
});

t.test('what is corked goes behind what went before', async (t) => {
  const { stream, peer } = await unix(t);
  stream.write(Buffer.from('a'));
  stream.cork();
  stream.write(Buffer.from('b'));
  stream.write(Buffer.from('c'));
  stream.uncork();
  stream.write(Buffer.from('d'));
  t.equal(String(await bytes(peer, 4)), 'abcd');
});

t.test('a stream that pauses keeps its bytes', async (t) => {
  const { stream, peer } = await unix(t);
  const got: number[] = [];
  const all = new Promise<void>((resolve) => {
    stream.on('data', (b: Buffer) => {
      got.push(...b);
      stream.pause();
      setImmediate(() => stream.resume());
      if (got.length === 300_000) resolve();
    });
  });
  peer.write(Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251)));
  await all;
  t.ok(got.every((b, i) => b === i % 251));
});

t.test('the end, said by either', async (t) => {
  const a = await unix(t);
  const closed = event(a.stream, 'close');
  a.peer.end('bye');
  t.equal(String(await bytes(a.stream, 3)), 'bye');
  await closed;
  t.ok(a.stream.destroyed);

  const b = await unix(t);
  const both = [event(b.stream, 'close'), event(b.peer, 'close')];
  b.stream.write(Buffer.from('so '));
  b.stream.end(Buffer.from('long'));
  t.equal(String(await bytes(b.peer, 7)), 'so long');
  b.stream.resume();
  await Promise.all(both);
});

t.test('who goes away without reading', async (t) => {
  const { stream, peer } = await unix(t);
  stream.write(Buffer.alloc(1000));
  const over = finished(stream);
  stream.resume();
  peer.destroy();
  await t.rejects(over, { code: /ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE/ });
  t.ok(stream.destroyed);
});

t.test('writing to who has gone is an error of the stream, not of the program', async (t) => {
  const { stream, peer } = await unix(t);
  peer.destroy();
  await event(peer, 'close');
  const failed = new Promise<Error>((resolve) => stream.on('error', resolve));
  stream.write(Buffer.alloc(1000));
  t.match(await failed, { code: 'EPIPE', syscall: 'write' });
});

t.test('destroyed while its bytes are handed on', async (t) => {
  const { stream, peer } = await unix(t);
  const both = [event(stream, 'close'), event(peer, 'close')];
  stream.on('data', () => stream.destroy());
  peer.resume();
  peer.write('x');
  await Promise.all(both);
  t.notOk(stream.write(Buffer.from('y')));
});

t.test('other streams stay what they are', async (t) => {
  const stream = new Duplex();
  t.equal(directly(stream), stream);
});
