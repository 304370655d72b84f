/** dump-flows, dump-aggregate, add-flow(s), mod-flows, del-flows. */
import { readFileSync } from 'node:fs';
import { fieldByName, readField } from '../../flow/fields.js';
import { PROTOCOLS_OF } from '../../flow/protocols.js';
import { everyFlow, type FlowFilter, type FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import type { FlowStats } from '../../openflow/messages/flow-stats.js';
import { formatFlow } from '../../openflow/text/flow.js';
import { strerror } from '../strerror.js';
import { type Bundled, sendBundle } from './bundle.js';
import { Client, Refused } from './client.js';
import type { Command, Criterion } from './context.js';
import { FlowReader } from './flow-parse.js';
import { namesToAccept, namesToShow, showsNames } from './names.js';
import { Protocol } from './protocol.js';

async function filterOf(command: Command): Promise<{ filter: FlowFilter; usable: number }> {
  const [target, text] = command.args;
  if (text === undefined) return { filter: everyFlow(), usable: PROTOCOLS_OF.any };
  const reader = new FlowReader(await namesToAccept(command, target, 'ports'));
  return { filter: reader.filter(text), usable: reader.usable.protocols };
}

async function openProtocol(command: Command, target: string): Promise<{ client: Client; protocol: Protocol }> {
  const client = await Client.open(command, target);
  return { client, protocol: new Protocol(client, command.settings) };
}

/** Lines of flows, coloured if that is wanted. */
async function inColor(command: Command, text: string): Promise<string> {
  const { color } = command.settings;
  if (color === 'auto' ? !command.io.isTty : !color) return text;
  const { colored } = await import('./colors.js');
  return text.replace(/^ .*$/gm, colored);
}

/** Prints each part of the reply as it comes. */
async function dumpRaw(command: Command, kind: 'flow_stats_request' | 'aggregate_request'): Promise<void> {
  const { filter, usable } = await filterOf(command);
  const { client, protocol } = await openProtocol(command, command.args[0]);
  const name = await protocol.prepareDump(kind === 'aggregate_request' ? 'AGGREGATE' : 'FLOW', usable);
  for await (const bytes of client.askUnread(kind, filter, name))
    command.io.out(await inColor(command, client.text(bytes)));
  client.close();
}

/** Every flow that a filter takes. Ages are of no use here and are left out, as ovs-ofctl does in NXM. */
export async function fetchFlows(
  client: Client,
  protocol: Protocol,
  filter: FlowFilter,
  usable: number = PROTOCOLS_OF.any,
): Promise<FlowStats[]> {
  const name = await protocol.prepareDump('FLOW', usable);
  const flows: FlowStats[] = [];
  for await (const r of client.ask('flow_stats_request', filter, name)) {
    if (r.message?.kind !== 'flow_stats_reply') throw new Refused(r.bytes);
    for (const f of r.message.value) flows.push(name.startsWith('NXST') ? { ...f, idleAge: -1, hardAge: -1 } : f);
  }
  return flows;
}

function sortKey(f: FlowStats, field: string): bigint | undefined {
  if (field === '' || field === 'priority') return BigInt(f.priority);
  const row = fieldByName(field);
  if (!row) throw new UserError(`${field}: unknown field name`);
  return readField(f.match.mask, row) === 0n ? undefined : readField(f.match.value, row);
}

/** Flows without the field come first when ascending, last when descending. */
function compare(a: FlowStats, b: FlowStats, criteria: readonly Criterion[]): number {
  for (const c of criteria) {
    const x = sortKey(a, c.field);
    const y = sortKey(b, c.field);
    if (x === y) continue;
    const before = x === undefined || (y !== undefined && x < y);
    return before === c.ascending ? -1 : 1;
  }
  return 0;
}

export async function dumpFlows(command: Command): Promise<void> {
  const { sort, stats } = command.settings;
  for (const c of sort) {
    if (c.field !== '' && c.field !== 'priority' && !fieldByName(c.field)) {
      throw new UserError(`${c.field}: unknown field name`);
    }
  }
  if (sort.length === 0 && !showsNames(command) && stats) return dumpRaw(command, 'flow_stats_request');
  const { filter, usable } = await filterOf(command);
  const { client, protocol } = await openProtocol(command, command.args[0]);
  const flows = await fetchFlows(client, protocol, filter, usable);
  const names = await namesToShow(command, command.args[0]);
  if (sort.length) flows.sort((a, b) => compare(a, b, sort));
  const ctx = { ...names, verbosity: command.settings.verbosity };
  for (const f of flows) command.io.out(await inColor(command, `${formatFlow(f, ctx, stats)}\n`));
  client.close();
}

export function dumpAggregate(command: Command): Promise<void> {
  return dumpRaw(command, 'aggregate_request');
}

/** Sends flow_mods one after the other, each with what the connection needs for it. */
export async function sendMods(
  command: Command,
  target: string,
  mods: Iterable<FlowMod>,
  usable: number,
): Promise<void> {
  if (command.settings.bundle) {
    return sendBundle(command, target, bundled(mods), usable);
  }
  const { client, protocol } = await openProtocol(command, target);
  await protocol.prepare(usable);
  // One at a time: the first that is refused is the last that is sent.
  for (const mod of mods) await client.tell('flow_mod', protocol.message(mod), protocol.formName);
  client.close();
}

function* bundled(mods: Iterable<FlowMod>): Generator<Bundled> {
  for (const mod of mods) yield { kind: 'flow_mod', mod };
}

/** A file's text; "-" is standard input. */
export function readInput(path: string, failed = 'open failed'): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (e) {
    throw new UserError(`${path}: ${failed} (${strerror(e)})`);
  }
}

async function oneFlow(command: Command, kind: FlowMod['command']): Promise<void> {
  const [target, text] = command.args;
  if (text === '-') return flowFile(command, kind);
  const reader = new FlowReader(
    await namesToAccept(command, target, 'tables'),
    !command.settings.program.startsWith('ovs-'),
  );
  await sendMods(command, target, [reader.flowMod(text ?? '', kind)], reader.usable.protocols);
}

async function flowFile(command: Command, fixed: FlowMod['command'] | undefined): Promise<void> {
  const [target, path] = command.args;
  const text = readInput(path);
  const reader = new FlowReader(
    await namesToAccept(command, target, 'tables'),
    !command.settings.program.startsWith('ovs-'),
  );
  const mods = reader.fileOnce(text, path, fixed);
  await sendMods(command, target, mods, reader.usable.protocols);
}

const strictly = (c: Command, kind: 'modify' | 'delete'): FlowMod['command'] =>
  c.settings.strict ? `${kind}_strict` : kind;

export const addFlow = (c: Command): Promise<void> => oneFlow(c, 'add');
export const addFlows = (c: Command): Promise<void> => flowFile(c, undefined);
export const modFlows = (c: Command): Promise<void> => oneFlow(c, strictly(c, 'modify'));
export const delFlows = (c: Command): Promise<void> => oneFlow(c, strictly(c, 'delete'));
