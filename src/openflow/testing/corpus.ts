/**
 * Sound messages of every kind in every version, for tests that spoil them: what Open vSwitch and its tools sent, the same said in the other versions,
 * and flows, packets and bundles with random matches and actions.
 */
import { randomOfActions } from '../../action/random.js';
import { randomMatch } from '../../flow/testing/random-match.js';
import { UserError } from '../../lib/errors.js';
import { Random } from '../../lib/random.js';
import { EXCHANGES } from '../fixtures/exchanges.js';
import { MESSAGES } from '../fixtures/messages.js';
import { decode, encode, type Message, readHeader } from '../message.js';
import { ROWS } from '../registry.js';

export interface Sample {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly version: number;
}

const VERSIONS = [1, 2, 3, 4, 5, 6] as const;

const TABLE = { table: 3, config: 12, free: 40, evictionFlags: 2, vacancy: { down: 10, up: 20 } } as const;

/** What the fixtures have no example of, as bytes of one version. */
const MADE: readonly Uint8Array[] = [
  encode('table_desc_request', {}, { version: 5, xid: 1 }),
  encode('ipfix_flow_request', {}, { version: 1, xid: 1 }),
  encode('table_desc_reply', [TABLE, { table: 4, config: 0, free: 0 }], { version: 5, xid: 1 }),
  encode('table_status', { reason: 3, table: TABLE }, { version: 5, xid: 1 }),
  encode('set_controller_id', { controllerId: 42 }, { version: 1, xid: 1 }),
  encode('flow_age', {}, { version: 1, xid: 1 }),
  encode('monitor_cancel', { id: 7 }, { version: 1, xid: 1 }),
  encode('set_async', { pairs: [1, 2, 3, 4, 5, 6].map((n) => [n & 7, 7] as const) }, { version: 5, xid: 1 }),
  encode('role_status', { role: 3, reason: 0, generation: 9n }, { version: 5, xid: 1 }),
  encode(
    'desc_reply',
    { manufacturer: 'm', hardware: 'h', software: 's', serial: '0', datapath: 'd' },
    { version: 1, xid: 1 },
  ),
  encode(
    'table_stats_reply',
    [1, 2].map((table) => ({ table, name: 't', active: 3, maxEntries: 100, lookups: 5, matched: 4 })),
    { version: 1, xid: 1 },
  ),
  encode(
    'table_features_reply',
    [1, 2].map((table) => ({
      ...{ table, name: 't', metadataMatch: 1n, metadataWrite: 2n, capabilities: 0, maxEntries: 9 },
      properties: [{ type: 8, data: Uint8Array.of(0x80, 0, 4, 8) }],
    })),
    { version: 4, xid: 1 },
  ),
];

function read(bytes: Uint8Array): Message | undefined {
  try {
    return readHeader(bytes).length === bytes.length ? decode(bytes) : undefined;
  } catch (e) {
    if (e instanceof UserError) return undefined;
    throw e;
  }
}

/** A message in every form and version that can say it. */
function* everywhere(m: Message): Generator<Sample> {
  for (const row of ROWS) {
    if (row.kind !== m.kind) continue;
    for (const version of VERSIONS) {
      if (version < row.versions[0] || version > row.versions[1]) continue;
      try {
        const bytes = encode(m.kind, m.value, { version, xid: 5, name: row.name });
        decode(bytes);
        yield { bytes, name: row.name, version };
      } catch (e) {
        // Not every version can say everything, and not every form says as much as another needs.
        if (!(e instanceof UserError || e instanceof TypeError)) throw e;
      }
    }
  }
}

function* random(seed: number, each: number, like: Message): Generator<Message> {
  const r = new Random(seed);
  for (let i = 0; i < each; i++) {
    const actions = randomOfActions(r, i % 3 === 0 ? { length: 12 } : {});
    const match = randomMatch(r);
    if (like.kind === 'flow_mod') yield { ...like, value: { ...like.value, match, actions } };
    else if (like.kind === 'packet_out') {
      const plain = randomOfActions(r, { instructions: false });
      yield { ...like, value: { ...like.value, actions: plain, data: r.bytes(r.below(100)) } };
    } else if (like.kind === 'flow_stats_reply') {
      yield { ...like, value: [...like.value, ...like.value.map((v) => ({ ...v, match, actions }))] };
    }
  }
}

/** `each`: how many random ones of each kind that carries actions. The same seed gives the same messages. */
export function corpus(seed = 1, each = 40): Sample[] {
  const out = new Map<string, Sample>();
  const add = (s: Sample): void => void out.set(Buffer.from(s.bytes).toString('hex'), s);
  const first = new Map<string, Message>();
  const real = [...MESSAGES.map(([hex]) => hex), ...EXCHANGES.flatMap((x) => [...x.sent, ...x.replies])];
  for (const bytes of [...real.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))), ...MADE]) {
    const m = read(bytes);
    if (!m) continue;
    add({ bytes, name: m.name, version: m.version });
    const key = `${m.kind}/${bytes.length}`;
    if (first.has(key)) continue;
    first.set(key, m);
    for (const s of everywhere(m)) add(s);
  }
  const done = new Set<string>();
  for (const m of first.values()) {
    if (done.has(m.kind)) continue;
    done.add(m.kind);
    for (const made of random(seed, each, m)) for (const s of everywhere(made)) add(s);
  }
  return [...out.values()];
}

/** Kinds and versions without an example, as "name version". */
export function missing(samples: readonly Sample[]): string[] {
  const there = new Set(samples.map((s) => `${s.name} ${s.version}`));
  return ROWS.flatMap((row) =>
    VERSIONS.filter((v) => v >= row.versions[0] && v <= row.versions[1]).map((v) => `${row.name} ${v}`),
  ).filter((place) => !there.has(place));
}
