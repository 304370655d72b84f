/** mod-port. */

import { parseOfPort } from '../../flow/port-text.js';
import { UserError } from '../../lib/errors.js';
import type { PhyPort } from '../../openflow/messages/port.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { portsOf } from './names.js';

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
