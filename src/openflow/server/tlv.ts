/** The TLV map of a bridge: asked for, and changed. */
import type { OfBridge } from '../../bridge/of-bridge.js';
import { FIELDS } from '../../flow/fields.js';
import { TUN_OPTIONS } from '../../flow/tun-table.js';
import { namesOption } from '../../flowtable/actions.js';
import { everyFlow } from '../../flowtable/flow-mod.js';
import { get32 } from '../../lib/bytes.js';
import { K } from '../../packet/key.js';
import { ofError } from '../errors.js';
import { expand } from './flow.js';
import { changing, type Handlers } from './handler.js';

const OPTIONS = FIELDS.filter((f) => f.tunMetadata !== undefined);

/** Does a flow match on one of these options, or name one in its actions? Looks at all flows: maps are changed now and then. */
function isUsed(bridge: OfBridge, options: ReadonlySet<number>): boolean {
  const at = K.tunMdPresent.offset;
  const words = [get32Bits(options, 32), get32Bits(options, 0)];
  for (const rule of bridge.flows(everyFlow())) {
    const { mask } = expand(rule.match, bridge.tun);
    if (get32(mask, at) & words[0] || get32(mask, at + 4) & words[1]) return true;
    if (namesOption(rule.actions, options)) return true;
  }
  return false;
}

/** Bits `from` to `from` + 31 of a set of numbers. */
function get32Bits(set: ReadonlySet<number>, from: number): number {
  let bits = 0;
  for (const n of set) if (n >= from && n < from + 32) bits |= 1 << (n - from);
  return bits;
}

function remove(bridge: OfBridge, indexes: Iterable<number>): void {
  const known = new Set([...indexes].filter((i) => bridge.tun.option(i)));
  if (known.size === 0) return;
  if (isUsed(bridge, known)) throw ofError('NXTTMFC_INVALID_TLV_DEL');
  bridge.tun = bridge.tun.without(known);
}

export const tlvHandlers: Handlers = {
  tlv_table_mod: changing((s, v) => {
    const { bridge } = s;
    if (v.command === 'add') bridge.tun = bridge.tun.with(v.mappings, (i) => OPTIONS[i]);
    else {
      const which = v.command === 'clear' ? bridge.tun.mappings() : v.mappings;
      remove(
        bridge,
        which.map((m) => m.index),
      );
    }
  }),
  tlv_table_request: (s) => {
    const { tun } = s.bridge;
    s.reply('tlv_table_reply', { space: TUN_OPTIONS.space, fields: TUN_OPTIONS.max, mappings: tun.mappings() });
  },
};
