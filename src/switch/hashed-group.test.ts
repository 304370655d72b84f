/** A select group by the datapath's hash, whose flows are translated again: whatever the hash, the packet is not hashed for ever. */
import t from 'tap';
import { newKey } from '../flow/key.js';
import { parseHex } from '../lib/bytes.js';
import { dpHash } from '../packet/dp-hash.js';
import { extract } from '../packet/extract.js';
import { Switch } from './switch.js';

const frame = (n: number): Uint8Array =>
  parseHex(
    `02000000ff010200${n.toString(16).padStart(8, '0')}080600010800060400010200000000000a0001010200000000030a000101`,
  );

/** The lowest bit of its hash that is not 0. */
function lowestBit(f: Uint8Array): number {
  const key = newKey();
  extract(f, key, 1);
  const hash = dpHash('sym_l4', key, 0);
  return hash & -hash;
}

/** The first frame with that lowest bit. */
function withLowest(bit: number): Uint8Array {
  for (let n = 0; ; n++) if (lowestBit(frame(n)) === bit) return frame(n);
}

for (const datapath of ['native', 'reference'] as const) {
  t.test(`${datapath}: flows of hashes are translated again`, (t) => {
    for (const bit of [1, 0x80, 0x100, 0x200, 0x1000]) {
      const sw = new Switch({ datapath });
      const br = sw.bridge('br0');
      const [p1, p2] = [1, 2].map((number) => br.addPort(`p${number}`, { number }));
      br.addGroup('group_id=1,type=select,bucket=weight:1,actions=output:2');
      br.addFlow('actions=group:1');
      for (let again = 0; again < 3; again++) {
        p1.send(withLowest(bit));
        sw.run();
        t.equal(p2.received().length, 1, `lowest bit ${bit}, time ${again}`);
        br.addFlow(`table=1,priority=${again},actions=drop`);
        br.addPort(`more${again}`, { number: 10 + again });
        while (sw.core.upcalls.settle());
      }
      sw.close();
    }
    t.end();
  });
}
