/**
 * Bytes by TCP, and proof that they came: who is sent to answers with the digest of what it got. As a program, for other namespaces: `serve`, or
 * `send ADDRESS BYTES`, which prints "same" or what was wrong.
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';

const PORT = 7799;
/** A transfer that takes longer has failed. */
const PATIENCE_MS = 10_000;

export const CARRY = fileURLToPath(import.meta.url);

/** Digits of a digest tell whoever sends what came. */
export function serve(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (c) => {
    const digest = createHash('sha256');
    c.on('data', (d) => digest.update(d));
    c.on('end', () => c.end(digest.digest('hex')));
    c.on('error', () => c.destroy());
  });
  return new Promise((resolve) => server.listen(PORT, '::', () => resolve(server)));
}

/** "same", or what was wrong. */
export function send(host: string, bytes: number): Promise<string> {
  const data = Buffer.alloc(bytes, 'not a multiple of a segment.');
  for (let i = 0; i < bytes; i += 251) data[i] = (i * 7919) & 255;
  const c = connect({ host, port: PORT });
  return new Promise((resolve) => {
    const end = (why: string): void => {
      clearTimeout(timer);
      c.destroy();
      resolve(why);
    };
    const timer = setTimeout(() => end(`${c.bytesWritten - c.writableLength} bytes written in time`), PATIENCE_MS);
    let answer = '';
    c.on('error', (e) => end(e.message));
    c.on('data', (d) => {
      answer += d;
    });
    c.on('end', () => end(answer === createHash('sha256').update(data).digest('hex') ? 'same' : `other: ${answer}`));
    c.end(data);
  });
}

const [, file, what, host = '', bytes = '0'] = process.argv;
if (file === CARRY) {
  if (what === 'serve') await serve().then(() => process.stdout.write('ready\n'));
  else process.stdout.write(await send(host, Number(bytes)));
}
