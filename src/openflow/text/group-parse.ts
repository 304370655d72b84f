/** Groups as ovs-ofctl(8) writes them, and the words with which it refuses them. */
import type { ParseCtx } from '../../action/context.js';
import { parseActions } from '../../action/list.js';
import { parseU16, parseU64, splitItems } from '../../action/text.js';
import type { FieldRow } from '../../flow/field.js';
import { OFPP } from '../../flow/field.js';
import { fieldByName } from '../../flow/fields.js';
import { fieldProtocols, type MaskKind, PROTOCOLS_OF, protocolsOfVersions } from '../../flow/protocols.js';
import { parseFieldValue } from '../../flow/value-text.js';
import { BUCKET, type BucketSpec, GROUP, type GroupMod, WATCH_NONE } from '../../flowtable/groups.js';
import { UserError } from '../../lib/errors.js';
import { GROUP_TYPES } from '../messages/bucket.js';
import { GROUP_COMMAND, type GroupModMessage, type WireSelection } from '../messages/group.js';
import { parseWord32 } from './number.js';

export interface GroupTextContext {
  /** Of an output or a watch_port; throws UserError. */
  port(text: string): number;
  table(text: string): number;
}

/** A group and the wire forms that can say it, as ovs-ofctl counts them. */
export interface ParsedGroup {
  readonly mod: GroupModMessage;
  readonly protocols: number;
}

type Command = GroupMod['command'];
/** Those with numbers of buckets and with properties. */
const RICH = protocolsOfVersions((1 << 1) | (1 << 6));
/** Elsewhere a meter is an instruction, which no bucket has. */
const METER_AS_ACTION = protocolsOfVersions(1 << 6);
const MAX_METHOD = 15;

/** What a command takes beside the group's number. */
const TAKES: Readonly<Record<Command, { readonly type?: true; readonly buckets?: true; readonly bucketId?: true }>> = {
  add: { type: true, buckets: true },
  modify: { type: true, buckets: true },
  add_or_modify: { type: true, buckets: true },
  delete: {},
  insert_bucket: { buckets: true, bucketId: true },
  remove_bucket: { bucketId: true },
};

function parseGroupId(text: string): number {
  if (text === 'all') return GROUP.all;
  const id = parseWord32(text);
  if (id !== GROUP.all && id > GROUP.max) throw new UserError(`invalid group id ${id}`);
  return id;
}

function parseType(text: string): number {
  const type = text === 'fast_failover' ? 3 : GROUP_TYPES.findIndex((t) => t === text);
  if (type < 0) throw new UserError(`invalid group type ${text}`);
  return type;
}

function parseCommandBucket(text: string, mayBeAll: boolean): number {
  const words: Readonly<Record<string, number>> = { all: BUCKET.all, first: BUCKET.first, last: BUCKET.last };
  const id = words[text] ?? parseWord32(text);
  if (id > BUCKET.max && !Object.values(words).includes(id)) throw new UserError(`invalid command bucket id ${id}`);
  if (id === BUCKET.all && !mayBeAll) throw new UserError('command_bucket_id=all is not permitted');
  return id;
}

const fullMask = (row: FieldRow): bigint => (1n << BigInt(8 * row.bytes)) - 1n;

function maskKind(row: FieldRow, mask: bigint): MaskKind {
  const free = fullMask(row) ^ mask;
  if (free === 0n) return 'exact';
  return (free & (free + 1n)) === 0n ? 'prefix' : 'bits';
}

function fieldMask(row: FieldRow, text: string): bigint {
  const ones = fullMask(row);
  if (text === '') return ones;
  const mask = parseFieldValue(row, text).value;
  if (mask === 0n) throw new UserError(': values are wildcards here and must not be all-zeros');
  if (row.maskable === 'no' && mask !== ones) throw new UserError(`${text}: invalid mask for field ${row.name}`);
  return mask;
}

/** `given`: what another list has named. */
function parseFields(text: string, given: WireSelection['fields']): WireSelection['fields'] {
  const fields = [...given];
  for (const { key, arg } of splitItems(text)) {
    const field = fieldByName(key);
    const rest = () => text.slice(text.indexOf(key) + key.length + (arg ? arg.length + 1 : 0)).replace(/^[,)\s]/, '');
    if (!field) throw new UserError(`${rest()}: unknown field ${key}`);
    if (fields.some((f) => f.field === field)) throw new UserError(`${key}: duplicate field`);
    fields.push({ field, mask: fieldMask(field, arg) });
  }
  return fields;
}

function parseWatchPort(text: string, ctx: GroupTextContext): number {
  let port: number;
  try {
    port = ctx.port(text);
  } catch {
    throw new UserError(`${text}: invalid watch_port`);
  }
  if (port >= OFPP.max && port !== WATCH_NONE) throw new UserError(`${text}: invalid watch_port`);
  return port;
}

function limited(text: string, max: number, name: string): number {
  const n = parseWord32(text);
  if (n > max) throw new UserError(`invalid ${name} id ${n}`);
  return n;
}

/** `type` is undefined where buckets are inserted into a group of unknown type. */
function parseBucket(text: string, type: number | undefined, ctx: ParseCtx): BucketSpec {
  const name = type === undefined ? '' : GROUP_TYPES[type];
  const select = name === 'select';
  let weight = select ? 1 : 0;
  let id: number = BUCKET.all;
  let watchPort: number = WATCH_NONE;
  let watchGroup: number = GROUP.any;
  const actions: string[] = [];
  for (const { key, arg } of splitItems(text)) {
    const word = key.toLowerCase();
    if (word === 'weight') weight = parseU16(arg, 'weight');
    else if (word === 'watch_port') watchPort = parseWatchPort(arg, ctx);
    else if (word === 'watch_group') watchGroup = limited(arg, GROUP.max, 'watch_group');
    else if (word === 'bucket_id') id = limited(arg, BUCKET.max, 'bucket_id');
    else if (word === 'action' || word === 'actions') actions.push(arg);
    else actions.push(`${key}(${arg})`);
  }
  if (actions.length === 0) throw new UserError('bucket must specify actions');
  if (name === 'ff' && watchPort === WATCH_NONE && watchGroup === GROUP.any) {
    throw new UserError('fast failover bucket requires watch_port or watch_group');
  }
  const parsed = parseActions(actions.join(','), ctx, false);
  if (ctx.usable && parsed.some((a) => a.type === 'meter')) ctx.usable.protocols &= METER_AS_ACTION;
  if (weight !== 0 && !select && type !== undefined) throw new UserError('Only select groups can have bucket weights.');
  return { id, weight, watchPort, watchGroup, actions: parsed };
}

/** What stands before the first bucket. */
interface Head {
  id: number | undefined;
  type: number | undefined;
  commandBucket: number | undefined;
  method: string;
  param: bigint;
  fields: WireSelection['fields'];
  /** Needs numbers of buckets or properties. */
  rich: boolean;
  /** Of the fields. */
  protocols: number;
}

function parseHead(text: string, command: Command): Head {
  const takes = TAKES[command];
  const head: Head = {
    id: undefined,
    type: undefined,
    commandBucket: undefined,
    method: '',
    param: 0n,
    fields: [],
    rich: takes.bucketId === true,
    protocols: PROTOCOLS_OF.any,
  };
  const needs = (what: string) => {
    if (!takes.type) throw new UserError(`${what} not needed`);
  };
  for (const { key, arg } of splitItems(text)) {
    if (key === 'command_bucket_id') {
      if (!takes.bucketId) throw new UserError('command bucket id is not needed');
      head.commandBucket = parseCommandBucket(arg, command === 'remove_bucket');
    } else if (key === 'group_id') head.id = parseGroupId(arg);
    else if (key === 'type') {
      needs('type is');
      head.type = parseType(arg);
    } else if (key === 'selection_method') {
      needs('selection method is');
      if (arg.length > MAX_METHOD) throw new UserError(`selection method is longer than ${MAX_METHOD} bytes long`);
      head.method = arg;
      head.rich = true;
    } else if (key === 'selection_method_param') {
      needs('selection method param is');
      head.param = parseU64(arg);
      head.rich = true;
    } else if (key === 'fields') {
      needs('fields are');
      head.fields = parseFields(arg, head.fields);
      for (const f of head.fields) head.protocols &= fieldProtocols(f.field, maskKind(f.field, f.mask));
      head.rich = true;
    } else throw new UserError(`unknown keyword ${key}`);
  }
  return head;
}

function checkHead(h: Head, command: Command): void {
  const takes = TAKES[command];
  if (h.id === undefined) throw new UserError('must specify a group_id');
  if (takes.type && h.type === undefined) throw new UserError('must specify a type');
  if (h.method !== 'hash' && h.fields.length > 0)
    throw new UserError('fields may only be specified with "selection_method=hash"');
  if (h.method === '' && h.param !== 0n)
    throw new UserError('selection_method_param is only allowed with "selection_method"');
  if (command === 'insert_bucket' && h.commandBucket === undefined)
    throw new UserError('must specify a command bucket id');
}

/** Throws UserError in ovs-ofctl's words. */
export function parseGroup(text: string, command: Command, ctx: GroupTextContext): ParsedGroup {
  const number = GROUP_COMMAND[command];
  if (command === 'delete' && text === '') {
    const selection = { method: '', param: 0n, fields: [] };
    const mod = { command: number, id: GROUP.all, type: 0, commandBucket: BUCKET.all, selection, buckets: [] };
    return { mod, protocols: PROTOCOLS_OF.any };
  }
  const [before, ...parts] = text.split('bucket=');
  if (parts.length > 0 && !TAKES[command].buckets) throw new UserError('bucket is not needed');
  const head = parseHead(before, command);
  checkHead(head, command);
  const type = head.type ?? 0;
  const usable = { protocols: head.rich ? RICH & head.protocols : PROTOCOLS_OF.any };
  const buckets = parts.map((p) => {
    // As with ovs-ofctl, reading a bucket forgets what was read before it.
    usable.protocols = PROTOCOLS_OF.any;
    return parseBucket(p, head.type, { port: (t) => ctx.port(t), table: (t) => ctx.table(t), usable });
  });
  if (GROUP_TYPES[type] === 'indirect' && buckets.length > 1)
    throw new UserError('Indirect groups can have at most one bucket.');
  const { method, param, fields, id = GROUP.all, commandBucket = BUCKET.all } = head;
  return {
    mod: { command: number, id, type, commandBucket, selection: { method, param, fields }, buckets },
    protocols: usable.protocols,
  };
}

/** Words that may stand in front of a group in a file; any beginning of one is it. */
const WORDS: readonly (readonly [string, Command])[] = [
  ['add', 'add'],
  ['delete', 'delete'],
  ['modify', 'modify'],
  ['add_or_mod', 'add_or_modify'],
  ['insert_bucket', 'insert_bucket'],
  ['remove_bucket', 'remove_bucket'],
];

/** A line of a file of groups: a command's word and a group, or a group to add. */
export function splitGroupCommand(line: string): { readonly command: Command; readonly group: string } {
  const text = line.replace(/^[ \t\r\n]+/, '');
  const word = /^[^, \t\r\n]*/.exec(text)?.[0] ?? '';
  const found = WORDS.find(([w]) => w.startsWith(word));
  return found ? { command: found[1], group: text.slice(word.length) } : { command: 'add', group: text };
}

/** A file of groups, a line each; comments and empty lines do not count. `fixed`: every line is a group for this command. */
export function parseGroupFile(
  text: string,
  name: string,
  fixed: Command | undefined,
  ctx: GroupTextContext,
): ParsedGroup[] {
  const out: ParsedGroup[] = [];
  text.split('\n').forEach((raw, i) => {
    const line = raw.replace(/#.*/, '');
    if (line.trim() === '') return;
    try {
      const { command, group } = fixed ? { command: fixed, group: line } : splitGroupCommand(line);
      out.push(parseGroup(group, command, ctx));
    } catch (e) {
      if (e instanceof UserError) throw new UserError(`${name}:${i + 1}: ${e.message}`, e.ofError);
      throw e;
    }
  });
  return out;
}
