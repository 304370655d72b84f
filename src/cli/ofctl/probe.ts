/** probe, ping and benchmark: is anybody there, and how fast do echoes come back. */
import { randomBytes } from 'node:crypto';
import { UserError } from '../../lib/errors.js';
import { Client, nextXid } from './client.js';
import type { Command } from './context.js';

const HEADER = 8;
const MAX_PAYLOAD = 65535 - HEADER;

export async function probe(command: Command): Promise<void> {
  const [target] = command.args;
  const client = await Client.open(command, target);
  const r = await client.reply(client.connection.send('echo_request', new Uint8Array(0), 0));
  if (r.bytes.length !== HEADER) throw new UserError('reply does not match request');
  client.close();
}

function sizeOf(text: string | undefined): number {
  const size = text === undefined ? 64 - HEADER : Number.parseInt(text, 10);
  if (!(size >= 0 && size <= MAX_PAYLOAD)) throw new UserError(`payload must be between 0 and ${MAX_PAYLOAD} bytes`);
  return size;
}

const PINGS = 10;

export async function ping(command: Command): Promise<void> {
  const [target, size] = command.args;
  const payload = sizeOf(size);
  const client = await Client.open(command, target);
  for (let i = 0; i < PINGS; i++) {
    const data = randomBytes(payload);
    const started = performance.now();
    const xid = client.connection.send('echo_request', data, nextXid());
    const r = await client.reply(xid);
    const ms = performance.now() - started;
    if (Buffer.compare(r.bytes.subarray(HEADER), data) !== 0) {
      command.io.out(`Reply does not match request:\nRequest:\n${client.text(data)}Reply:\n${client.text(r.bytes)}`);
    }
    const id = xid.toString(16).padStart(8, '0');
    command.io.out(`${r.bytes.length - HEADER} bytes from ${target}: xid=${id} time=${ms.toFixed(1)} ms\n`);
  }
  client.close();
}

export async function benchmark(command: Command): Promise<void> {
  const [target, size, text] = command.args;
  const payload = sizeOf(size);
  const count = Number.parseInt(text, 10);
  const total = (payload + HEADER) * count;
  command.io.out(`Sending ${count} packets * ${payload + HEADER} bytes (with header) = ${total} bytes total\n`);
  const client = await Client.open(command, target);
  const started = performance.now();
  for (let i = 0; i < count; i++)
    await client.reply(client.connection.send('echo_request', new Uint8Array(payload), nextXid()));
  const ms = performance.now() - started;
  const rate = (n: number) => Math.round((n * 1000) / Math.max(ms, 0.001));
  command.io.out(`Finished in ${ms.toFixed(1)} ms (${rate(count)} packets/s) (${rate(total)} bytes/s)\n`);
  client.close();
}
