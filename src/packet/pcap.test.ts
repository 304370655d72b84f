import t from 'tap';
import { parseHex } from '../lib/bytes.js';
import { readPcap, writePcap } from './pcap.js';

const rows: [string, string][] = [
  ['little, micro', 'd4c3b2a1 0200 0400 00000000 00000000 00000400 01000000 05000000 07000000 02000000 3c000000 aabb'],
  ['big, micro', 'a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001 00000005 00000007 00000002 0000003c aabb'],
  ['little, nano', '4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000 05000000 581b0000 02000000 3c000000 aabb'],
  ['big, nano', 'a1b23c4d 0002 0004 00000000 00000000 00040000 00000001 00000005 00001b58 00000002 0000003c aabb'],
];

t.test('both byte orders, both resolutions', (t) => {
  for (const [name, text] of rows) {
    const f = readPcap(parseHex(text));
    t.same(f.records, [{ seconds: 5, nanos: 7000, wireLength: 60, frame: Uint8Array.of(0xaa, 0xbb) }], name);
    t.equal(f.linkType, 1);
    t.equal(f.nanoseconds, name.endsWith('nano'));
    t.notOk(f.cutOff);
  }
  t.end();
});

t.test('what is written is read', (t) => {
  const frames = [new Uint8Array(60).fill(1), new Uint8Array(0), new Uint8Array(1514).fill(2)];
  for (const nano of [true, false]) {
    const f = readPcap(writePcap(frames, 1_700_000_000_123.5, nano));
    t.same(
      f.records.map((r) => r.frame),
      frames,
    );
    t.equal(f.records[1].seconds, 1_700_000_000);
    t.equal(f.records[1].nanos, 124_500_000);
  }
  t.end();
});

t.test('damage', (t) => {
  const whole = parseHex(rows[0][1]);
  t.throws(() => readPcap(whole.subarray(0, 20)), /shorter/);
  t.throws(() => readPcap(new Uint8Array(40)), /magic/);
  t.throws(() => readPcap(parseHex(`0a0d0d0a ${'00'.repeat(30)}`)), /pcapng/);
  t.throws(() => readPcap(parseHex(rows[0][1].replace('02000000 3c', 'ffffff00 3c'))), /claims 16777215 bytes/);
  for (const cut of [1, 2, 3, 17]) {
    const f = readPcap(whole.subarray(0, whole.length - cut));
    t.same([f.cutOff, f.records.length], [true, 0], `${cut} bytes short`);
  }
  t.end();
});
