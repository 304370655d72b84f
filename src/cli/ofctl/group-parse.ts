/** Groups and meters as ovs-ofctl(8) writes them. */
import { parseActions } from '../../action/list.js';
import { fieldByName } from '../../flow/fields.js';
import { nextToken, type Token } from '../../flow/parse-match.js';
import { parseInteger } from '../../flow/value-text.js';
import {
  BUCKET,
  type BucketSpec,
  GROUP,
  type GroupMod,
  type GroupType,
  NO_SELECTION,
  type Selection,
  WATCH_NONE,
} from '../../flowtable/groups.js';
import { type BandSpec, METER, METER_FLAG, type MeterMod } from '../../flowtable/meters.js';
import { UserError } from '../../lib/errors.js';
import type { FlowReader } from './flow-parse.js';

const TYPES: Readonly<Record<string, GroupType>> = {
  all: 'all',
  select: 'select',
  indirect: 'indirect',
  ff: 'ff',
  fast_failover: 'ff',
};

function number(text: string, what: string, max = 0xffffffffn): number {
  const v = parseInteger(text);
  if (v === undefined) throw new UserError(`invalid numeric format ${text}`);
  if (v < 0n || v > max) throw new UserError(`invalid ${what} ${text}`);
  return Number(v);
}

interface Head {
  id: number | undefined;
  type: GroupType | undefined;
  commandBucket: number;
  selection: Selection;
}

const BUCKET_WORDS: Readonly<Record<string, number>> = { first: BUCKET.first, last: BUCKET.last, all: BUCKET.all };

/** "fields(ip_src,tcp_dst)" or "fields=ip_src": each whole, or with a mask. */
function readFields(text: string): Selection['fields'] {
  return text
    .replace(/^\((.*)\)$/, '$1')
    .split(',')
    .filter(Boolean)
    .map((item) => {
      const [name, mask] = item.trim().split('=', 2);
      const field = fieldByName(name);
      if (!field) throw new UserError(`unknown field ${name}`);
      return { field, mask: mask === undefined ? field.valid : (parseInteger(mask) ?? field.valid) };
    });
}

function readHead(text: string): Head {
  const head: Head = { id: undefined, type: undefined, commandBucket: BUCKET.all, selection: NO_SELECTION };
  const token: Token = { key: '', value: '' };
  for (let at = nextToken(text, 0, token); at >= 0; at = nextToken(text, at, token)) {
    const { key, value } = token;
    if (key === 'group_id') head.id = /^all$/i.test(value) ? GROUP.all : number(value, 'group_id');
    else if (key === 'type') {
      head.type = TYPES[value];
      if (!head.type) throw new UserError(`invalid group type ${value}`);
    } else if (key === 'command_bucket_id')
      head.commandBucket = BUCKET_WORDS[value] ?? number(value, 'command_bucket_id');
    else if (key === 'selection_method') {
      if (value !== 'hash' && value !== 'dp_hash') throw new UserError(`invalid selection method ${value}`);
      head.selection = { ...head.selection, method: value };
    } else if (key === 'selection_method_param')
      head.selection = { ...head.selection, param: parseInteger(value) ?? 0n };
    else if (key === 'fields') head.selection = { ...head.selection, fields: readFields(value) };
    else throw new UserError(`unknown keyword ${key}`);
  }
  return head;
}

type RawBucket = Omit<BucketSpec, 'id' | 'weight'> & { id: number | undefined; weight: number | undefined };

function readBucket(text: string, reader: FlowReader): RawBucket {
  const ctx = reader.actionContext();
  let b: RawBucket = { id: undefined, weight: undefined, watchPort: WATCH_NONE, watchGroup: GROUP.any, actions: [] };
  const actions: string[] = [];
  for (const item of splitBucket(text)) {
    const m = /^(weight|watch_port|watch_group|bucket_id)[:=](.*)$/.exec(item);
    if (!m) {
      const started = /^actions?[:=](.*)$/s.exec(item);
      actions.push(started ? started[1] : item);
    } else if (m[1] === 'weight') b = { ...b, weight: number(m[2], 'weight', 0xffffn) };
    else if (m[1] === 'bucket_id') b = { ...b, id: number(m[2], 'bucket_id') };
    else if (m[1] === 'watch_group') b = { ...b, watchGroup: number(m[2], 'watch_group') };
    else b = { ...b, watchPort: ctx.port(m[2]) };
  }
  return { ...b, actions: parseActions(actions.filter(Boolean).join(','), ctx, false) };
}

/** At commas that are in no parentheses. */
function splitBucket(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') depth--;
    else if (c === undefined || (c === ',' && depth === 0)) {
      const item = text.slice(start, i).trim();
      if (item) out.push(item);
      start = i + 1;
    }
  }
  return out;
}

/** Buckets without a number get the lowest that is free. */
function numbered(list: readonly RawBucket[], type: GroupType): BucketSpec[] {
  const used = new Set(list.map((b) => b.id));
  let next = 0;
  const free = (): number => {
    while (used.has(next)) next++;
    used.add(next);
    return next;
  };
  return list.map((b) => ({ ...b, id: b.id ?? free(), weight: type === 'select' ? (b.weight ?? 1) : 0 }));
}

function check(mod: GroupMod, list: readonly RawBucket[]): void {
  if (mod.command === 'delete') return;
  if (mod.type === 'indirect' && mod.buckets.length > 1)
    throw new UserError('Indirect groups can have at most one bucket.');
  if (mod.type !== 'select' && list.some((b) => b.weight !== undefined)) {
    throw new UserError('Only select groups can have bucket weights.');
  }
  const blind = mod.buckets.some((b) => b.watchPort === WATCH_NONE && b.watchGroup === GROUP.any);
  if (mod.type === 'ff' && blind) throw new UserError('fast failover bucket requires watch_port or watch_group');
}

export function parseGroup(text: string, command: GroupMod['command'], reader: FlowReader): GroupMod {
  const parts = text.split(/(?:^|[\s,]+)bucket[=:]/);
  const head = readHead(parts[0]);
  if (head.id === undefined && command !== 'delete') throw new UserError('must specify a group_id');
  const needsType = command === 'add' || command === 'modify' || command === 'add_or_modify';
  if (needsType && head.type === undefined) throw new UserError('must specify a type');
  const type = head.type ?? 'all';
  const raw = parts.slice(1).map((b) => readBucket(b, reader));
  if (command === 'delete' && raw.length) throw new UserError('bucket is not needed');
  const mod: GroupMod = {
    command,
    id: head.id ?? GROUP.all,
    type,
    selection: head.selection,
    buckets: numbered(raw, head.type ?? 'select'),
    commandBucket: head.commandBucket,
  };
  check(mod, raw);
  return mod;
}

const METER_FLAGS: Readonly<Record<string, number>> = METER_FLAG;

function meterId(text: string): number {
  if (text === 'all') return METER.all;
  if (text === 'controller') return METER.controller;
  if (text === 'slowpath') return METER.slowpath;
  const v = parseInteger(text);
  if (v === undefined || v <= 0n || v > 0xffffffffn) throw new UserError('invalid value for meter');
  return Number(v);
}

function readBands(text: string): BandSpec[] {
  const bands: { type: BandSpec['type']; rate: number; burst: number }[] = [];
  for (const item of text.split(/[\s,]+/).filter(Boolean)) {
    const [key, value = ''] = item.split('=', 2);
    const last = bands[bands.length - 1];
    if (key === 'type') {
      if (value !== 'drop' && value !== 'dscp_remark') throw new UserError(`field ${value} unknown`);
      bands.push({ type: value, rate: 0, burst: 0 });
    } else if (!last) throw new UserError(`field ${key} unknown`);
    else if (key === 'rate') last.rate = number(value, 'rate');
    else if (key === 'burst_size') last.burst = number(value, 'burst_size');
    else throw new UserError(`field ${key} unknown`);
  }
  if (bands.some((b) => b.rate === 0)) throw new UserError("band must have 'rate'");
  return bands;
}

export function parseMeter(text: string, command: MeterMod['command']): MeterMod {
  const at = text.search(/\bbands?=/);
  if (at < 0 && command !== 'delete') throw new UserError('must specify bands');
  const head = at < 0 ? text : text.slice(0, at);
  let id: number | undefined;
  let flags = 0;
  for (const item of head.split(/[\s,]+/).filter(Boolean)) {
    const [key, value] = item.split('=', 2);
    if (METER_FLAGS[key] !== undefined && value === undefined) flags |= METER_FLAGS[key];
    else if (value === undefined) throw new UserError(`field ${key} missing value`);
    else if (key === 'meter') id = meterId(value);
    else throw new UserError(`unknown keyword ${key}`);
  }
  if (id === undefined) throw new UserError("must specify 'meter'");
  const bands = at < 0 ? [] : readBands(text.slice(text.indexOf('=', at) + 1));
  if (command !== 'delete' && !(flags & (METER_FLAG.kbps | METER_FLAG.pktps))) flags |= METER_FLAG.kbps;
  return { command, id, flags, bands };
}
