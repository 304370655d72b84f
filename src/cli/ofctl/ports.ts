/** mod-port and packet-out. */

import { checkActions } from '../../action/check.js';
import { parseActions } from '../../action/list.js';
import { actionContext } from '../../bridge/flow-text.js';
import { OFPP } from '../../flow/field.js';
import { parseOfPort } from '../../flow/port-text.js';
import { UserError } from '../../lib/errors.js';
import { parseHexLoose } from '../../lib/hex-dump.js';
import { metadataOfPort, NO_BUFFER, type PacketOutMessage } from '../../openflow/messages/packet.js';
import type { PhyPort } from '../../openflow/messages/port.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { type Names, namesToAccept, portsOf } from './names.js';

/** Words of mod-port: the bit, and whether the plain word clears it. */
const CHANGES: readonly (readonly [word: string, bit: number, set: boolean])[] = [
  ['up', 0x01, false],
  ['down', 0x01, true],
  ['stp', 0x02, false],
  ['receive', 0x04, false],
  ['receive-stp', 0x08, false],
  ['flood', 0x10, false],
  ['forward', 0x20, false],
  ['packet-in', 0x40, false],
];

function change(word: string): readonly [bit: number, set: boolean] {
  const w = word.toLowerCase();
  for (const [name, bit, set] of CHANGES) {
    if (w === name) return [bit, set];
    if (w === `no-${name}` || w === `no${name}`) return [bit, !set];
  }
  throw new UserError(`unknown mod-port command '${word}'`);
}

async function findPort(command: Command): Promise<PhyPort> {
  const [target, name] = command.args;
  const client = await Client.open(command, target);
  const ports = await portsOf(client);
  client.close();
  const number = parseOfPort(name);
  const port = ports.find((p) => p.number === number || p.name === name);
  if (!port) throw new UserError(`${target}: couldn't find port \`${name}'`);
  return port;
}

export async function modPort(command: Command): Promise<void> {
  const [target, , word] = command.args;
  const port = await findPort(command);
  const [bit, set] = change(word);
  const client = await Client.open(command, target);
  await client.tell('port_mod', {
    number: port.number,
    hwAddr: port.hwAddr,
    config: set ? bit : 0,
    mask: bit,
    advertise: 0,
  });
  client.close();
}

type Out = Pick<PacketOutMessage, 'actions' | 'data'> & { readonly inPort: number };

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
function parseOneWord(text: string, names: Names): Out {
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

export async function packetOut(command: Command): Promise<void> {
  const [target, ...rest] = command.args;
  if (rest.length === 2) throw new UserError('Too many arguments (4)');
  const names = await namesToAccept(command, target, 'ports');
  const all = rest.length === 1 ? [parseOneWord(rest[0], names)] : parseOld(rest, names);
  const client = await Client.open(command, target);
  for (const { inPort, actions, data } of all) {
    const metadata = metadataOfPort(inPort);
    const checked = checkActions(actions, metadata, { version: client.version });
    await client.tell('packet_out', { bufferId: NO_BUFFER, metadata, actions: checked, data });
  }
  client.close();
}
