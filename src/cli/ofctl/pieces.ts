/** parse-actions, parse-instructions, parse-key-value, encode-hello: pieces of messages and of texts, by themselves. */
import { decodeActions, encodeActions } from '../../action/codec.js';
import { decodeInstructions, encodeInstructions } from '../../action/instructions.js';
import { formatActions } from '../../action/list.js';
import { Reader, Writer } from '../../action/wire.js';
import { UserError } from '../../lib/errors.js';
import { formatHexDump, parseHexLoose } from '../../lib/hex-dump.js';
import { encode } from '../../openflow/message.js';
import { formatBytes } from '../../openflow/text/message.js';
import { highest, needsBitmap, parseVersion, versionName } from '../../openflow/version.js';
import type { Command } from './context.js';
import { readInput } from './flows.js';

function versionOf(text: string): number {
  const version = parseVersion(text);
  if (version === undefined) throw new UserError(`${text}: not a valid OpenFlow version`);
  return version;
}

const byte = (b: number | undefined): string => (b === undefined ? '(none)' : b.toString(16).padStart(2, '0'));

/** Bytes that would be other ones if they were sent again. */
export function differences(what: string, before: Uint8Array, after: Uint8Array): string {
  if (Buffer.compare(before, after) === 0) return '';
  let s = `Differences:\n`;
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    if (before[i] !== after[i]) s += `${String(i).padStart(2)}: ${byte(before[i])} -> ${byte(after[i])}\n`;
  }
  return what === '' ? s : s.replace('Differences', what);
}

/** Lines of hex, each a list. */
function parseLists(command: Command, what: 'actions' | 'instructions'): void {
  const version = versionOf(command.args[0]);
  for (const line of readInput('-').split('\n')) {
    const text = line.replace(/#.*/, '').trim();
    if (text === '') continue;
    const bytes = parseHexLoose(text);
    if (!bytes) throw new UserError('Trailing garbage in hex data');
    command.io.out(`${listText(bytes, version, what)}\n`);
  }
}

function listText(bytes: Uint8Array, version: number, what: 'actions' | 'instructions'): string {
  const r = new Reader(bytes, version);
  const w = new Writer(version);
  try {
    const actions = what === 'actions' ? decodeActions(r, bytes.length, false) : decodeInstructions(r, bytes.length);
    if (what === 'actions') encodeActions(actions, w);
    else encodeInstructions(actions, w);
    return `actions=${formatActions(actions)}\n${differences('', bytes, w.finish())}`;
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    return `bad ${versionName(version)} ${what}: ${e.ofError ?? e.message}\n`;
  }
}

export async function parseActionsHex(command: Command): Promise<void> {
  parseLists(command, 'actions');
}

export async function parseInstructionsHex(command: Command): Promise<void> {
  parseLists(command, 'instructions');
}

/** A value that begins with a bracket goes on to the one that closes it. */
function splitPairs(text: string): (readonly [key: string, value: string])[] {
  const pairs: (readonly [string, string])[] = [];
  let at = 0;
  const skip = (chars: RegExp): void => {
    while (at < text.length && chars.test(text[at])) at++;
  };
  for (;;) {
    skip(/[,\s]/);
    if (at >= text.length) return pairs;
    const from = at;
    while (at < text.length && !/[:=(,\s]/.test(text[at])) at++;
    const key = text.slice(from, at);
    const sign = text[at];
    if (sign === undefined || /[,\s]/.test(sign)) pairs.push([key, '']);
    else {
      at++;
      const start = at;
      // A bracket right after the key is not part of the value; its fellow ends it.
      const bracketed = sign === '(';
      for (let depth = bracketed ? 1 : 0; at < text.length && (depth > 0 || !/[,\s]/.test(text[at])); at++) {
        if (text[at] === '(') depth++;
        else if (text[at] === ')' && --depth === 0 && bracketed) break;
      }
      pairs.push([key, text.slice(start, at)]);
      if (bracketed) at++;
    }
  }
}

export async function parseKeyValue(command: Command): Promise<void> {
  for (const arg of command.args) {
    const shown = splitPairs(arg).map(([k, v]) => (v === '' ? k : `${k}=${v}`));
    command.io.out(`${shown.join(', ')}\n`);
  }
}

export async function encodeHello(command: Command): Promise<void> {
  const bitmap = Number(command.args[0]);
  const version = highest(bitmap);
  const bytes = encode('hello', needsBitmap(bitmap) ? { bitmap } : {}, { version, xid: 1 });
  command.io.out(formatHexDump(bytes).replace(/-? *\|.*\|$/gm, ''));
  command.io.out(formatBytes(bytes, { verbosity: 0 }));
}
