/** Flows, groups and packets in a bundle: all or none of them. */

import { PROTOCOLS_OF } from '../../flow/protocols.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { errorName } from '../../openflow/errors.js';
import { encode, readHeader } from '../../openflow/message.js';
import { BUNDLE, BUNDLE_FLAGS } from '../../openflow/messages/bundle.js';
import type { GroupModMessage } from '../../openflow/messages/group.js';
import { Client, nextXid, type Received } from './client.js';
import type { Command } from './context.js';
import { checkGroupVersion } from './group-version.js';
import { type Out, packetOutMessage } from './packet-out.js';
import { Protocol } from './protocol.js';

const FLAGS = BUNDLE_FLAGS.atomic | BUNDLE_FLAGS.ordered;
const OF13 = 1 << 4;
const OF14 = 1 << 5;
const HAVE_BUNDLES = OF13 | OF14 | (1 << 6);

/** Error replies are shown with the message they are about: the one in the bundle, not its wrapping. */
function describe(client: Client, errors: readonly Received[], sent: ReadonlyMap<number, Uint8Array>): string {
  return errors
    .map((r) => {
      if (r.message?.kind !== 'error') return '';
      const { value, version, xid } = r.message;
      const name = errorName(version, value) ?? `type ${value.type}, code ${value.code}`;
      return `Error ${name} for: ${client.text(sent.get(xid) ?? value.data, 1)}`;
    })
    .join('');
}

/** What may be in a bundle. */
export type Bundled =
  | { readonly kind: 'flow_mod'; readonly mod: FlowMod }
  | { readonly kind: 'group_mod'; readonly mod: GroupModMessage }
  | { readonly kind: 'packet_out'; readonly out: Out };

function encodeItem(item: Bundled, client: Client, protocol: Protocol): Uint8Array {
  const to = { version: client.version, xid: nextXid() };
  if (item.kind === 'flow_mod') return encode('flow_mod', protocol.message(item.mod), to);
  if (item.kind === 'packet_out') return encode('packet_out', packetOutMessage(item.out, client.version), to);
  checkGroupVersion(item.mod, client.version);
  return encode('group_mod', item.mod, to);
}

/** `usable`: the forms that can say the flows. */
export async function sendBundle(
  command: Command,
  target: string,
  items: Iterable<Bundled>,
  usable: number = PROTOCOLS_OF.any,
): Promise<void> {
  const wanted = (command.settings.versions ?? 0) & HAVE_BUNDLES;
  const client = await Client.open(command, target, wanted || OF14);
  const protocol = new Protocol(client, { ...command.settings, versions: wanted || OF14 });
  await protocol.prepare(usable);
  // Each is encoded before the next is taken: they may share their memory.
  const messages = Array.from(items, (item) => encodeItem(item, client, protocol));
  const control = async (type: number): Promise<void> => {
    const xid = client.send('bundle_control', { id: 0, type, flags: FLAGS });
    const r = await client.reply(xid);
    if (r.message?.kind === 'bundle_control' && r.message.value.type === type + 1) return;
    fail(command, client, [r], new Map());
  };
  await control(BUNDLE.open);
  const sent = new Map<number, Uint8Array>();
  for (const message of messages) {
    const { xid } = readHeader(message);
    sent.set(xid, message);
    client.connection.send('bundle_add', { id: 0, flags: FLAGS, message }, xid);
  }
  const errors = await client.barrier(new Set(sent.keys()));
  if (errors.length) fail(command, client, errors, sent);
  await commit(command, client, sent);
  client.close();
}

/** A failed commit tells of the message at fault first. */
async function commit(command: Command, client: Client, sent: ReadonlyMap<number, Uint8Array>): Promise<void> {
  const xid = client.send('bundle_control', { id: 0, type: BUNDLE.commit, flags: FLAGS });
  const errors: Received[] = [];
  for (;;) {
    const r = await client.receive();
    if (!r) throw new UserError(`talking to ${client.target} (End of file)`);
    const about = readHeader(r.bytes).xid;
    if (r.message?.kind === 'error' && (sent.has(about) || about === xid)) errors.push(r);
    if (about !== xid) continue;
    if (errors.length) fail(command, client, errors, sent);
    return;
  }
}

function fail(
  command: Command,
  client: Client,
  errors: readonly Received[],
  sent: ReadonlyMap<number, Uint8Array>,
): never {
  command.io.err(describe(client, errors, sent));
  throw new UserError(`talking to ${client.target} (Protocol error)`);
}
