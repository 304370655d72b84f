/** Groups and meters: changing and showing them. */
import { GROUP, type GroupMod } from '../../flowtable/groups.js';
import { METER, type MeterMod } from '../../flowtable/meters.js';
import { UserError } from '../../lib/errors.js';
import type { Kind, ValueOfKind } from '../../openflow/registry.js';
import { formatMessage } from '../../openflow/text/message.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { FlowReader } from './flow-parse.js';
import { readInput } from './flows.js';
import { parseGroup, parseMeter } from './group-parse.js';
import { type Names, namesToAccept, namesToShow } from './names.js';

const NO_NAMES: Names = { ports: new Map(), tables: new Map() };
const WORDS: Readonly<Record<string, GroupMod['command']>> = {
  add: 'add',
  modify: 'modify',
  add_or_mod: 'add_or_modify',
  delete: 'delete',
  insert_bucket: 'insert_bucket',
  remove_bucket: 'remove_bucket',
};

async function send(command: Command, mods: readonly GroupMod[]): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  for (const mod of mods) await client.tell('group_mod', mod);
  client.close();
}

/** Bucket changes came with 1.5; Nicira's messages bring them to 1.0. */
function checkVersion(command: Command, kind: GroupMod['command']): void {
  const versions = command.settings.versions ?? 1 << 1;
  const name = kind === 'insert_bucket' ? 'insert-bucket' : 'remove-bucket';
  if (versions & ((1 << 1) | (1 << 6))) return;
  throw new UserError(`${name} needs OpenFlow 1.5 or later ('-O OpenFlow15')`);
}

async function one(command: Command, kind: GroupMod['command']): Promise<void> {
  const [target, text = ''] = command.args;
  if (kind === 'insert_bucket' || kind === 'remove_bucket') checkVersion(command, kind);
  const names = text === '' ? NO_NAMES : await namesToAccept(command, target, 'tables');
  await send(command, [parseGroup(text, kind, new FlowReader(names))]);
}

export const addGroup = (c: Command): Promise<void> => one(c, 'add');
export const modGroup = (c: Command): Promise<void> => one(c, c.settings.mayCreate ? 'add_or_modify' : 'modify');
export const delGroups = (c: Command): Promise<void> => one(c, 'delete');
export const insertBuckets = (c: Command): Promise<void> => one(c, 'insert_bucket');
export const removeBuckets = (c: Command): Promise<void> => one(c, 'remove_bucket');

export async function addGroups(command: Command): Promise<void> {
  const [target, path] = command.args;
  const text = readInput(path);
  const reader = new FlowReader(await namesToAccept(command, target, 'tables'));
  const mods: GroupMod[] = [];
  text.split('\n').forEach((raw, i) => {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') return;
    const word = /^([a-z_]+)\s+/.exec(line);
    const kind = word ? WORDS[word[1]] : undefined;
    try {
      mods.push(parseGroup(kind && word ? line.slice(word[0].length) : line, kind ?? 'add', reader));
    } catch (e) {
      if (e instanceof UserError) throw new UserError(`${path}:${i + 1}: ${e.message}`, e.ofError);
      throw e;
    }
  });
  await send(command, mods);
}

async function print<K extends Kind>(command: Command, kind: K, value: ValueOfKind<K>, named = false): Promise<void> {
  const [target] = command.args;
  const client = await Client.open(command, target);
  const ctx = { verbosity: command.settings.verbosity, ...(named ? await namesToShow(command, target) : {}) };
  for await (const r of client.ask(kind, value)) {
    command.io.out(r.message ? formatMessage(r.message, ctx) : client.text(r.bytes));
  }
  client.close();
}

function groupId(command: Command): number {
  const text = command.args[1];
  if (text === undefined || /^(all|any)$/i.test(text.replace(/^group_id=/, ''))) return GROUP.all;
  const id = Number(text.replace(/^group_id=/, ''));
  if (!Number.isInteger(id) || id < 0) throw new UserError(`invalid group id ${text}`);
  return id;
}

export const dumpGroups = (c: Command): Promise<void> => print(c, 'group_desc_request', { id: groupId(c) }, true);
export const dumpGroupStats = (c: Command): Promise<void> => print(c, 'group_stats_request', { id: groupId(c) });
export const dumpGroupFeatures = (c: Command): Promise<void> => print(c, 'group_features_request', {});

/** Meters are of 1.3 and later. */
function needMeters(command: Command): void {
  const versions = command.settings.versions ?? 1 << 1;
  if (versions & ((1 << 4) | (1 << 5) | (1 << 6))) return;
  const names = [1, 2, 3]
    .filter((v) => versions & (1 << v))
    .map((v) => ['OpenFlow10,NXM', 'OpenFlow11', 'OXM-OpenFlow12'][v - 1]);
  throw new UserError(
    `none of the usable flow formats (OXM-OpenFlow13,OXM-OpenFlow14,OXM-OpenFlow15) is among the allowed flow formats (${names.join(',')})`,
  );
}

async function changeMeter(command: Command, kind: MeterMod['command']): Promise<void> {
  needMeters(command);
  const [target, text = 'meter=all'] = command.args;
  const mod = parseMeter(text, kind);
  const client = await Client.open(command, target);
  await client.tell('meter_mod', mod);
  client.close();
}

function showMeters(command: Command, kind: 'meter_config_request' | 'meter_stats_request'): Promise<void> {
  needMeters(command);
  const [, text] = command.args;
  return print(command, kind, { id: text === undefined ? METER.all : parseMeter(text, 'delete').id });
}

export const addMeter = (c: Command): Promise<void> => changeMeter(c, 'add');
export const modMeter = (c: Command): Promise<void> => changeMeter(c, 'modify');
export const delMeters = (c: Command): Promise<void> => changeMeter(c, 'delete');
export const dumpMeters = (c: Command): Promise<void> => showMeters(c, 'meter_config_request');
export const meterStats = (c: Command): Promise<void> => showMeters(c, 'meter_stats_request');
export async function meterFeatures(command: Command): Promise<void> {
  needMeters(command);
  await print(command, 'meter_features_request', {});
}
