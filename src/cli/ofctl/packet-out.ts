/** packet-out: a frame and what to do with it. */
import { checkActions } from '../../action/check.js';
import { parseActions } from '../../action/list.js';
import { actionContext } from '../../bridge/flow-text.js';
import { OFPP } from '../../flow/field.js';
import { field, fieldByName } from '../../flow/fields.js';
import { parseMatch } from '../../flow/parse-match.js';
import { parseOfPort } from '../../flow/port-text.js';
import { setField } from '../../flow/set.js';
import { UserError } from '../../lib/errors.js';
import { parseHexLoose } from '../../lib/hex-dump.js';
import { inPortOf, metadataOfPort, NO_BUFFER, type PacketOutMessage } from '../../openflow/messages/packet.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { type Names, namesToAccept } from './names.js';

export type Out = Pick<PacketOutMessage, 'actions' | 'data' | 'metadata'>;

/** Fields that OpenFlow 1.5 can send with a packet: what is not in the packet itself. */
const PIPELINE = /^(tun_|metadata$|pkt_mark$|packet_type$|ct_|x?x?reg\d)/;
const ETHERNET_HEADER = 14;
const IN_PORT = field('in_port_oxm');

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

/** As `frame`, with the words for a packet among keys. */
function namedFrame(hex: string): Uint8Array {
  const bytes = parseHexLoose(hex);
  if (!bytes) throw new UserError('packet: Trailing garbage in packet data');
  if (bytes.length < ETHERNET_HEADER) throw new UserError('packet: Packet data too short for Ethernet');
  return bytes;
}

/** "in_port=1,packet=HEX,actions=output:2", its keys in any order, the actions last. */
export function parsePacketOut(text: string, names: Names): Out {
  const at = text.search(/\bactions?=/);
  let inPort: number = OFPP.none;
  let data: Uint8Array | undefined;
  const fields: string[] = [];
  for (const item of (at < 0 ? text : text.slice(0, at)).split(/[\s,]+/).filter(Boolean)) {
    const [key, value] = item.split('=', 2);
    if (value === undefined) throw new UserError(`field ${key} missing value`);
    if (key === 'in_port') inPort = portOf(value, names);
    else if (key === 'packet') data = namedFrame(value);
    else if (!fieldByName(key)) throw new UserError(`unknown keyword ${key}`);
    else if (PIPELINE.test(fieldByName(key)?.name ?? '')) fields.push(item);
    else throw new UserError(`${key} is not a valid pipeline field for PACKET_OUT`);
  }
  if (!data?.length) throw new UserError('must specify packet');
  const metadata = parseMatch(fields.join(','));
  setField(metadata, IN_PORT, BigInt(inPort));
  return { actions: at < 0 ? [] : actionsOf(text.slice(text.indexOf('=', at) + 1), names), data, metadata };
}

function parseOld(args: readonly string[], names: Names): Out[] {
  const [port, text, ...packets] = args;
  const metadata = metadataOfPort(portOf(port, names));
  const actions = actionsOf(text, names);
  return packets.map((p) => ({ metadata, actions, data: frame(p) }));
}

export function packetOutMessage({ metadata, actions, data }: Out, version: number): PacketOutMessage {
  const checked = checkActions(actions, metadataOfPort(inPortOf(metadata)), { version });
  return { bufferId: NO_BUFFER, metadata, actions: checked, data };
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
