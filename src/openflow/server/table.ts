/** Table statistics and features, queues. */
import type { OfTableStats } from '../../bridge/of-bridge.js';
import { OFPP } from '../../flow/field.js';
import { N_TABLES, TABLE_ALL } from '../../flowtable/flow-mod.js';
import { MISS, type TableSettings } from '../../flowtable/table-settings.js';
import { ofError } from '../errors.js';
import { QUEUE_ALL } from '../messages/queue.js';
import { EVICTION_FLAGS, TABLE_CONFIG, type TableDesc, type TableMod, type TableStats } from '../messages/table.js';

import { changing, type Handlers } from './handler.js';
import type { Session } from './session.js';
import { tableFeatures } from './table-features.js';

const OF13 = 4;
const OF14 = 5;
const ALL_FLAGS = EVICTION_FLAGS.other | EVICTION_FLAGS.importance | EVICTION_FLAGS.lifetime;

function* tableStats(s: Session): Generator<TableStats> {
  for (const t of s.bridge.tableStats()) {
    yield {
      table: t.table,
      name: s.version < 4 ? t.name : '',
      active: t.active,
      maxEntries: t.maxEntries,
      lookups: t.lookups,
      matched: t.matched,
      config: MISS.indexOf(t.settings.miss),
    };
  }
}

/** Throws unless a queue request names ports and queues that can be: weft has no queues of its own yet. */
function checkQueue(s: Session, port: number, queue: number): void {
  if (port !== OFPP.none && !s.bridge.port(port)) throw ofError('OFPQOFC_BAD_PORT');
  if (queue !== QUEUE_ALL) throw ofError('OFPQOFC_BAD_QUEUE');
}

/** 1.3's table_mod asks for nothing. Throws with the OpenFlow error. */
function changeOf(v: TableMod, version: number): Partial<TableSettings> {
  if (version < OF13) {
    const miss = MISS[v.config & TABLE_CONFIG.missMask];
    if (!miss) throw ofError('OFPTMFC_BAD_CONFIG');
    return { miss };
  }
  if (version < OF14) return {};
  const { eviction, vacancyEvents } = TABLE_CONFIG;
  const vacancy = v.config & vacancyEvents ? (v.vacancy ?? { down: 0, up: 0 }) : undefined;
  return { evict: (v.config & eviction) !== 0, vacancy };
}

/** Only what controllers asked for: that its owner lets a table evict is not told, as in OVS. */
export function describeTable(t: OfTableStats): TableDesc {
  const { evict, vacancy } = t.settings;
  const config = (evict ? TABLE_CONFIG.eviction : 0) | (vacancy ? TABLE_CONFIG.vacancyEvents : 0);
  return { table: t.table, config, evictionFlags: ALL_FLAGS, vacancy, free: t.vacancy };
}

export const tableHandlers: Handlers = {
  table_stats_request: (s) => s.replyParts('table_stats_reply', [...tableStats(s)]),
  table_features_request: (s, v) => {
    // With a body it asks to change the features, of which only the names can be.
    for (const t of v) if (t.table >= N_TABLES) throw ofError('OFPTFFC_BAD_TABLE');
    for (const t of v) s.bridge.tableMod(t.table, { name: t.name });
    if (!s.more) s.replyParts('table_features_reply', tableFeatures(s.bridge.tableStats(), s.version));
  },
  table_mod: changing((s, v) => {
    if (v.table === N_TABLES) throw ofError('OFPTMFC_EPERM');
    const change = changeOf(v, s.version);
    const tables = v.table === TABLE_ALL ? Array.from({ length: N_TABLES }, (_, i) => i) : [v.table];
    for (const t of tables) s.bridge.tableMod(t, change);
  }),
  table_desc_request: (s) => s.replyParts('table_desc_reply', [...s.bridge.tableStats()].map(describeTable)),
  queue_stats_request: (s, v) => {
    checkQueue(s, v.port, v.queue);
    s.replyParts('queue_stats_reply', []);
  },
  queue_config_request: (s, v) => {
    checkQueue(s, v.port, QUEUE_ALL);
    s.reply('queue_config_reply', { port: v.port, queues: [] });
  },
  queue_desc_request: (s, v) => {
    checkQueue(s, v.port, v.queue);
    s.replyParts('queue_desc_reply', []);
  },
};
