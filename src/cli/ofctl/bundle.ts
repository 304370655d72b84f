/** Flows in a bundle: all or none of them. */

import type { FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { errorName } from '../../openflow/errors.js';
import { encode, readHeader } from '../../openflow/message.js';
import { BUNDLE, BUNDLE_FLAGS } from '../../openflow/messages/bundle.js';
import { Client, nextXid, type Received } from './client.js';
import type { Command } from './context.js';
import { Protocol } from './protocol.js';

const FLAGS = BUNDLE_FLAGS.atomic | BUNDLE_FLAGS.ordered;
const OF13 = 1 << 4;
const OF14 = 1 << 5;
const HAVE_BUNDLES = OF13 | OF14 | (1 << 6);

/** Error replies name the message they are about. */
function describe(client: Client, errors: readonly Received[]): string {
  return errors
    .map((r) => {
      if (r.message?.kind !== 'error') return '';
      const { value, version } = r.message;
      const name = errorName(version, value) ?? `type ${value.type}, code ${value.code}`;
      return `Error ${name} for: ${client.text(value.data, 1)}`;
    })
    .join('');
}

export async function sendBundle(command: Command, target: string, mods: readonly FlowMod[]): Promise<void> {
  const wanted = (command.settings.versions ?? 0) & HAVE_BUNDLES;
  const client = await Client.open(command, target, wanted || OF14);
  const protocol = new Protocol(client, command.settings.flowFormat);
  await protocol.prepare(mods);
  const version = client.version;
  const messages = mods.map((mod) => encode('flow_mod', protocol.message(mod), { version, xid: nextXid() }));
  const control = async (type: number): Promise<void> => {
    const xid = client.send('bundle_control', { id: 0, type, flags: FLAGS });
    const r = await client.reply(xid);
    if (r.message?.kind === 'bundle_control' && r.message.value.type === type + 1) return;
    fail(command, client, [r]);
  };
  await control(BUNDLE.open);
  const xids = new Set<number>();
  for (const message of messages) {
    const { xid } = readHeader(message);
    xids.add(xid);
    client.connection.send('bundle_add', { id: 0, flags: FLAGS, message }, xid);
  }
  const errors = await client.barrier(xids);
  if (errors.length) fail(command, client, errors);
  await commit(command, client, xids);
  client.close();
}

/** A failed commit tells of the message at fault first. */
async function commit(command: Command, client: Client, xids: ReadonlySet<number>): Promise<void> {
  const xid = client.send('bundle_control', { id: 0, type: BUNDLE.commit, flags: FLAGS });
  const errors: Received[] = [];
  for (;;) {
    const r = await client.receive();
    if (!r) throw new UserError(`talking to ${client.target} (End of file)`);
    const about = readHeader(r.bytes).xid;
    if (r.message?.kind === 'error' && (xids.has(about) || about === xid)) errors.push(r);
    if (about !== xid) continue;
    if (errors.length) fail(command, client, errors);
    return;
  }
}

function fail(command: Command, client: Client, errors: readonly Received[]): never {
  command.io.err(describe(client, errors));
  throw new UserError(`talking to ${client.target} (Protocol error)`);
}
