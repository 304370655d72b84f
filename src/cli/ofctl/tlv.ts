/** add-tlv-map, del-tlv-map, dump-tlv-map. */
import type { TlvMod } from '../../openflow/messages/tlv.js';
import { parseTlvMap } from '../../openflow/text/tlv.js';
import { Client } from './client.js';
import type { Command } from './context.js';

async function change(command: Command, mod: TlvMod): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  await client.tell('tlv_table_mod', mod);
  client.close();
}

export async function addTlvMap(command: Command): Promise<void> {
  await change(command, { command: 'add', mappings: parseTlvMap(command.args[1]) });
}

export async function delTlvMap(command: Command): Promise<void> {
  const [, text] = command.args;
  if (text === undefined) await change(command, { command: 'clear', mappings: [] });
  else await change(command, { command: 'delete', mappings: parseTlvMap(text) });
}

export async function dumpTlvMap(command: Command): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  const r = await client.reply(client.send('tlv_table_request', {}));
  command.io.out(client.text(r.bytes));
  client.close();
}
