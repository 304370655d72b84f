/** Frames of all sorts in groups, as they come in batches: what suites of ports send from one end of a wire to the other. */
import type { Test } from 'tap';
import { NetLab } from '../../src/cli/lab/netlab.js';
import { NO_OFFLOAD, type Offload } from '../../src/datapath/datapath.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort } from '../../src/datapath/native.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import { finishChecksum, GSO, NEEDS_CSUM } from '../../src/packet/offload.js';

const OURS = '0200000000aa';
const ETHERNET = 14;

export interface Sent {
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

export function tcp(n: number, payload: number, gsoSize: number): Sent {
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

export const plain = (n: number, len: number, header: string): Sent => ({
  frame: frame(n, len, header),
  offload: NO_OFFLOAD,
});

/** Groups of like frames, as they come in batches; each row is one. */
export const GROUPS: readonly { readonly what: string; readonly count: number; readonly make: (n: number) => Sent }[] =
  [
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
export function whole({ frame: f, offload }: Sent): string {
  const copy = Uint8Array.from(f);
  if (offload.flags & NEEDS_CSUM && offload.gsoType === GSO.none) finishChecksum(copy, offload);
  return Buffer.from(copy).toString('hex');
}

/**
 * Ports 2 and 3 of one sort on the ends of a veth pair; what is injected at port 1 leaves by 2, and what comes in by 3 goes to 4. `came`: those of ours, in order,
 * which the caller empties.
 */
export function pairOfPorts(
  t: Test,
  prefix: string,
  port: Partial<PortConfig> & Pick<PortConfig, 'kind'>,
): { dp: NativeDriver; came: Sent[] } {
  const lab = new NetLab(prefix);
  const dp = new NativeDriver({ manual: true, maxFlows: 64 });
  t.teardown(() => {
    dp.close();
    lab.close();
  });
  const devices = [`${prefix}-a`, `${prefix}-b`];
  lab.veth(devices[0], devices[1]);
  for (const device of devices) lab.ip(`link set ${device} mtu 9000 addrgenmode none`);
  const came: Sent[] = [];
  dp.setHandlers({
    upcall() {},
    portEvent() {},
    frame: (_, f, offload) => {
      if (Buffer.from(f.subarray(6, 12)).toString('hex') === OURS)
        came.push({ frame: f.slice(), offload: { ...offload } });
    },
  });
  const memory: PortConfig = { ...plainPort('memory'), offload: true };
  dp.portAdd(1, memory);
  for (const [i, device] of devices.entries()) dp.portAdd(2 + i, { ...memory, ...port, device });
  dp.portAdd(4, memory);
  toPort(dp, 0, 1, 2);
  toPort(dp, 1, 3, 4);
  return { dp, came };
}
