/** What a switch is: show, dump-desc, dump-tables, dump-ports and the like. */
import { OFPP } from '../../flow/field.js';
import { parseOfPort } from '../../flow/port-text.js';
import { UserError } from '../../lib/errors.js';
import { FRAG_MASK, FRAG_MODES } from '../../openflow/messages/basic.js';
import { QUEUE_ALL } from '../../openflow/messages/queue.js';
import type { TableFeatures } from '../../openflow/messages/table.js';
import type { Kind, ValueOfKind } from '../../openflow/registry.js';
import type { TextContext } from '../../openflow/text/context.js';
import { formatMessage } from '../../openflow/text/message.js';
import { featuresText } from '../../openflow/text/table.js';
import { Client, type Received, Refused } from './client.js';
import type { Command } from './context.js';
import { namesToShow, portsOf } from './names.js';

async function printAll<K extends Kind>(
  command: Command,
  client: Client,
  kind: K,
  value: ValueOfKind<K>,
  names: Partial<TextContext> = {},
): Promise<void> {
  const ctx: TextContext = { verbosity: command.settings.verbosity, ...names };
  for await (const r of client.ask(kind, value)) command.io.out(textOf(r, client, ctx));
}

function textOf(r: Received, client: Client, ctx: TextContext): string {
  return r.message ? formatMessage(r.message, { ...ctx, bytes: r.bytes }) : client.text(r.bytes);
}

/** One request, printed as it comes back. */
async function simple<K extends Kind>(command: Command, kind: K, value: ValueOfKind<K>): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  await printAll(command, client, kind, value);
  client.close();
}

export async function show(command: Command): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  await printAll(command, client, 'features_request', {});
  // 1.3 and later have the ports in a message of their own.
  if (client.version >= 4) await printAll(command, client, 'port_desc_request', { number: OFPP.none });
  client.close();
  const second = await Client.open(command, command.args[0]);
  await printAll(command, second, 'get_config_request', {});
  second.close();
}

export const dumpDesc = (c: Command): Promise<void> => simple(c, 'desc_request', {});

export async function dumpTables(command: Command): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  await printAll(command, client, 'table_stats_request', {});
  client.close();
}

export async function dumpTableFeatures(command: Command): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  if (client.version < 4) {
    throw new UserError("dump-table-features needs OpenFlow 1.3 or later ('-O OpenFlow13')");
  }
  const tables: TableFeatures[] = [];
  for await (const r of client.ask('table_features_request', [])) {
    if (r.message?.kind !== 'table_features_reply') throw new Refused(r.bytes);
    tables.push(...r.message.value);
  }
  command.io.out(featuresText(tables, client.version, { verbosity: command.settings.verbosity }));
  client.close();
}

/** A port by number or by the switch's name for it; throws for a name that no port has. */
async function portByName(command: Command, text: string): Promise<number> {
  const direct = parseOfPort(text);
  if (direct !== undefined) return direct;
  const client = await Client.open(command, command.args[0]);
  const ports = await portsOf(client);
  client.close();
  const port = ports.find((p) => p.name === text);
  if (!port) throw new UserError(`${command.args[0]}: unknown port \`${text}'`);
  return port.number;
}

export async function dumpPorts(command: Command): Promise<void> {
  const [target, port] = command.args;
  const client = await Client.open(command, target);
  const number = port === undefined ? OFPP.none : await portByName(command, port);
  const names = await namesToShow(command, target);
  await printAll(command, client, 'port_stats_request', { number }, names);
  client.close();
}

export async function dumpPortsDesc(command: Command): Promise<void> {
  const [target, port] = command.args;
  const client = await Client.open(command, target);
  const number = port === undefined ? OFPP.none : await portByName(command, port);
  await printAll(command, client, 'port_desc_request', { number });
  client.close();
}

export async function getFrags(command: Command): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  const { value } = await client.request('get_config_request', {}, 'get_config_reply');
  command.io.out(`${FRAG_MODES[value.flags & FRAG_MASK]}\n`);
  client.close();
}

export async function setFrags(command: Command): Promise<void> {
  const [target, text] = command.args;
  const mode = FRAG_MODES.indexOf(text as (typeof FRAG_MODES)[number]);
  if (mode < 0) throw new UserError(`${text}: unknown fragment handling mode`);
  const client = await Client.open(command, target);
  const { value } = await client.request('get_config_request', {}, 'get_config_reply');
  if ((value.flags & FRAG_MASK) !== mode) {
    await client.tell('set_config', { flags: (value.flags & ~FRAG_MASK) | mode, missSendLen: value.missSendLen });
    const after = await client.request('get_config_request', {}, 'get_config_reply');
    if ((after.value.flags & FRAG_MASK) !== mode) {
      throw new UserError(
        `${target}: setting fragment handling mode failed (this switch probably doesn't support mode "${text}")`,
      );
    }
  }
  client.close();
}

export async function queueStats(command: Command): Promise<void> {
  const [, port, queue] = command.args;
  const number = port === undefined || /^(all|any)$/i.test(port) ? OFPP.none : await portByName(command, port);
  const which = queue === undefined || /^(all|any)$/i.test(queue) ? QUEUE_ALL : Number(queue);
  const client = await Client.open(command, command.args[0]);
  await printAll(command, client, 'queue_stats_request', { port: number, queue: which });
  client.close();
}

export async function queueConfig(command: Command): Promise<void> {
  const [target, port] = command.args;
  const number = port === undefined || /^(all|any)$/i.test(port) ? OFPP.none : await portByName(command, port);
  const client = await Client.open(command, target);
  if (client.version >= 5) await printAll(command, client, 'queue_desc_request', { port: number, queue: QUEUE_ALL });
  else if (client.version > 1 || number !== OFPP.none)
    await printAll(command, client, 'queue_config_request', { port: number });
  else {
    for (const p of await portsOf(client)) {
      if (p.number < OFPP.max) await printAll(command, client, 'queue_config_request', { port: p.number });
    }
  }
  client.close();
}

export const dumpIpfixBridge = (c: Command): Promise<void> => dumpIpfix(c, 'ipfix_bridge_request');
export const dumpIpfixFlow = (c: Command): Promise<void> => dumpIpfix(c, 'ipfix_flow_request');

async function dumpIpfix(command: Command, kind: 'ipfix_bridge_request' | 'ipfix_flow_request'): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  await printAll(command, client, kind, {});
  client.close();
}
