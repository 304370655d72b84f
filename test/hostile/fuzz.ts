/**
 * Texts of JSON and files of databases in which something is wrong: node dist/test/hostile/fuzz.js [--seconds N] [--seed S]. Each half of the time.
 *
 * A text gives the value that the engine's own parser gives, or both refuse it, but for what OVSDB forbids; however a stream of it is cut, the same comes out. A file gives the
 * transactions before the fault, and is then whole again, or is refused in words.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../src/lib/clock.js';
import { UserError } from '../../src/lib/errors.js';
import { Random } from '../../src/lib/random.js';
import { formatJson, type Json, parseJson, sortedJson } from '../../src/ovsdb/json/json.js';
import { JsonStream } from '../../src/ovsdb/json/json-stream.js';
import { VSWITCH_SCHEMA } from '../../src/ovsdb/schema/vswitch.js';
import { FileStorage } from '../../src/ovsdb/storage/file.js';
import { record } from '../../src/ovsdb/storage/log.js';
import { uuids } from '../ovsdb/peers.js';
import { numberOption } from '../support/options.js';

const PIECES: readonly string[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '"a"',
    '"b":',
    'null',
    'true',
    'false',
    '0',
    '-1',
    '1.5',
    '1e5',
    '-0',
    '01',
    '1.',
  ],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '12345678901234567890123',
    '1e400',
    '1e-400',
    '\\u0000',
    '\\ud83d\\ude00',
  ],
  ...[
    '\\ud800',
    '\\n',
    '\\x',
    '\u00e9',
    '\u{1f600}',
    ' ',
    '\n',
    '\t',
    '\u0001',
    '"__proto__":',
    '"\\u0041"',
    '[[]]',
    '{}',
  ],
];

function randomValue(random: Random, depth: number): Json {
  const kind = random.below(depth > 4 ? 4 : 6);
  if (kind === 0) return random.pick<Json>([null, true, false, '', 'x"\\\n', '\u{1f600}', 'é']);
  if (kind === 1) return random.pick<Json>([0, -1, 1.5, 1e300, 9007199254740993n, -9223372036854775808n, 1e-7]);
  if (kind <= 3) return String.fromCodePoint(random.between(1, 0xd7ff)).repeat(random.below(4));
  const n = random.below(4);
  if (kind === 4) return Array.from({ length: n }, () => randomValue(random, depth + 1));
  return Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, randomValue(random, depth + 1)]));
}

function spoil(text: string, random: Random): string {
  let s = text;
  for (let i = random.below(3); i > 0; i--) {
    const at = random.below(s.length + 1);
    s = s.slice(0, at) + (random.chance(0.7) ? random.pick(PIECES) : '') + s.slice(at + random.below(3));
  }
  return s;
}

function attempt<T>(what: string, fn: () => T): T | undefined {
  try {
    return fn();
  } catch (e) {
    if (e instanceof SyntaxError || e instanceof TypeError || e instanceof RangeError) return undefined;
    throw new Error(`${what}: ${String(e)}`);
  }
}

/** What OVSDB refuses and JSON does not: nulls, half surrogate pairs, numbers out of range; and what it reads as something else: integers of 64 bits. */
const OWN = /\\u|\d{16}|[eE]\+?\d\d|\ud800/;

function oneText(random: Random): void {
  const value = [randomValue(random, 0)];
  const whole = formatJson(value);
  if (sortedJson(parseJson(whole)) !== sortedJson(value)) throw new Error(`not what was written: ${whole}`);
  const text = random.chance(0.5)
    ? spoil(whole, random)
    : Array.from({ length: random.below(12) }, () => random.pick(PIECES)).join('');
  const ours = attempt('parse', () => parseJson(text));
  const theirs = attempt('JSON.parse', (): Json => JSON.parse(text));
  if (!OWN.test(text) && formatJson(ours ?? null) !== formatJson(theirs ?? null))
    throw new Error(`parsed otherwise: ${text}`);
  const bytes = Buffer.from(text);
  const read = (step: number): string => {
    const stream = new JsonStream(1 << 20);
    const out: Json[] = [];
    const end = attempt('stream', () => {
      for (let i = 0; i < bytes.length; i += step) out.push(...stream.push(bytes.subarray(i, i + step)));
      return true;
    });
    // What was whole before a fault is told by its own piece: only without one the two must be equal.
    return end ? out.map(sortedJson).join() : 'refused';
  };
  const [one, many] = [read(bytes.length || 1), read(random.between(1, 5))];
  if (one !== many) throw new Error(`cut otherwise: ${JSON.stringify(text)}: ${one} and ${many}`);
}

const HEAD = Buffer.from(record(formatJson(VSWITCH_SCHEMA.toJson())));

function oneFile(random: Random, path: string): void {
  const newUuid = uuids(random);
  const options = { clock: new VirtualClock(), newUuid, log: () => {} };
  const records = Array.from({ length: random.between(1, 6) }, (_, i) =>
    Buffer.from(record(`{"_date":1,"QoS":{"${newUuid()}":{"type":"${i}"}}}`)),
  );
  const tail = Buffer.concat(records);
  for (let i = random.below(3); i > 0; i--) tail[random.below(tail.length)] = random.below(256);
  writeFileSync(
    path,
    Buffer.concat([HEAD, tail.subarray(0, random.chance(0.5) ? tail.length : random.below(tail.length))]),
  );
  const types = (storage: FileStorage): string[] =>
    [...(storage.db.tables.get('QoS')?.rows.values() ?? [])]
      .map((r) => sortedJson(r.data.flatMap((d) => d.keys.map(String))))
      .sort();
  try {
    const first = FileStorage.open(path, undefined, options);
    const before = types(first);
    first.db.transact([{ op: 'insert', table: 'QoS', row: { type: 'more' } }]);
    const now = types(first);
    first.close();
    const second = FileStorage.open(path, undefined, options);
    const n = types(second).length;
    second.close();
    if (now.length !== before.length + 1 || n !== now.length)
      throw new Error(`${before.length} rows, then ${now.length}, then ${n}`);
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
  }
}

const random = new Random(numberOption('seed', 1));
const seconds = numberOption('seconds', 4);
const dir = mkdtempSync(join(tmpdir(), 'weft-fuzz-'));
const counts = { texts: 0, files: 0 };
const run = (what: keyof typeof counts, once: () => void): void => {
  const end = performance.now() + (seconds / 2) * 1000;
  for (; performance.now() < end; counts[what]++) once();
};
try {
  run('texts', () => oneText(random));
  run('files', () => oneFile(random, join(dir, 'f.db')));
  console.log(`${counts.texts} texts, ${counts.files} files: nothing amiss`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
