/** ct-flush, ct-flush-zone. */
import { UserError } from '../../lib/errors.js';
import { ANY_TUPLE } from '../../openflow/messages/ct-flush.js';
import { parseTuple } from '../../openflow/text/ct-flush.js';
import { Client } from './client.js';
import type { Command } from './context.js';

const MAX_ZONE = 0xffff;

export async function ctFlushZone(command: Command): Promise<void> {
  const [target, text] = command.args;
  const zone = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(zone <= MAX_ZONE)) throw new UserError(`invalid zone_id "${text}"`);
  const client = await Client.open(command, target);
  await client.tell('ct_flush_zone', { proto: 0, zone, orig: ANY_TUPLE, reply: ANY_TUPLE });
  client.close();
}

export async function ctFlush(command: Command): Promise<void> {
  const [target, ...rest] = command.args;
  let zone: number | undefined;
  if (rest[0]?.startsWith('zone')) {
    const m = /^zone=(\d+)/.exec(rest.shift() ?? '');
    if (!m) throw new UserError('Failed to parse zone');
    zone = Number(m[1]) & MAX_ZONE;
  }
  const orig = parseTuple(rest[0] ?? '', 0);
  const reply = parseTuple(rest[1] ?? '', orig.proto);
  const client = await Client.open(command, target);
  await client.tell('ct_flush', { proto: reply.proto, zone, orig: orig.tuple, reply: reply.tuple });
  client.close();
}
