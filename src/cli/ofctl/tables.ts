/** mod-table, dump-table-desc. */
import { parseTable } from '../../flow/parse-flow.js';
import { TABLE_ALL } from '../../flowtable/flow-mod.js';
import { MISS, type Vacancy } from '../../flowtable/table-settings.js';
import { UserError } from '../../lib/errors.js';
import { encodeParts } from '../../openflow/message.js';
import { TABLE_CONFIG, type TableDesc, type TableFeatures, type TableMod } from '../../openflow/messages/table.js';
import { versionName } from '../../openflow/version.js';
import { Client, nextXid, Refused } from './client.js';
import type { Command } from './context.js';
import { namesToAccept } from './names.js';

const OF12 = (1 << 2) | (1 << 3);
const OF13_UP = (1 << 4) | (1 << 5) | (1 << 6);
const OF14_UP = (1 << 5) | (1 << 6);
const DEFAULT = 1 << 1;
const PERCENT = 100;

/** What is asked of a table, and the versions that can say it. */
interface Setting {
  readonly versions: number;
  readonly miss?: number;
  readonly name?: string;
  readonly evict?: boolean;
  /** null: no events. */
  readonly vacancy?: Vacancy | null;
}

function percent(text: string | undefined, which: 'down' | 'up'): number {
  if (text === undefined) throw new UserError(`Vacancy ${which} value missing`);
  const v = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(v <= PERCENT)) throw new UserError(`Invalid vacancy ${which} value "${text}"`);
  return v;
}

function parseVacancy(text: string): Vacancy {
  const [downText, upText] = text.split(/[:,]+/).filter(Boolean);
  const down = percent(downText, 'down');
  const up = percent(upText, 'up');
  if (up < down) {
    throw new UserError(
      'Invalid vacancy range, vacancy up should be greater than vacancy down (OFPBPC_BAD_VALUE)',
      'OFPBPC_BAD_VALUE',
    );
  }
  return { down, up };
}

function parseSetting(text: string, table: number): Setting {
  const miss = MISS.findIndex((m): boolean => m === text);
  if (miss >= 0) return { versions: OF12, miss };
  if (text === 'evict' || text === 'noevict') return { versions: OF14_UP, evict: text === 'evict' };
  if (text === 'novacancy') return { versions: OF14_UP, vacancy: null };
  if (text.startsWith('vacancy')) return { versions: OF14_UP, vacancy: parseVacancy(text.slice('vacancy'.length)) };
  if (text.startsWith('name:') && table !== TABLE_ALL) return { versions: OF13_UP, name: text.slice('name:'.length) };
  throw new UserError(`invalid table_mod setting ${text}`);
}

const versionNames = (bitmap: number): string =>
  [1, 2, 3, 4, 5, 6]
    .filter((v) => bitmap & (1 << v))
    .map(versionName)
    .join(', ');

async function describeAll(client: Client): Promise<readonly TableDesc[]> {
  const all: TableDesc[] = [];
  for await (const r of client.ask('table_desc_request', {})) {
    if (r.message?.kind !== 'table_desc_reply') throw new Refused(r.bytes);
    all.push(...r.message.value);
  }
  return all;
}

/** One setting changes, the other stays as the switch has it. */
function modOf14(table: number, was: TableDesc | undefined, setting: Setting): TableMod {
  const { eviction, vacancyEvents } = TABLE_CONFIG;
  if (setting.evict !== undefined) {
    const config = (setting.evict ? eviction : 0) | ((was?.config ?? 0) & vacancyEvents);
    return { table, config, vacancy: was?.vacancy };
  }
  const config = ((was?.config ?? 0) & eviction) | (setting.vacancy ? vacancyEvents : 0);
  return { table, config, evictionFlags: was?.evictionFlags, vacancy: setting.vacancy ?? undefined };
}

/** "All" is each table by itself: what stays differs. */
async function change14(client: Client, table: number, setting: Setting): Promise<void> {
  const all = await describeAll(client);
  if (table !== TABLE_ALL) {
    const was = all.find((t) => t.table === table);
    return client.tell('table_mod', modOf14(table, was, setting));
  }
  for (const was of all) await client.tell('table_mod', modOf14(was.table, was, setting));
}

/** Names are among the features, which are sent back whole. */
async function rename(client: Client, table: number, name: string): Promise<void> {
  const all: TableFeatures[] = [];
  for await (const r of client.ask('table_features_request', [])) {
    if (r.message?.kind !== 'table_features_reply') throw new Refused(r.bytes);
    all.push(...r.message.value);
  }
  const renamed = all.map((t) => (t.table === table ? { ...t, name } : t));
  const xid = nextXid();
  const parts = encodeParts('table_features_request', renamed, { version: client.version, xid });
  for (const bytes of parts) client.connection.write(bytes);
  for (;;) {
    const r = await client.reply(xid);
    if (r.message?.kind !== 'table_features_reply') throw new Refused(r.bytes);
    if (!r.message.more) return;
  }
}

export async function modTable(command: Command): Promise<void> {
  const [target, which, text] = command.args;
  const names = await namesToAccept(command, target, 'tables');
  const byName = new Map([...names.tables].map(([number, name]) => [name, number]));
  const table = which.toLowerCase() === 'all' ? TABLE_ALL : parseTable(which, { tables: (n) => byName.get(n) });
  const setting = parseSetting(text, table);
  const allowed = command.settings.versions ?? DEFAULT;
  const versions = allowed & setting.versions;
  if (versions === 0) {
    throw new UserError(`table_mod '${text}' requires one of the OpenFlow versions ${versionNames(setting.versions)}`);
  }
  const client = await Client.open(command, target, versions);
  if (setting.name !== undefined) await rename(client, table, setting.name);
  else if (allowed & OF14_UP) {
    needs14(client);
    await change14(client, table, setting);
  } else await client.tell('table_mod', { table, config: setting.miss ?? 0 });
  client.close();
}

function needs14(client: Client): void {
  if (client.version < 5) throw new UserError("dump-table-desc needs OpenFlow 1.4 or later ('-O OpenFlow14')");
}

export async function dumpTableDesc(command: Command): Promise<void> {
  const client = await Client.open(command, command.args[0]);
  needs14(client);
  for await (const r of client.ask('table_desc_request', {})) command.io.out(client.text(r.bytes));
  client.close();
}
