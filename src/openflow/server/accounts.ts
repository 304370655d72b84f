/** What other parts of the bridge keep: tracked connections, and the counters of flow exporters. */
import { ofError } from '../errors.js';
import { changing, type Handlers } from './handler.js';

export const accountHandlers: Handlers = {
  // Without connection tracking there is nothing to forget, which is no fault.
  ct_flush: changing((s, v) => s.bridge.ctFlush?.(v)),
  ct_flush_zone: changing((s, v) => s.bridge.ctFlush?.(v)),
  ipfix_bridge_request: (s, _v, name) => {
    const [stats] = s.bridge.ipfix?.('bridge') ?? [];
    if (!stats) throw ofError('NXST_NOT_CONFIGURED');
    s.reply('ipfix_bridge_reply', stats, name.replace('request', 'reply'));
  },
  ipfix_flow_request: (s, _v, name) => {
    const all = s.bridge.ipfix?.('flow') ?? [];
    if (all.length === 0) throw ofError('NXST_NOT_CONFIGURED');
    s.replyParts('ipfix_flow_reply', all, name.replace('request', 'reply'));
  },
};
