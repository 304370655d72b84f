/** Commands that need no switch: reading and printing messages, flows and actions. */

import { readFileSync } from 'node:fs';
import { firstProtocol, formatProtocols, versionOfProtocol } from '../../flow/protocols.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import { UserError } from '../../lib/errors.js';
import { formatHexDump, parseHexLoose } from '../../lib/hex-dump.js';
import { ERROR_ROWS } from '../../openflow/data/errors.js';
import { errorCode } from '../../openflow/errors.js';
import { encode, HEADER_BYTES, readHeader } from '../../openflow/message.js';
import { errorMessage } from '../../openflow/messages/basic.js';
import { fromFlowMod } from '../../openflow/messages/flow-mod.js';
import { formatBytes } from '../../openflow/text/message.js';
import { strerror } from '../strerror.js';
import type { Command } from './context.js';
import { FlowReader } from './flow-parse.js';
import { readInput } from './flows.js';
import { allowedProtocols, flowModName, hasTableIds } from './protocol.js';

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

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (e) {
    throw new UserError(`${path}: open (${strerror(e)})`);
  }
}

/** A file of messages, one behind the other. */
export async function ofpParse(command: Command): Promise<void> {
  const [path] = command.args;
  const data = readBytes(path);
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
function printMods(command: Command, mods: readonly FlowMod[], usable: number): void {
  command.io.out(`usable protocols: ${formatProtocols(usable)}\n`);
  const protocol = firstProtocol(usable & allowedProtocols(command.settings));
  if (protocol === 0) throw new UserError('no usable protocol');
  command.io.out(`chosen protocol: ${formatProtocols(protocol)}\n`);
  const version = versionOfProtocol(protocol);
  let xid = 1;
  for (const mod of mods) {
    const message = fromFlowMod(mod, version, hasTableIds(protocol));
    const bytes = encode('flow_mod', message, { version, xid: xid++, name: flowModName(protocol) });
    command.io.out(formatBytes(bytes, { verbosity: command.settings.verbosity }));
  }
}

export async function parseFlowText(command: Command): Promise<void> {
  const reader = new FlowReader(NO_NAMES);
  printMods(command, [reader.flowMod(command.args[0], 'add')], reader.usable.protocols);
}

/** The lines of a flow file, as what would be sent. Throws UserError, with `name` and the line's number. */
export function printFlows(command: Command, text: string, name: string): void {
  const reader = new FlowReader(NO_NAMES);
  printMods(command, reader.file(text, name, 'add'), reader.usable.protocols);
}

export async function parseFlowFile(command: Command): Promise<void> {
  const [path] = command.args;
  printFlows(command, readInput(path), path);
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
    formatHexDump(encode('error', errorMessage(name, version, bytes), { version, xid })).replace(/-? *\|.*\|$/gm, ''),
  );
}
