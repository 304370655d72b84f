// A constant write does to flow and mask what writing and marking do, for every field, in whole and in part.
import t from 'tap';
import { Random } from '../lib/random.js';
import { ConstantWrite, mayBeConstant } from './constant.js';
import { FIELDS, markBits, writeBits } from './fields.js';
import { KEY_BYTES } from './key.js';

const r = new Random(1);
const bigint = (bits: number): bigint =>
  r.bytes(16).reduce((v, b) => (v << 8n) | BigInt(b), 0n) & ((1n << BigInt(bits)) - 1n);

t.test('as written step by step', (t) => {
  let n = 0;
  for (const field of FIELDS) {
    for (let k = 0; k < 20; k++) {
      const ofs = k < 5 ? 0 : r.below(field.bits);
      const bits = k < 5 ? field.bits : 1 + r.below(field.bits - ofs);
      const f = { field, ofs, bits };
      if (!mayBeConstant(f)) continue;
      const [value, mask] = [bigint(bits), k % 2 ? bigint(bits) : (1n << BigInt(bits)) - 1n];
      const c = new ConstantWrite(f, value, mask);
      const [flow, looked] = [r.bytes(KEY_BYTES), r.bytes(KEY_BYTES)];
      const [flow2, looked2] = [flow.slice(), looked.slice()];
      c.apply(flow, looked);
      writeBits(flow2, f, value, mask);
      markBits(looked2, f);
      if (!Buffer.from(flow).equals(flow2) || !Buffer.from(looked).equals(looked2)) {
        t.fail(`${field.name}[${ofs}..${ofs + bits - 1}] ${value.toString(16)}/${mask.toString(16)}`);
      }
      n++;
    }
  }
  t.ok(n > 1000, `${n} writes`);
  t.end();
});
