/** replace-flows and diff-flows: the difference between two sets of flows. */
import { existsSync, statSync } from 'node:fs';
import { formatActions } from '../../action/list.js';
import { formatMatch } from '../../flow/format-match.js';
import { Match } from '../../flow/match.js';
import { type FlowMod, TABLE_ALL } from '../../flowtable/flow-mod.js';
import { Client } from './client.js';
import type { Command } from './context.js';
import { FlowReader } from './flow-parse.js';
import { fetchFlows, readInput, sendMods } from './flows.js';
import { type Names, namesToAccept } from './names.js';
import { Protocol } from './protocol.js';

interface Version {
  readonly mod: FlowMod;
  /** What makes two of the same place different. */
  readonly actions: string;
}
/** By table, priority and match. */
type Flows = Map<string, Version>;

function put(into: Flows, mod: FlowMod): void {
  const table = mod.table === TABLE_ALL ? 0 : mod.table;
  const key = `${String(table).padStart(3, '0')} ${String(65535 - mod.priority).padStart(5, '0')} ${formatMatch(mod.match)}`;
  into.set(key, { mod: { ...mod, table }, actions: formatActions(mod.actions) });
}

async function fromSwitch(command: Command, target: string): Promise<Flows> {
  const client = await Client.open(command, target);
  const protocol = new Protocol(client, command.settings);
  const everything = {
    table: TABLE_ALL,
    match: new Match(),
    cookieFilter: 0n,
    cookieMask: 0n,
    outPort: 0xffffffff,
    outGroup: 0xffffffff,
  };
  const out: Flows = new Map();
  for (const f of await fetchFlows(client, protocol, everything)) {
    put(out, {
      ...f,
      command: 'add',
      cookieFilter: 0n,
      cookieMask: 0n,
      modifyCookie: false,
      outPort: 0xffffffff,
      outGroup: 0xffffffff,
    });
  }
  client.close();
  return out;
}

function fromFile(path: string, names: Names): { flows: Flows; usable: number } {
  const flows: Flows = new Map();
  const reader = new FlowReader(names);
  for (const mod of reader.file(readInput(path, 'open'), path, 'add')) put(flows, mod);
  return { flows, usable: reader.usable.protocols };
}

function equal(a: Version, b: Version): boolean {
  const { mod: x } = a;
  const { mod: y } = b;
  return (
    a.actions === b.actions &&
    x.cookie === y.cookie &&
    x.idleTimeout === y.idleTimeout &&
    x.hardTimeout === y.hardTimeout &&
    x.importance === y.importance &&
    (x.flags & ~FLAGS_OF_ADDING) === (y.flags & ~FLAGS_OF_ADDING)
  );
}
/** check_overlap and reset_counts say how to add, not what a flow is. */
const FLAGS_OF_ADDING = 6;

export async function replaceFlows(command: Command): Promise<void> {
  const [target, path] = command.args;
  const { flows: wanted, usable } = fromFile(path, await namesToAccept(command, target, 'ports'));
  const present = await fromSwitch(command, target);
  const mods: FlowMod[] = [];
  for (const [key, v] of present)
    if (!wanted.has(key)) mods.push({ ...v.mod, command: 'delete_strict', actions: [], flags: 0 });
  for (const [key, v] of wanted) {
    const now = present.get(key);
    if (!now || command.settings.readd || !equal(v, now)) mods.push(v.mod);
  }
  if (mods.length) await sendMods(command, target, mods, usable);
}

function isFile(source: string): boolean {
  return source === '-' || (!source.includes(':') && existsSync(source) && !statSync(source).isSocket());
}

function line(sign: string, v: Version): string {
  const { mod } = v;
  const match = formatMatch(mod.match, { priority: mod.priority });
  let s = `${sign}${mod.table ? `table=${mod.table} ` : ''}${match}`;
  if (mod.cookie !== 0n) s += ` cookie=0x${mod.cookie.toString(16)}`;
  if (mod.idleTimeout) s += ` idle_timeout=${mod.idleTimeout}`;
  if (mod.hardTimeout) s += ` hard_timeout=${mod.hardTimeout}`;
  if (mod.importance) s += ` importance=${mod.importance}`;
  return `${s} actions=${v.actions}\n`;
}

/** The exit status of a comparison that found differences. */
const DIFFERENT = 2;

export async function diffFlows(command: Command): Promise<number> {
  const sources: Flows[] = [];
  for (const source of command.args) {
    sources.push(
      isFile(source)
        ? fromFile(source, { ports: new Map(), tables: new Map() }).flows
        : await fromSwitch(command, source),
    );
  }
  const [a, b] = sources;
  let differs = false;
  for (const key of [...new Set([...a.keys(), ...b.keys()])].sort()) {
    const x = a.get(key);
    const y = b.get(key);
    if (x && y && equal(x, y)) continue;
    differs = true;
    if (x) command.io.out(line('-', x));
    if (y) command.io.out(line('+', y));
  }
  return differs ? DIFFERENT : 0;
}
