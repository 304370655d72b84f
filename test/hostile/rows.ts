/** What a client may say that is wrong, and what comes of it. */
import type { Random } from '../../src/lib/random.js';

/** `end`: the server hangs up, and says so in these words; `reply`: it answers, and goes on. */
export interface Row {
  readonly what: string;
  readonly bytes: string | Uint8Array;
  readonly end?: RegExp;
  readonly reply?: RegExp;
}

const request = (method: string, params: string): string => `{"method":"${method}","params":${params},"id":7}`;
const transact = (...ops: string[]): string => request('transact', `["Open_vSwitch",${ops.join(',')}]`);
const latin = (s: string): Uint8Array => Buffer.from(s, 'latin1');

export const DATABASE_ROWS: readonly Row[] = [
  { what: 'no JSON', bytes: 'GET / HTTP/1.0\r\n\r\n', end: /error parsing stream: a value must be an object/ },
  { what: 'a bracket too many', bytes: ']', end: /a bracket closes/ },
  { what: 'words in an object', bytes: '{"method":x}', end: /error parsing stream/ },
  { what: 'nesting without end', bytes: '['.repeat(1 << 20), end: /exceeds maximum nesting depth 1000/ },
  { what: 'the same with objects', bytes: '{"a":'.repeat(100_000), end: /exceeds maximum nesting depth 1000/ },
  { what: 'deep, but not too deep', bytes: request('echo', `${'['.repeat(990)}${']'.repeat(990)}`), reply: /"id":7/ },
  { what: 'a null character', bytes: request('echo', '["\\u0000"]'), end: /null bytes not supported/ },
  { what: 'half a surrogate pair', bytes: request('echo', '["\\ud800"]'), end: /malformed escaped surrogate pair/ },
  { what: 'no UTF-8', bytes: latin(request('echo', '["\xff\xfe"]')), end: /not valid for encoding utf-8/ },
  {
    what: 'UTF-8 that is too long',
    bytes: latin(request('echo', '["\xc0\x80"]')),
    end: /not valid for encoding utf-8/,
  },
  { what: 'a number too large', bytes: request('echo', '[1e999]'), end: /number outside valid range/ },
  { what: 'a number of 64 bits', bytes: request('echo', '[9223372036854775807]'), reply: /\[9223372036854775807\]/ },
  { what: 'a member too many', bytes: '{"method":"x","params":[],"id":1,"x":2}', end: /unexpected member "x"/ },
  { what: 'no params', bytes: '{"method":"list_dbs","id":1}', end: /must have "params"/ },
  {
    what: 'params that are none',
    bytes: '{"method":"list_dbs","params":{},"id":1}',
    end: /"params" must be JSON array/,
  },
  { what: 'a reply to nothing', bytes: '{"result":{},"error":null,"id":5}', end: /unexpected reply/ },
  { what: 'a prototype', bytes: request('echo', '[{"__proto__":{"a":1}}]'), reply: /"id":7/ },
  { what: 'an unknown method', bytes: request('frob', '[]'), reply: /unknown method/ },
  { what: 'a method of objects', bytes: request('constructor', '[]'), reply: /unknown method/ },
  { what: 'no database', bytes: request('transact', '[]'), reply: /must begin with <db-name>/ },
  { what: 'an unknown database', bytes: request('transact', '["x"]'), reply: /unknown database/ },
  { what: 'operations that are none', bytes: transact('1', '[]', 'null'), reply: /"error":"syntax error"/ },
  {
    what: 'a table that is none',
    bytes: transact('{"op":"select","table":"__proto__","where":[]}'),
    reply: /No table named/,
  },
  {
    what: 'a column that is none',
    bytes: transact('{"op":"insert","table":"QoS","row":{"toString":1}}'),
    reply: /No column toString/,
  },
  { what: 'a lock without a name', bytes: request('lock', '[{}]'), reply: /request params must be <id>/ },
  { what: 'a monitor of nothing', bytes: request('monitor', '["Open_vSwitch",null,[1]]'), reply: /"error":/ },
  {
    what: 'a monitor twice',
    bytes: request('monitor', '["Open_vSwitch",null,{}]').repeat(2),
    reply: /duplicate monitor ID/,
  },
  { what: 'a conversion to nonsense', bytes: request('convert', '["Open_vSwitch",{"name":3}]'), reply: /"error":/ },
  {
    what: 'a change of no monitor',
    bytes: request('monitor_cond_change', '[1,2,3]'),
    reply: /unknown monitor session/,
  },
  {
    what: 'long numbers in an error',
    bytes: transact(`{"op":"x","y":[${'1e20,'.repeat(50_000)}1]}`),
    reply: /No operation/,
  },
];

export const CONTROL_ROWS: readonly Row[] = [
  { what: 'no JSON', bytes: 'version\n', end: /^/ },
  { what: 'no request', bytes: '{"id":7}', end: /^/ },
  { what: 'params that are no words', bytes: request('version', '[1]'), end: /^/ },
  { what: 'nesting without end', bytes: '['.repeat(100_000), end: /^/ },
  { what: 'more than 1 MiB', bytes: request('version', `["${'x'.repeat(1 << 20)}"]`), end: /^/ },
  { what: 'an unknown command', bytes: request('frob', '[]'), reply: /not a valid command/ },
  { what: 'a command of objects', bytes: request('constructor', '[]'), reply: /not a valid command/ },
  { what: 'an argument too many', bytes: request('version', '["a"]'), reply: /takes at most 0 arguments/ },
];

/** Requests in which a few bytes are others, or are not there. */
export function spoiltRequest(random: Random): Uint8Array {
  const rows = DATABASE_ROWS.filter((r) => r.reply && typeof r.bytes === 'string' && r.bytes.length < 1000);
  const bytes = Buffer.from(String(random.pick(rows).bytes));
  for (let i = random.between(1, 3); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256);
  return bytes.subarray(0, random.chance(0.5) ? bytes.length : random.below(bytes.length));
}
