import { QUEUE_ALL } from '../messages/queue.js';
import { UNKNOWN } from '../schema.js';
import { duration, type Formatters, portText } from './context.js';

const count = (v: number) => (v === UNKNOWN ? '?' : String(v));
const queueText = (q: number) => (q === QUEUE_ALL ? 'ALL' : String(q));
const queues = (list: readonly number[]) => list.map((q) => `queue ${q}:\n`).join('');

export const queueFormatters: Formatters = {
  queue_stats_request: ({ value }, ctx) => ` port=${portText(value.port, ctx)} queue=${queueText(value.queue)}`,
  queue_stats_reply: ({ value }, ctx) =>
    ` ${value.length} queues\n` +
    value
      .map((q) => {
        const age = q.durationSec === 0xffffffff ? '?' : duration(q.durationSec, q.durationNsec);
        return (
          `  port ${portText(q.port, ctx)} queue ${queueText(q.queue)}: bytes=${count(q.txBytes)}, pkts=${count(q.txPackets)}, ` +
          `errors=${count(q.txErrors)}, duration=${age}\n`
        );
      })
      .join(''),
  queue_config_request: ({ value }, ctx) => ` port=${portText(value.port, ctx)}`,
  queue_config_reply: ({ value }, ctx) => ` port=${portText(value.port, ctx)}\n${queues(value.queues)}`,
  queue_desc_request: ({ value }, ctx) =>
    ` port=${portText(value.port, ctx)}${value.queue === QUEUE_ALL ? '' : ` queue=${queueText(value.queue)}`}`,
  queue_desc_reply: ({ value }, ctx) => {
    let last: number | undefined;
    let out = ' ';
    for (const q of [...value].sort((a, b) => a.port - b.port || a.queue - b.queue)) {
      if (q.port !== last) out += `port=${portText(q.port, ctx)}\n`;
      last = q.port;
      out += queues([q.queue]);
    }
    return out;
  },
};
