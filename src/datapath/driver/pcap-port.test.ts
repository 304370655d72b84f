import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DP_KEY_BYTES } from '../../packet/key.js';
import { MEMORY, out, sum, UDP } from '../suite.js';
import { NativeDriver } from './native-driver.js';

const dir = mkdtempSync(join(tmpdir(), 'weft-pcap-'));
t.teardown(() => rmSync(dir, { recursive: true }));

interface Form {
  magic?: number;
  little?: boolean;
  link?: number;
}

/** A classic capture of these frames. */
function pcap(frames: readonly Uint8Array[], { magic = 0xa1b2c3d4, little = true, link = 1 }: Form = {}): Buffer {
  const u32 = (n: number) => {
    const b = Buffer.alloc(4);
    if (little) b.writeUInt32LE(n);
    else b.writeUInt32BE(n);
    return b;
  };
  const head = [magic, little ? 0x00040002 : 0x00020004, 0, 0, 65535, link].map(u32);
  return Buffer.concat([
    ...head,
    ...frames.flatMap((f) => [u32(1), u32(2), u32(f.length), u32(f.length + 4), Buffer.from(f)]),
  ]);
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

const any = new Uint8Array(DP_KEY_BYTES);
const long = new Uint8Array(9000).map((_, i) => (i < UDP.length ? UDP[i] : i));

t.test('frames of a file arrive in order, once, and leave into another', (t) => {
  const frames = Array.from({ length: 100 }, (_, i) => (i === 40 ? long : UDP.map((b, at) => (at === 35 ? i : b))));
  const forms: Form[] = [{}, { little: false }, { magic: 0xa1b23c4d }, { magic: 0xa1b23c4d, little: false }];
  for (const form of forms) {
    const dp = new NativeDriver({ manual: true, maxFlows: 16 });
    const to = join(dir, 'out.pcap');
    dp.portAdd(1, { ...MEMORY, kind: 'pcap', device: file('in.pcap', pcap(frames, form)), mtu: 9000 });
    dp.portAdd(2, { ...MEMORY, kind: 'pcap', output: to, mtu: 9000 });
    dp.flowPut(0, any, any, [out(2)]);
    t.equal(dp.run(), 100);
    dp.close();
    const c = dp.portCounters(1);
    t.equal(c.rx_packets, sum(c));
    const written = readFileSync(to);
    const expected = pcap(frames);
    t.equal(written.length, expected.length, JSON.stringify(form));
    let at = 24;
    for (const f of frames) {
      const body = written.subarray(at + 16, at + 16 + f.length);
      if (written.readUInt32LE(at + 8) !== f.length || !body.equals(f)) t.fail(`a frame differs at byte ${at}`);
      at += 16 + f.length;
    }
  }
  t.end();
});

t.test('round and round', (t) => {
  const dp = new NativeDriver({ manual: true, maxFlows: 16 });
  dp.portAdd(1, { ...MEMORY, kind: 'pcap', device: file('loop.pcap', pcap([UDP, UDP, UDP])), loop: true });
  dp.flowPut(0, any, any, []);
  t.equal(dp.run(10), 320);
  dp.portRemove(1);
  dp.portAdd(1, { ...MEMORY, kind: 'pcap', device: file('none.pcap', pcap([])), loop: true });
  t.equal(dp.run(), 0);
  dp.close();
  t.end();
});

t.test('what is no capture is refused with a reason', (t) => {
  const good = pcap([UDP]);
  const dp = new NativeDriver({ manual: true, maxFlows: 16 });
  for (const [bytes, why] of [
    [good.subarray(0, 10), /not a pcap file: too short/],
    [Buffer.alloc(40), /not a pcap file/],
    [Buffer.concat([Buffer.from('0a0d0d0a', 'hex'), Buffer.alloc(40)]), /pcapng/],
    [pcap([UDP], { link: 113 }), /Ethernet/],
    [good.subarray(0, good.length - 1), /ends within a frame/],
    [pcap([new Uint8Array(80000)]), /longer/],
  ] as const) {
    t.throws(() => dp.portAdd(1, { ...MEMORY, kind: 'pcap', device: file('bad.pcap', bytes) }), {
      name: 'UserError',
      message: why,
    });
  }
  dp.close();
  t.end();
});
