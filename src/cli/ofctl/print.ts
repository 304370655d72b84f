/** Commands that need no switch: reading and printing messages, flows and actions. */

import { readFileSync } from 'node:fs';
import { type FlowMod, TABLE_ALL } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { formatHexDump, parseHexLoose } from '../../lib/hex-dump.js';
import { ERROR_ROWS } from '../../openflow/data/errors.js';
import { errorCode } from '../../openflow/errors.js';
import { decode, encode, HEADER_BYTES, readHeader } from '../../openflow/message.js';
import { errorMessage } from '../../openflow/messages/basic.js';
import { fromFlowMod } from '../../openflow/messages/flow-mod.js';
import { formatBytes, formatMessage } from '../../openflow/text/message.js';
import { versionName } from '../../openflow/version.js';
import type { Command } from './context.js';
import { FlowReader } from './flow-parse.js';
import { readInput } from './flows.js';

function hexArgument(text: string): Uint8Array {
  const bytes = parseHexLoose(text);
  if (!bytes) throw new UserError('trailing garbage following hex bytes');
  return bytes;
}

export async function ofpPrint(command: Command): Promise<void> {
  const [text, more] = command.args;
  const verbosity = more === undefined ? 2 : Number.parseInt(more, 10);
  command.io.out(formatBytes(hexArgument(text), { verbosity }));
}

/** A file of messages, one behind the other. */
export async function ofpParse(command: Command): Promise<void> {
  const [path] = command.args;
  const data = readFileSync(path === '-' ? 0 : path);
  for (let at = 0; at + HEADER_BYTES <= data.length; ) {
    const { length } = readHeader(data.subarray(at));
    if (length < HEADER_BYTES) throw new UserError(`${path}: ${length}-byte message is too short for OpenFlow`);
    if (at + length > data.length) throw new UserError(`${path}: unexpected end of file mid-message`);
    command.io.out(formatBytes(data.subarray(at, at + length), { verbosity: command.settings.verbosity + 2 }));
    at += length;
  }
}

const NO_NAMES = { ports: new Map<number, string>(), tables: new Map<number, string>() };

/** Flows as messages and back: what would be sent, printed. */
function printMods(command: Command, mods: readonly FlowMod[]): void {
  const versions = command.settings.versions ?? 1 << 1;
  const version = 31 - Math.clz32(versions);
  const tables = mods.some((m) => m.table !== TABLE_ALL);
  const form = version > 1 ? `OXM-${versionName(version)}` : `OpenFlow10${tables ? '' : '-table_id'}`;
  command.io.out(`usable protocols: any\nchosen protocol: ${form}\n`);
  let xid = 1;
  for (const mod of mods) {
    const bytes = encode('flow_mod', fromFlowMod(mod, version, mod.table !== TABLE_ALL), { version, xid: xid++ });
    command.io.out(formatMessage(decode(bytes), { verbosity: command.settings.verbosity }));
  }
}

export async function parseFlowText(command: Command): Promise<void> {
  printMods(command, [new FlowReader(NO_NAMES).flowMod(command.args[0], 'add')]);
}

export async function parseFlowFile(command: Command): Promise<void> {
  const [path] = command.args;
  printMods(command, new FlowReader(NO_NAMES).file(readInput(path), path));
}

function checkName(name: string): void {
  if (!ERROR_ROWS.some(([n]) => n === name)) throw new UserError(`unknown error "${name}"`);
}

export async function printError(command: Command): Promise<void> {
  const [name] = command.args;
  checkName(name);
  for (let version = 1; version <= 6; version++) {
    const e = errorCode(name, version);
    const vendor = e.vendor ? `0x${e.vendor.toString(16)}` : '0';
    command.io.out(`OpenFlow 1.${version - 1}: vendor ${vendor}, type ${e.type}, code ${e.code}\n`);
  }
}

export async function encodeErrorReply(command: Command): Promise<void> {
  const [name, request] = command.args;
  checkName(name);
  const bytes = hexArgument(request);
  const { version, xid } = readHeader(bytes);
  command.io.out(
    formatHexDump(encode('error', errorMessage(name, version, bytes), { version, xid })).replace(/ *\|.*\|$/gm, ''),
  );
}
