/** monitor's "watch:": which flows to hear of. */
import { parseFlow, parseTable } from '../../flow/parse-flow.js';
import { TABLE_ALL } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { MONITOR, type MonitorRequest } from '../../openflow/messages/monitor.js';
import type { Client } from './client.js';
import type { Command } from './context.js';
import { namesToAccept } from './names.js';

const EVERYTHING = Object.values(MONITOR).reduce((a, b) => a | b, 0);
const FLAGS: ReadonlyMap<string, number> = new Map(Object.entries(MONITOR));

/** "!initial,table=3,ip": words with "!" leave something out, the rest is as in a flow. */
export function parseWatch(text: string, ports: (name: string) => number | undefined): MonitorRequest {
  let flags = EVERYTHING;
  const rest: string[] = [];
  for (const item of text.split(/[\s,]+/).filter(Boolean)) {
    const flag = item.startsWith('!') ? FLAGS.get(item.slice(1)) : undefined;
    if (flag === undefined) rest.push(item);
    else flags &= ~flag;
  }
  try {
    const flow = parseFlow(rest.filter((i) => !i.startsWith('table=')).join(','), 'dump', { ports });
    const table = rest.findLast((i) => i.startsWith('table='));
    return {
      id: 0,
      flags,
      outPort: flow.outPort,
      outGroup: flow.outGroup,
      table: table === undefined ? TABLE_ALL : parseTable(table.slice('table='.length)),
      match: flow.match,
    };
  } catch (e) {
    const unknown = e instanceof UserError ? /^unknown keyword (\S+)$/.exec(e.message) : null;
    if (!unknown) throw e;
    throw new UserError(`${text}: field ${unknown[1]} missing value`);
  }
}

export async function watch(command: Command, client: Client, text: string): Promise<void> {
  const names = await namesToAccept(command, command.args[0], 'tables');
  const byName = new Map([...names.ports].map(([number, name]) => [name, number]));
  const request = parseWatch(text, (n) => byName.get(n));
  for await (const r of client.ask('monitor_request', [request])) command.io.out(client.text(r.bytes));
}
