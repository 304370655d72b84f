/** Names of ports and tables, asked from the switch: for reading names in flows and for printing them. */
import { OFPP } from '../../flow/field.js';
import type { PhyPort } from '../../openflow/messages/port.js';
import type { TextContext } from '../../openflow/text/context.js';
import { Client } from './client.js';
import type { Command } from './context.js';

export interface Names {
  readonly ports: ReadonlyMap<number, string>;
  readonly tables: ReadonlyMap<number, string>;
}

const NONE: Names = { ports: new Map(), tables: new Map() };

/** Ports as any version tells them: in the features, or by asking for descriptions. */
export async function portsOf(client: Client): Promise<readonly PhyPort[]> {
  if (client.version < 4) return (await client.request('features_request', {}, 'features_reply')).value.ports;
  const ports: PhyPort[] = [];
  for await (const r of client.ask('port_desc_request', { number: OFPP.none })) {
    if (r.message?.kind === 'port_desc_reply') ports.push(...r.message.value);
  }
  return ports;
}

async function withClient<T>(command: Command, target: string, run: (c: Client) => Promise<T>): Promise<T> {
  const client = await Client.open(command, target);
  try {
    return await run(client);
  } finally {
    client.close();
  }
}

export async function fetchPorts(command: Command, target: string): Promise<ReadonlyMap<number, string>> {
  const ports = await withClient(command, target, portsOf);
  return new Map(ports.map((p) => [p.number, p.name]));
}

export async function fetchTables(command: Command, target: string): Promise<ReadonlyMap<number, string>> {
  return withClient(command, target, async (client) => {
    const names = new Map<number, string>();
    const kind = client.version < 4 ? 'table_stats_request' : 'table_features_request';
    const parts = kind === 'table_stats_request' ? client.ask(kind, {}) : client.ask(kind, []);
    for await (const r of parts) {
      const m = r.message;
      if (m?.kind !== 'table_stats_reply' && m?.kind !== 'table_features_reply') continue;
      for (const t of m.value) if (t.name) names.set(t.table, t.name);
    }
    return names;
  });
}

/** For reading flows, unless --no-names forbids names. `order`: which is asked for first. */
export async function namesToAccept(command: Command, target: string, order: 'ports' | 'tables'): Promise<Names> {
  if (command.settings.names === false) return NONE;
  if (order === 'ports') {
    const ports = await fetchPorts(command, target);
    return { ports, tables: await fetchTables(command, target) };
  }
  const tables = await fetchTables(command, target);
  return { ports: await fetchPorts(command, target), tables };
}

export function showsNames(command: Command): boolean {
  return command.settings.names ?? command.io.isTty;
}

/** For printing: names only when they are wanted. */
export async function namesToShow(command: Command, target: string): Promise<Pick<TextContext, 'ports' | 'tables'>> {
  if (!showsNames(command)) return {};
  const tables = await fetchTables(command, target);
  return { ports: await fetchPorts(command, target), tables };
}
