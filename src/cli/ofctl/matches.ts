/** Matches and packets by themselves: parse-nx-match, parse-oxm, parse-ofp10-match, parse-ofp11-match, parse-pcap. */
import { readFileSync } from 'node:fs';
import { OFPP } from '../../flow/field.js';
import { formatKey } from '../../flow/format-key.js';
import { formatMatch } from '../../flow/format-match.js';
import { newKey, OK, setU } from '../../flow/key.js';
import type { Match } from '../../flow/match.js';
import { encodeMatch } from '../../flow/match-encode.js';
import { decodeOf10Match, encodeOf10Match, OF10_MATCH_BYTES } from '../../flow/match-of10.js';
import { type DecodedMatch, decodeMatch } from '../../flow/match-oxm.js';
import { put16 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { formatHexDump, parseHexLoose } from '../../lib/hex-dump.js';
import { decodeOf11Match, encodeOf11Match, OF11_MATCH_BYTES } from '../../openflow/messages/match-of11.js';
import { formatEntries, parseEntries } from '../../openflow/text/nx-match.js';
import { parseVersion } from '../../openflow/version.js';
import { extract } from '../../packet/extract.js';
import { readPcap } from '../../packet/pcap.js';
import { strerror } from '../strerror.js';
import type { Command } from './context.js';
import { readInput } from './flows.js';
import { differences } from './pieces.js';

const NXM = 0;
const MAX_VLANS = 2;
/** Of a match that is a list: its type and its length. */
const OXM_HEADER = 4;

/** Bytes as they are shown by themselves, without the column of letters. */
export const plainDump = (bytes: Uint8Array): string => formatHexDump(bytes).replace(/-? *\|.*\|$/gm, '');

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  out.set(bytes);
  return out;
}

/** Empty lines and comments are repeated as they are. */
function eachLine(command: Command, take: (text: string) => string): void {
  const lines = readInput('-').split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    const text = line.replace(/#.*/, '').trim();
    command.io.out(text === '' ? `${line}\n` : take(text));
  }
}

function refusal(e: unknown): string {
  if (!(e instanceof UserError) || e.ofError === undefined) throw e;
  return e.ofError;
}

/** What is left of entries that were read and are written again. */
function entriesText(command: Command, text: string, version: number): string {
  const bytes = parseEntries(text);
  let read: DecodedMatch;
  try {
    read = decodeMatch(bytes, { cookie: version === NXM, loose: !command.settings.strict });
  } catch (e) {
    return `nx_pull_match() returned error ${refusal(e)}\n`;
  }
  const { match, cookie, cookieMask } = read;
  const again = encodeMatch(match, version, { cookie: { value: cookie, mask: cookieMask } });
  const header = new Uint8Array(version === NXM ? 0 : OXM_HEADER);
  if (version !== NXM) {
    put16(header, 0, 1);
    put16(header, 2, again.length + OXM_HEADER);
  }
  const dump = command.settings.verbosity > 0 ? plainDump(padded(Buffer.concat([header, again]))) : '';
  return `${formatEntries(again)}\n${dump}`;
}

export async function parseNxMatch(command: Command): Promise<void> {
  eachLine(command, (text) => entriesText(command, text, NXM));
}

export async function parseOxm(command: Command): Promise<void> {
  const [name] = command.args;
  const version = parseVersion(name);
  if (version === undefined || version < 3) throw new UserError(`${name}: not a valid version for OXM`);
  eachLine(command, (text) => entriesText(command, text, version));
}

interface Fixed {
  readonly bytes: number;
  read(b: Uint8Array): Match;
  write(m: Match): Uint8Array;
}

const FIXED: Readonly<Record<'10' | '11', Fixed>> = {
  '10': { bytes: OF10_MATCH_BYTES, read: (b) => decodeOf10Match(b), write: encodeOf10Match },
  '11': { bytes: OF11_MATCH_BYTES, read: decodeOf11Match, write: encodeOf11Match },
};

/** Lines of hex, each a match of fixed form: as text, and which bytes would be others if it were sent again. */
function parseFixed(command: Command, form: Fixed): void {
  for (const line of readInput('-').split('\n')) {
    const text = line.replace(/#.*/, '').trim();
    if (text === '') continue;
    const bytes = parseHexLoose(text);
    if (!bytes) throw new UserError('Trailing garbage in hex data');
    if (bytes.length !== form.bytes) throw new UserError(`Input is ${bytes.length} bytes, expected ${form.bytes}`);
    command.io.out(fixedText(bytes, form));
  }
}

function fixedText(bytes: Uint8Array, form: Fixed): string {
  let match: Match;
  try {
    match = form.read(bytes);
  } catch (e) {
    return `bad ofp11_match: ${refusal(e)}\n\n`;
  }
  return `${formatMatch(match, {})}\n${differences('', bytes, form.write(match)).replace(/^Differences:\n/, '')}\n`;
}

export const parseOfp10Match = async (c: Command): Promise<void> => parseFixed(c, FIXED['10']);
export const parseOfp11Match = async (c: Command): Promise<void> => parseFixed(c, FIXED['11']);

/** The flow of each frame of captures. */
export async function parsePcap(command: Command): Promise<void> {
  for (const path of command.args) {
    for (const frame of readFrames(path)) {
      const key = newKey();
      extract(frame, key, MAX_VLANS);
      setU(key, OK.ofInPort, OFPP.none);
      command.io.out(`${formatKey(key)}\n`);
    }
  }
}

/** Throws UserError in ovs-ofctl's words. */
function readFrames(path: string): Uint8Array[] {
  let file: Uint8Array;
  try {
    file = readFileSync(path);
  } catch (e) {
    throw new UserError(`${path}: open failed (${strerror(e)})`);
  }
  return readPcap(file).records.map((r) => r.frame);
}
