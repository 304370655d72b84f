/** add-meter, mod-meter, del-meter(s), dump-meter(s), meter-stats, meter-features. */
import { PROTOCOLS_OF } from '../../flow/protocols.js';
import { METER } from '../../flowtable/meters.js';
import type { Kind, ValueOfKind } from '../../openflow/registry.js';
import { parseMeter } from '../../openflow/text/meter-parse.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { chooseVersions } from './usable.js';

function open(command: Command): Promise<Client> {
  return Client.open(command, command.args[0], chooseVersions(command, PROTOCOLS_OF.from13));
}

async function change(command: Command, kind: 'add' | 'modify' | 'delete'): Promise<void> {
  const [, text] = command.args;
  const mod =
    text === undefined && kind === 'delete'
      ? { command: 2, id: METER.all, flags: 0, bands: [] }
      : parseMeter(text ?? '', kind);
  const client = await open(command);
  await client.tell('meter_mod', mod);
  client.close();
}

export const addMeter = (c: Command): Promise<void> => change(c, 'add');
export const modMeter = (c: Command): Promise<void> => change(c, 'modify');
export const delMeters = (c: Command): Promise<void> => change(c, 'delete');

async function dump<K extends Kind>(command: Command, kind: K, value: ValueOfKind<K>): Promise<void> {
  const client = await open(command);
  for await (const r of client.ask(kind, value)) command.io.out(client.text(r.bytes));
  client.close();
}

function which(command: Command): { id: number } {
  const [, text] = command.args;
  return { id: text === undefined ? METER.all : parseMeter(text, 'ask').id };
}

export const dumpMeters = async (c: Command): Promise<void> => dump(c, 'meter_config_request', which(c));
export const meterStats = async (c: Command): Promise<void> => dump(c, 'meter_stats_request', which(c));
export const meterFeatures = (c: Command): Promise<void> => dump(c, 'meter_features_request', {});
