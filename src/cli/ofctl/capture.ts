/** ofp-parse-pcap: the OpenFlow messages in a capture of TCP over IPv4. */
import { existsSync, readFileSync } from 'node:fs';
import { newKey } from '../../flow/key.js';
import { formatIpv4 } from '../../lib/address.js';
import { get16, get32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { HEADER_BYTES, readHeader } from '../../openflow/message.js';
import { formatBytes } from '../../openflow/text/message.js';
import { extract } from '../../packet/extract.js';
import { K } from '../../packet/key.js';
import { type PcapRecord, readPcap } from '../../packet/pcap.js';
import type { Command } from './context.js';

const PORTS: readonly number[] = [6653, 6633];
const FIN = 1;
const SYN = 2;
const IPV4 = 0x0800;
const TCP = 6;

interface Segment {
  /** "10.0.0.1.4000 > 10.0.0.2.6653" */
  readonly from: string;
  readonly ports: readonly [number, number];
  readonly seq: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

/** The TCP segment of a frame, if it has one that is whole. */
function segmentOf(frame: Uint8Array): Segment | undefined {
  const key = newKey();
  if (!extract(frame, key, 2) || get16(key, K.ethType.offset) !== IPV4 || key[K.nwProto.offset] !== TCP)
    return undefined;
  let ip = 12;
  while (get16(frame, ip) !== IPV4) ip += 4;
  ip += 2;
  const tcp = ip + (frame[ip] & 0xf) * 4;
  if (tcp + 20 > frame.length) return undefined;
  const end = Math.min(frame.length, ip + get16(frame, ip + 2));
  const start = tcp + (frame[tcp + 12] >> 4) * 4;
  const src = get16(frame, tcp);
  const dst = get16(frame, tcp + 2);
  return {
    from: `${formatIpv4(frame, ip + 12)}.${src} > ${formatIpv4(frame, ip + 16)}.${dst}`,
    ports: [src, dst],
    seq: get32(frame, tcp + 4),
    flags: frame[tcp + 13],
    data: frame.subarray(Math.min(start, end), end),
  };
}

/** What came of one direction of a connection and makes no whole message yet. Segments that are not the next ones are passed over. */
interface Stream {
  next: number;
  rest: Uint8Array;
}

class Streams {
  private readonly all = new Map<string, Stream>();

  /** Whole messages that a segment completes. */
  take(s: Segment): Uint8Array[] {
    if (s.flags & SYN) {
      this.all.set(s.from, { next: (s.seq + 1) >>> 0, rest: new Uint8Array(0) });
      return [];
    }
    let stream = this.all.get(s.from);
    if (!stream) {
      stream = { next: s.seq, rest: new Uint8Array(0) };
      this.all.set(s.from, stream);
    }
    if (s.flags & FIN) this.all.delete(s.from);
    if (s.seq !== stream.next) return [];
    stream.next = (s.seq + s.data.length) >>> 0;
    stream.rest = Buffer.concat([stream.rest, s.data]);
    const out: Uint8Array[] = [];
    while (stream.rest.length >= HEADER_BYTES) {
      const { length } = readHeader(stream.rest);
      if (length < HEADER_BYTES || length > stream.rest.length) break;
      out.push(stream.rest.subarray(0, length));
      stream.rest = stream.rest.subarray(length);
    }
    return out;
  }
}

/** As "22:13:22.250 ". */
function clockText(r: PcapRecord): string {
  return `${new Date(r.seconds * 1000 + r.nanos / 1e6).toISOString().slice(11, 23)} `;
}

function readCapture(path: string): readonly PcapRecord[] {
  if (!existsSync(path)) throw new UserError(`${path}: open failed (No such file or directory)`);
  try {
    return readPcap(readFileSync(path)).records;
  } catch (e) {
    if (e instanceof UserError) throw new UserError(`${path}: open failed (Protocol error)`);
    throw e;
  }
}

export async function ofpParsePcap(command: Command): Promise<void> {
  const [path, ...ports] = command.args;
  const wanted = ports.length > 0 ? ports.map(Number) : PORTS;
  const streams = new Streams();
  let first = true;
  for (const r of readCapture(path)) {
    const s = segmentOf(r.frame);
    if (!s?.ports.some((p) => wanted.includes(p))) continue;
    for (const bytes of streams.take(s)) {
      if (!first) command.io.out('\n');
      first = false;
      const when = command.settings.timestamp ? clockText(r) : '';
      command.io.out(`${when}${s.from}:\n${formatBytes(bytes, { verbosity: command.settings.verbosity + 1 })}`);
    }
  }
}
