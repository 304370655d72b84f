/** Flows of a mask are found by their masked words, however many there are, whatever their hashes, and whoever went meanwhile. */
import t from 'tap';
import { ReferenceDatapath } from '../datapath/reference/datapath.js';
import { newKey } from '../flow/key.js';
import { Random } from '../lib/random.js';
import { K } from '../packet/key.js';
import { type DpFlow, Megaflows } from './megaflows.js';

t.test('found while they are there, and not after', (t) => {
  const r = new Random(3);
  const dp = new ReferenceDatapath({ maxFlows: 4096 });
  const flows = new Megaflows(dp, 4096, { ref() {}, unref() {}, counted() {} });
  const masks = [K.ethSrc, K.nwSrc, K.dpHash].map((slot) => {
    const mask = newKey();
    mask.fill(0xff, K.inPort.offset, K.inPort.offset + 4);
    mask.fill(0xff, slot.offset, slot.offset + slot.bytes);
    return { slot, mask };
  });
  const there: { key: Uint8Array; mask: Uint8Array; flow: DpFlow }[] = [];
  let wrong = 0;
  for (let i = 0; i < 3000; i++) {
    if (there.length > 0 && r.chance(0.3)) {
      const [{ key, mask, flow }] = there.splice(r.below(there.length), 1);
      flows.remove(flow);
      if (flows.exact(key, mask)) wrong++;
      continue;
    }
    const { slot, mask } = r.pick(masks);
    const key = newKey();
    for (let b = 0; b < slot.bytes; b++) key[slot.offset + b] = r.below(256);
    const flow = flows.exact(key, mask) ? undefined : flows.installBare(key, mask, [], 0);
    if (flow) there.push({ key, mask, flow });
  }
  for (const { key, mask, flow } of there) if (flows.exact(key, mask) !== flow || flows.match(key) !== flow) wrong++;
  t.equal(wrong, 0);
  t.ok(there.length > 1000, `${there.length} flows`);
  t.equal(flows.all.length, there.length);
  t.end();
});
