/** packet-out: a frame and what to do with it. */
import { checkActions } from '../../action/check.js';
import { parseActions } from '../../action/list.js';
import { actionContext } from '../../bridge/flow-text.js';
import { OFPP } from '../../flow/field.js';
import { parseOfPort } from '../../flow/port-text.js';
import { UserError } from '../../lib/errors.js';
import { parseHexLoose } from '../../lib/hex-dump.js';
import { metadataOfPort, NO_BUFFER, type PacketOutMessage } from '../../openflow/messages/packet.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { type Names, namesToAccept } from './names.js';

export type Out = Pick<PacketOutMessage, 'actions' | 'data'> & { readonly inPort: number };

function portOf(text: string, names: Names): number {
  const byName = new Map([...names.ports].map(([number, name]) => [name, number]));
  const port = parseOfPort(text, (n) => byName.get(n));
  if (port === undefined) throw new UserError(`${text} is not a valid OpenFlow port`);
  return port;
}

function frame(hex: string): Uint8Array {
  const bytes = parseHexLoose(hex);
  if (!bytes) throw new UserError('Trailing garbage in packet data');
  return bytes;
}

function actionsOf(text: string, names: Names): Out['actions'] {
  return parseActions(
    text,
    actionContext((n) => portOf(n, names)),
    false,
  );
}

/** "in_port=1,packet=HEX,actions=output:2", its keys in any order, the actions last. */
export function parsePacketOut(text: string, names: Names): Out {
  const at = text.search(/\bactions?=/);
  if (at < 0) throw new UserError('must specify an action');
  const actions = actionsOf(text.slice(text.indexOf('=', at) + 1), names);
  let inPort: number = OFPP.none;
  let data: Uint8Array | undefined;
  for (const item of text
    .slice(0, at)
    .split(/[\s,]+/)
    .filter(Boolean)) {
    const [key, value = ''] = item.split('=', 2);
    if (key === 'in_port') inPort = portOf(value, names);
    else if (key === 'packet') data = frame(value);
    else throw new UserError(`unknown keyword ${key}`);
  }
  if (!data?.length) throw new UserError('must specify packet');
  return { actions, data, inPort };
}

function parseOld(args: readonly string[], names: Names): Out[] {
  const [port, text, ...packets] = args;
  const inPort = portOf(port, names);
  const actions = actionsOf(text, names);
  return packets.map((p) => ({ inPort, actions, data: frame(p) }));
}

export function packetOutMessage({ inPort, actions, data }: Out, version: number): PacketOutMessage {
  const metadata = metadataOfPort(inPort);
  return { bufferId: NO_BUFFER, metadata, actions: checkActions(actions, metadata, { version }), data };
}

export async function packetOut(command: Command): Promise<void> {
  const [target, ...rest] = command.args;
  if (rest.length === 2) throw new UserError('Too many arguments (4)');
  const names = await namesToAccept(command, target, 'ports');
  const all = rest.length === 1 ? [parsePacketOut(rest[0], names)] : parseOld(rest, names);
  const client = await Client.open(command, target);
  for (const out of all) await client.tell('packet_out', packetOutMessage(out, client.version));
  client.close();
}
