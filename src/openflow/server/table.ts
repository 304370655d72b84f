/** Table statistics and features, queues. */
import { OFPP } from '../../flow/field.js';
import { ofError } from '../errors.js';
import { QUEUE_ALL } from '../messages/queue.js';
import type { TableStats } from '../messages/table.js';
import type { Handlers } from './handler.js';
import type { Session } from './session.js';
import { tableFeatures } from './table-features.js';

function* tableStats(s: Session): Generator<TableStats> {
  for (const t of s.bridge.tableStats()) {
    yield {
      table: t.table,
      name: s.version < 4 ? t.name : '',
      active: t.active,
      maxEntries: t.maxEntries,
      lookups: t.lookups,
      matched: t.matched,
    };
  }
}

/** Throws unless a queue request names ports and queues that can be: weft has no queues of its own yet. */
function checkQueue(s: Session, port: number, queue: number): void {
  if (port !== OFPP.none && !s.bridge.port(port)) throw ofError('OFPQOFC_BAD_PORT');
  if (queue !== QUEUE_ALL) throw ofError('OFPQOFC_BAD_QUEUE');
}

export const tableHandlers: Handlers = {
  table_stats_request: (s) => s.replyParts('table_stats_reply', [...tableStats(s)]),
  table_features_request: (s, v) => {
    // With a body it asks to change the features, which are fixed.
    if (v.length > 0) throw ofError('OFPTFFC_EPERM');
    s.replyParts('table_features_reply', tableFeatures(s.bridge.tableStats(), s.version));
  },
  table_mod: (s, v) => {
    if (v.table === 254) throw ofError('OFPTMFC_EPERM');
    if (s.version < 4 && (v.config & 3) === 3) throw ofError('OFPTMFC_BAD_CONFIG');
  },
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
