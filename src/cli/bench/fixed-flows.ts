/** Datapath flows of a few fixed shapes, installed by upcalls without a pipeline: what the datapath alone can do. */
import type { DpAction } from '../../datapath/action.js';
import type { Datapath, DatapathHandlers } from '../../datapath/datapath.js';
import { UserError } from '../../lib/errors.js';
import { DP_KEY_BYTES, K, type Slot, updateLines } from '../../packet/key.js';

const whole = (mask: Uint8Array, ...slots: Slot[]) => {
  for (const s of slots) mask.fill(0xff, s.offset, s.offset + s.bytes);
};

/** Which bits of a key its flow matches, by the name of the shape. */
const SHAPES: Readonly<Record<string, (key: Uint8Array, mask: Uint8Array) => void>> = {
  simple: () => {},
  'few-masks': (key, mask) => {
    whole(mask, K.nwProto, K.nwFrag);
    mask[K.tpSrc.offset + 1] |= 1;
    if ((key[K.tpSrc.offset + 1] & 1) === 0) mask.fill(0xff, K.nwDst.offset, K.nwDst.offset + 2);
  },
  'five-tuple': (_key, mask) => whole(mask, K.nwProto, K.nwFrag, K.nwSrc, K.nwDst, K.tpSrc, K.tpDst),
};

export function fixedFlows(dp: Datapath, kind: string): DatapathHandlers {
  const shape = SHAPES[kind];
  if (!shape) throw new UserError(`--dp-flows ${kind}: not one of ${Object.keys(SHAPES).join(', ')}`);
  const actions: readonly DpAction[] = [{ type: 'output', port: 2 }];
  const installed = new Map<string, number>();
  return {
    upcall(u) {
      const mask = new Uint8Array(DP_KEY_BYTES);
      whole(mask, K.inPort, K.recircId, K.ethType, K.packetType);
      shape(u.key, mask);
      updateLines(mask);
      const name = Buffer.from(mask.map((m, i) => m & u.key[i])).toString('latin1');
      let slot = installed.get(name);
      if (slot === undefined) {
        slot = installed.size;
        installed.set(name, slot);
        dp.flowPut(slot, u.key, mask, actions);
      }
      dp.resume(u.worker, u.pending, slot, actions);
    },
    frame() {},
    portEvent() {},
  };
}
