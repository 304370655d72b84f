/** add-group(s), mod-group, insert-buckets, remove-buckets, del-groups, dump-groups and the like, parse-group. */
import { firstProtocol, formatProtocols, PROTOCOLS_OF, versionOfProtocol } from '../../flow/protocols.js';
import { GROUP, type GroupMod } from '../../flowtable/groups.js';
import { UserError } from '../../lib/errors.js';
import { encode } from '../../openflow/message.js';
import type { Kind, ValueOfKind } from '../../openflow/registry.js';
import {
  type GroupTextContext,
  type ParsedGroup,
  parseGroup,
  parseGroupFile,
} from '../../openflow/text/group-parse.js';
import { formatBytes, formatMessage } from '../../openflow/text/message.js';
import { parseWord32 } from '../../openflow/text/number.js';
import { versionName } from '../../openflow/version.js';
import { warn } from '../alarm.js';
import { sendBundle } from './bundle.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { FlowReader } from './flow-parse.js';
import { readInput } from './flows.js';
import { checkGroupVersion } from './group-version.js';
import { namesToAccept, namesToShow } from './names.js';
import { allowedForms, chooseVersions } from './usable.js';

/** Ports and tables as flows name them. */
async function contextFor(command: Command): Promise<GroupTextContext> {
  return new FlowReader(await namesToAccept(command, command.args[0], 'tables')).actionContext();
}

async function send(command: Command, groups: readonly ParsedGroup[]): Promise<void> {
  if (command.settings.bundle) {
    const items = groups.map(({ mod }) => ({ kind: 'group_mod', mod }) as const);
    return sendBundle(command, command.args[0], items);
  }
  const usable = groups.reduce((all, g) => all & g.protocols, PROTOCOLS_OF.any);
  const client = await Client.open(command, command.args[0], chooseVersions(command, usable));
  for (const { mod } of groups) {
    checkGroupVersion(mod, client.version);
    await client.tell('group_mod', mod);
  }
  client.close();
}

async function change(command: Command, kind: GroupMod['command']): Promise<void> {
  const [, text = ''] = command.args;
  if (text === '-') return changeByFile(command, kind);
  await send(command, [parseGroup(text, kind, await contextFor(command))]);
}

async function changeByFile(command: Command, kind?: GroupMod['command']): Promise<void> {
  const [, path] = command.args;
  const text = readInput(path);
  await send(command, parseGroupFile(text, path, kind, await contextFor(command)));
}

export const addGroup = (c: Command): Promise<void> => change(c, 'add');
export const addGroups = (c: Command): Promise<void> => changeByFile(c);
export const modGroup = (c: Command): Promise<void> => change(c, c.settings.mayCreate ? 'add_or_modify' : 'modify');
export const delGroups = (c: Command): Promise<void> => change(c, 'delete');
export const insertBuckets = (c: Command): Promise<void> => change(c, 'insert_bucket');
export const removeBuckets = (c: Command): Promise<void> => change(c, 'remove_bucket');

async function dump<K extends Kind>(command: Command, kind: K, value: ValueOfKind<K>): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  const ctx = { verbosity: command.settings.verbosity, ...(await namesToShow(command, command.args[0])) };
  for await (const r of client.ask(kind, value)) {
    command.io.out(r.message ? formatMessage(r.message, { ...ctx, bytes: r.bytes }) : client.text(r.bytes));
  }
  client.close();
}

/** A group to describe; what is no group's number stands for all. */
function whichGroup(command: Command, text: string | undefined): number {
  if (text === undefined || /^all$/i.test(text)) return GROUP.all;
  if (/^any$/i.test(text)) return GROUP.any;
  try {
    return parseWord32(text);
  } catch {
    const valid = 'Valid group IDs are 32-bit nonnegative integers or the keywords ANY or ALL.';
    warn(command.io, 'ofp_group', `${text} is not a valid group ID.  (${valid})`);
    return GROUP.all;
  }
}

export const dumpGroups = (c: Command): Promise<void> =>
  dump(c, 'group_desc_request', { id: whichGroup(c, c.args[1]) });

export async function dumpGroupStats(command: Command): Promise<void> {
  const { mod } = parseGroup(command.args[1] ?? '', 'delete', await contextFor(command));
  await dump(command, 'group_stats_request', { id: mod.id });
}

export const dumpGroupFeatures = (c: Command): Promise<void> => dump(c, 'group_features_request', {});

const NO_NAMES = { ports: new Map<number, string>(), tables: new Map<number, string>() };

/** The group as the message that would be sent. */
export async function parseGroupText(command: Command): Promise<void> {
  const { mod, protocols } = parseGroup(command.args[0], 'add', new FlowReader(NO_NAMES).actionContext());
  command.io.out(`usable protocols: ${formatProtocols(protocols)}\n`);
  const chosen = protocols & allowedForms(command);
  if (chosen === 0) throw new UserError('no usable protocol');
  const version = versionOfProtocol(firstProtocol(chosen));
  command.io.out(`chosen version: ${versionName(version)}\n`);
  checkGroupVersion(mod, version);
  command.io.out(formatBytes(encode('group_mod', mod, { version, xid: 1 }), { verbosity: command.settings.verbosity }));
}
