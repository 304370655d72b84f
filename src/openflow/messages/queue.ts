/** Queues: what they are and what they counted. */
import { OFPP } from '../../flow/field.js';
import { ask, msg, tell } from '../row.js';
import { byVersion, type Codec, counter, listOf, mapped, pad, struct, u16, u32 } from '../schema.js';
import { port10, port32 } from './port-bits.js';
import { sized } from './property.js';

export const QUEUE_ALL = 0xffffffff;

export interface QueueStats {
  readonly port: number;
  readonly queue: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly durationSec: number;
  readonly durationNsec: number;
}
const NEVER = { durationSec: 0xffffffff, durationNsec: 0xffffffff } as const;
const counters = { txBytes: counter, txPackets: counter, txErrors: counter };
const duration = { durationSec: u32, durationNsec: u32 };
const stats14Body = struct({ _pad: pad(6), port: port32, queue: u32, ...counters, ...duration });

const queueStats = byVersion<QueueStats>({
  1: mapped(
    struct({ port: port10, _pad: pad(2), queue: u32, ...counters }),
    (v) => ({ ...v, ...NEVER }),
    (v) => ({ ...v }),
  ),
  2: mapped(
    struct({ port: port32, queue: u32, ...counters }),
    (v) => ({ ...v, ...NEVER }),
    (v) => ({ ...v }),
  ),
  4: struct({ port: port32, queue: u32, ...counters, ...duration }),
  5: {
    read: (r) => stats14Body.read(sized(r, 2)),
    write: (w, v) => {
      w.u16(48);
      stats14Body.write(w, v);
    },
  },
});
/** To ask 1.0 for every port, "all" is said where later versions say "any". */
const anyPort10 = mapped(
  port10,
  (p) => (p === OFPP.all ? OFPP.none : p),
  (p) => (p === OFPP.none ? OFPP.all : p),
);
const which = byVersion({
  1: struct({ port: anyPort10, _pad: pad(2), queue: u32 }),
  2: struct({ port: port32, queue: u32 }),
});

/** The queues of a port, without their properties: weft has none with properties yet. */
export interface QueueConfig {
  readonly port: number;
  readonly queues: readonly number[];
}
const queueHead = byVersion<{ queue: number; port: number; length: number }>({
  1: mapped(
    struct({ queue: u32, length: u16, _pad: pad(2) }),
    (v) => ({ ...v, port: 0 }),
    (v) => ({ ...v }),
  ),
  4: struct({ queue: u32, port: u32, length: u16, _pad: pad(6) }),
});
const configHead = byVersion<{ port: number }>({
  1: struct({ port: port10, _pad: pad(6) }),
  2: struct({ port: port32, _pad: pad(4) }),
});
const queueConfig: Codec<QueueConfig> = {
  read: (r) => {
    const { port } = configHead.read(r);
    const queues: number[] = [];
    while (r.remaining > 0) {
      const start = r.position;
      const q = queueHead.read(r);
      queues.push(q.queue);
      r.skip(Math.max(0, q.length - (r.position - start)));
    }
    return { port, queues };
  },
  write: (w, v) => {
    configHead.write(w, v);
    for (const queue of v.queues) queueHead.write(w, { queue, port: v.port, length: w.version >= 4 ? 16 : 8 });
  },
};
const configAsk = byVersion<{ port: number }>({
  1: struct({ port: port10, _pad: pad(2) }),
  2: struct({ port: port32, _pad: pad(4) }),
});

/** 1.4 and later ask by multipart. */
const queueDesc: Codec<{ port: number; queue: number }> = {
  read: (r) => {
    const port = r.u32();
    const queue = r.u32();
    sized(r, 10);
    return { port, queue };
  },
  write: (w, v) => {
    w.u32(v.port);
    w.u32(v.queue);
    w.u16(16);
    w.zeros(6);
  },
};

export const queueRows = [
  ask('queue_stats_request', 'OFPST_QUEUE', [1, 6], 5, which),
  tell('queue_stats_reply', 'OFPST_QUEUE', [1, 6], 5, listOf(queueStats)),
  msg('queue_config_request', 'OFPT_QUEUE_GET_CONFIG_REQUEST', [1, 1], 20, configAsk),
  msg('queue_config_request', 'OFPT_QUEUE_GET_CONFIG_REQUEST', [2, 4], 22, configAsk),
  msg('queue_config_reply', 'OFPT_QUEUE_GET_CONFIG_REPLY', [1, 1], 21, queueConfig),
  msg('queue_config_reply', 'OFPT_QUEUE_GET_CONFIG_REPLY', [2, 4], 23, queueConfig),
  ask('queue_desc_request', 'OFPST_QUEUE_DESC', [5, 6], 15, which),
  tell('queue_desc_reply', 'OFPST_QUEUE_DESC', [5, 6], 15, listOf(queueDesc)),
] as const;
