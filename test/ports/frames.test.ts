/**
 * Frames of all sorts through two system ports on the ends of one veth pair: out by bursts or by messages, in by records or by the socket's ring, and
 * whatever way each takes they come in order, whole, and with their checksum and segmentation state.
 */
import { existsSync } from 'node:fs';
import t from 'tap';
import { labRefusal, NetLab } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NO_OFFLOAD, type Offload } from '../../src/datapath/datapath.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort } from '../../src/datapath/native.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import { finishChecksum, GSO, NEEDS_CSUM } from '../../src/packet/offload.js';

const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2' });
const MEMORY: PortConfig = { ...plainPort('memory'), offload: true };
const SYSTEM: PortConfig = { ...MEMORY, kind: 'system' };
const OURS = '0200000000aa';
const ETHERNET = 14;

interface Sent {
  readonly frame: Uint8Array;
  readonly offload: Offload;
}

/** An Ethernet frame of `len` bytes with number `n` at its end, behind `header` (type and what follows, hex). */
function frame(n: number, len: number, header: string): Uint8Array {
  const f = Buffer.alloc(len, n & 0xff);
  Buffer.from(`0200000000bb${OURS}${header}`, 'hex').copy(f);
  if (len >= 60) f.writeUInt32BE(n, len - 4);
  return f;
}

function tcp(n: number, payload: number, gsoSize: number): Sent {
  const total = (40 + payload).toString(16).padStart(4, '0');
  const ip = `45000000`.replace(/0000$/, total);
  const header = `0800${ip}000000004006${'0000'}0a0000010a000002`;
  const f = frame(n, ETHERNET + 40 + payload, `${header}04d2162e${'00000001'.repeat(2)}5010200000000000`);
  const view = new DataView(f.buffer, f.byteOffset);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  view.setUint16(24, ~sum & 0xffff);
  let pseudo = 6 + 20 + payload;
  for (let at = 26; at < 34; at += 2) pseudo += view.getUint16(at);
  while (pseudo >> 16) pseudo = (pseudo & 0xffff) + (pseudo >> 16);
  view.setUint16(50, pseudo);
  return {
    frame: f,
    offload: {
      flags: NEEDS_CSUM,
      gsoType: gsoSize ? GSO.tcp4 : GSO.none,
      hdrLen: gsoSize ? 54 : 0,
      gsoSize,
      csumStart: 34,
      csumOffset: 16,
    },
  };
}

const plain = (n: number, len: number, header: string): Sent => ({ frame: frame(n, len, header), offload: NO_OFFLOAD });

/** Groups of like frames, as they come in batches; each row is one. */
const GROUPS: readonly { readonly what: string; readonly count: number; readonly make: (n: number) => Sent }[] = [
  { what: 'one alone', count: 1, make: (n) => plain(n, 60, '88b5') },
  { what: 'a full burst', count: 32, make: (n) => plain(n, 60, '88b5') },
  { what: 'lengths around the record sizes', count: 40, make: (n) => plain(n, 60 + (n % 40) * 14, '88b5') },
  { what: 'around full size', count: 24, make: (n) => plain(n, 1500 + (n % 24) * 5, '88b5') },
  { what: 'longer than records, then than bursts', count: 24, make: (n) => plain(n, 1580 + (n % 24) * 25, '88b5') },
  { what: 'large', count: 8, make: (n) => plain(n, 9000, '88b5') },
  { what: 'tagged', count: 20, make: (n) => plain(n, 64 + n, '8100006488b5') },
  { what: 'twice tagged', count: 20, make: (n) => plain(n, 68 + n, '88a80064810000c888b5') },
  { what: 'protocols in turn', count: 20, make: (n) => plain(n, 80, n % 2 ? '88b5' : '88b6') },
  { what: 'checksum still to be done', count: 20, make: (n) => tcp(n, 6 + n, 0) },
  { what: 'TCP, segments between', count: 30, make: (n) => tcp(n, n % 3 ? 100 : 12000, n % 3 ? 0 : 1448) },
  { what: 'short again', count: 64, make: (n) => plain(n, 60, '88b5') },
];

function toPort(dp: NativeDriver, slot: number, from: number, to: number): void {
  const key = new Uint8Array(DP_KEY_BYTES);
  const mask = new Uint8Array(DP_KEY_BYTES);
  new DataView(key.buffer).setUint32(K.inPort.offset, from);
  mask.fill(0xff, K.inPort.offset, K.inPort.offset + 4);
  dp.flowPut(slot, key, mask, [{ type: 'output', port: to }]);
}

/** The frame with its checksum done, in hex. */
function whole({ frame: f, offload }: Sent): string {
  const copy = f.slice();
  if (offload.flags & NEEDS_CSUM && offload.gsoType === GSO.none) finishChecksum(copy, offload);
  return Buffer.from(copy).toString('hex');
}

for (const { rxBytes, programs } of [
  { rxBytes: 0, programs: true },
  { rxBytes: 1 << 17, programs: true },
  { rxBytes: 0, programs: false },
]) {
  t.test(
    `frames of all sorts, in order, ring ${rxBytes || 'by choice'}, programs ${programs}`,
    { skip: refusal },
    (t) => {
      const lab = new NetLab('wfm');
      const dp = new NativeDriver({ manual: true, maxFlows: 64 });
      t.teardown(() => {
        dp.close();
        lab.close();
      });
      lab.veth('wfm-a', 'wfm-b');
      for (const device of ['wfm-a', 'wfm-b']) lab.ip(`link set ${device} mtu 9000 addrgenmode none`);
      const came: Sent[] = [];
      dp.setHandlers({
        upcall() {},
        portEvent() {},
        frame: (_, f, offload) => {
          if (Buffer.from(f.subarray(6, 12)).toString('hex') === OURS)
            came.push({ frame: f.slice(), offload: { ...offload } });
        },
      });
      dp.portAdd(1, MEMORY);
      dp.portAdd(2, { ...SYSTEM, device: 'wfm-a', rxBytes, programs });
      dp.portAdd(3, { ...SYSTEM, device: 'wfm-b', rxBytes, programs });
      dp.portAdd(4, MEMORY);
      const quick = programs && existsSync('/sys/kernel/btf/vmlinux');
      const way = {
        busy: quick ? /^records, \d+ KiB$/ : /^packet ring/,
        quiet: quick ? /^messages, until/ : /^packet ring/,
      };
      const send = programs ? /^bursts/ : /^messages/;
      toPort(dp, 0, 1, 2);
      toPort(dp, 1, 3, 4);
      let number = 0;
      for (let round = 0; round < 3; round++) {
        for (const { what, count, make } of GROUPS) {
          came.length = 0;
          const sent = Array.from({ length: count }, () => make(number++ % 64));
          for (const s of sent) dp.inject(1, s.frame, s.offload);
          for (let i = 0; i < 400 && came.length < count; i++) dp.run();
          t.same(came.map(whole), sent.map(whole), what);
          const kept = (s: Sent) => [s.offload.gsoType, s.offload.gsoSize];
          t.same(came.map(kept), sent.map(kept), `${what}: segmentation state`);
        }
      }
      for (const port of [1, 3]) {
        const c = dp.portCounters(port);
        t.equal(c.rx_packets, c.forwarded + c.drops.reduce((a, b) => a + b, 0) + c.held, `port ${port}: conserved`);
        t.equal(c.rx_errors, 0, `port ${port}: nothing lost`);
      }
      t.match(dp.portPaths(3), { receive: way.busy, send }, 'by the ways that were meant');
      t.match(
        dp.portPaths(2),
        { receive: rxBytes ? way.busy : way.quiet, send },
        'and where nothing came, by the one for that',
      );
      t.end();
    },
  );
}
