/** bundle: a file of flows, groups and packets, a line each, that take effect together. */
import { splitCommand } from '../../flow/parse-flow.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { parseGroup, splitGroupCommand } from '../../openflow/text/group-parse.js';
import { type Bundled, sendBundle } from './bundle.js';
import type { Command } from './context.js';
import { FlowReader } from './flow-parse.js';
import { readInput } from './flows.js';
import { type Names, namesToAccept } from './names.js';
import { parsePacketOut } from './packet-out.js';

function parseLine(line: string, reader: FlowReader, names: Names): Bundled {
  const [, word, rest] = /^\s*(\S*)\s*(.*)$/s.exec(line) ?? [line, '', ''];
  if (word === 'flow') {
    const { command, flow } = splitCommand(rest);
    return { kind: 'flow_mod', mod: reader.flowMod(flow, command as FlowMod['command']) };
  }
  if (word === 'group') {
    const { command, group } = splitGroupCommand(rest);
    return { kind: 'group_mod', mod: parseGroup(group, command, reader.actionContext()).mod };
  }
  if (word === 'packet-out') return { kind: 'packet_out', out: parsePacketOut(rest, names) };
  throw new UserError(`Unsupported bundle message type: ${word}`);
}

export async function bundle(command: Command): Promise<void> {
  const [target, path] = command.args;
  const text = readInput(path);
  const names = await namesToAccept(command, target, 'tables');
  const reader = new FlowReader(names, !command.settings.program.startsWith('ovs-'));
  const items: Bundled[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '');
    if (line.trim() === '') continue;
    try {
      items.push(parseLine(line, reader, names));
    } catch (e) {
      if (e instanceof UserError) throw new UserError(`${path}:${i + 1}: ${e.message}`, e.ofError);
      throw e;
    }
  }
  await sendBundle(command, target, items, reader.usable.protocols);
}
