import t from 'tap';
import { Random } from '../lib/random.js';
import { crc32c } from './crc32c.js';
import { dpHash } from './dp-hash.js';
import { extract } from './extract.js';
import { DP_KEY_BYTES, K } from './key.js';
import { wellFormedFrame } from './random.js';

t.test('CRC32-C of "123456789"', (t) => {
  t.equal(~crc32c(0xffffffff, Buffer.from('123456789')) >>> 0, 0xe3069283);
  t.equal(crc32c(0, new Uint8Array(9)), 0);
  t.end();
});

function udpKey(src: number, dst: number): Uint8Array {
  const key = new Uint8Array(DP_KEY_BYTES);
  const v = new DataView(key.buffer);
  v.setUint16(K.ethType.offset, 0x0800);
  v.setUint32(K.nwSrc.offset, 0x0a000001);
  v.setUint32(K.nwDst.offset, 0x0a000002);
  v.setUint8(K.nwProto.offset, 17);
  v.setUint16(K.tpSrc.offset, src);
  v.setUint16(K.tpDst.offset, dst);
  return key;
}

t.test('consecutive ports fill 16 buckets evenly', (t) => {
  for (const alg of ['l4', 'sym_l4'] as const) {
    const buckets = new Array<number>(16).fill(0);
    for (let p = 0; p < 16_000; p++) buckets[dpHash(alg, udpKey(1024 + p, 53), 0) & 15]++;
    t.ok(Math.min(...buckets) > 850 && Math.max(...buckets) < 1150, `${alg}: ${buckets.join(' ')}`);
  }
  t.end();
});

t.test('sym_l4 is the same in both directions, l4 is not; neither is 0; the basis counts', (t) => {
  const pairs = [
    [K.ethSrc, K.ethDst],
    [K.nwSrc, K.nwDst],
    [K.ipv6Src, K.ipv6Dst],
    [K.tpSrc, K.tpDst],
  ];
  const r = new Random(3);
  let differ = 0;
  const faults: string[] = [];
  for (let n = 0; n < 2000; n++) {
    const key = new Uint8Array(DP_KEY_BYTES);
    extract(wellFormedFrame(r), key, 1);
    const back = key.slice();
    for (const [a, b] of pairs) {
      back.set(key.subarray(a.offset, a.offset + a.bytes), b.offset);
      back.set(key.subarray(b.offset, b.offset + b.bytes), a.offset);
    }
    const ported = [6, 17, 132].includes(key[K.nwProto.offset]);
    if (ported && dpHash('sym_l4', key, n) !== dpHash('sym_l4', back, n)) faults.push(`asymmetric ${n}`);
    if (dpHash('l4', key, n) !== dpHash('l4', back, n)) differ++;
    if (dpHash('l4', key, n) === 0 || dpHash('sym_l4', key, n) === 0) faults.push(`zero ${n}`);
    if (dpHash('l4', key, n) === dpHash('l4', key, n + 1)) faults.push(`basis ${n}`);
  }
  t.same(faults, []);
  t.ok(differ > 600, `${differ} differ`);
  t.end();
});
