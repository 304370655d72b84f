/** Names that only a running switch or its database knows. Whoever does not answer knows none. */
import { readdirSync } from 'node:fs';
import { VSWITCH_SCHEMA } from '../../ovsdb/schema/vswitch.js';
import { runDirectory } from '../../switch/of-sockets.js';
import { command } from '../control.js';

/** A person waits at a prompt. */
const PATIENCE_MS = 4000;

/** In time, and without a fault; else `otherwise`. */
async function soon<T>(question: () => Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), PATIENCE_MS);
  });
  try {
    return await Promise.race([question().catch(() => otherwise), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Commands of the running switch that begin so, without that, with the words of their usages. */
export function controlCommands(prefix: string): Promise<ReadonlyMap<string, readonly string[]>> {
  return soon(async () => {
    const text = await command(undefined, 'list-commands', [], { out() {}, err() {} });
    const lines = text.split('\n').slice(1);
    const rows = lines.map((line) => line.trim().split(/\s+/)).filter(([name]) => name?.startsWith(prefix));
    return new Map(rows.map(([name, ...usage]) => [name.slice(prefix.length), usage]));
  }, new Map());
}

/** Words of what a program prints, run in this process. */
async function printed(program: 'ofctl' | 'vsctl', ...args: string[]): Promise<string> {
  let text = '';
  const out = (more: string): void => {
    text += more;
  };
  const err = (): void => {};
  if (program === 'ofctl') {
    const { main } = await import('../ofctl.js');
    return (await main(args, 'ofctl', { out, err, isTty: false })) === 0 ? text : '';
  }
  const { main } = await import('../vsctl.js');
  return (await main(args, 'vsctl', { out, err })) === 0 ? text : '';
}

/** Those that are spoken to in the run directory, and those of the database. */
export async function bridges(): Promise<string[]> {
  const sockets = await soon(async () => readdirSync(runDirectory()).filter((f) => f.endsWith('.mgmt')), []);
  const configured = await soon(() => printed('vsctl', 'list-br'), '');
  return [...new Set([...sockets.map((f) => f.slice(0, -'.mgmt'.length)), ...configured.split('\n').filter(Boolean)])];
}

/** Of one bridge, or of all where none is named. */
export async function ports(bridge: string | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const name of bridge === undefined ? await bridges() : [bridge]) {
    const text = await soon(() => printed('ofctl', '-O', 'OpenFlow13', 'dump-ports-desc', name), '');
    found.push(...Array.from(text.matchAll(/^ \w+\((.*?)\): addr:/gm), (m) => m[1]));
  }
  return [...new Set(found)];
}

export function tables(): string[] {
  return [...VSWITCH_SCHEMA.tables.keys()];
}
