/**
 * An end of a GRE tunnel that shares nothing with weft but the RFCs (2784, 2890): a program on a raw socket. In it lives one host, 10.9.0.2, which answers
 * ARP and pings, and pings who asked for its address. What it gets must have the fields it was told of, and none other, with the right values.
 *
 *   node gre-peer.js REMOTE 4|6 [key=N] [csum] [seq]
 *
 * Prints "ready", "answered" for each answer to a ping of its own, and "fault: ..." for what is wrong.
 */
import { rawSocket } from './peer.js';

const { AddressFamily, createSocket } = rawSocket();
const GRE = 47;
const TEB = 0x6558;
const FLAG = { csum: 0x8000, key: 0x2000, seq: 0x1000 } as const;
const ETHER = { ip: 0x0800, arp: 0x0806 } as const;
const OWN = { mac: Buffer.from('020000000099', 'hex'), ip: Buffer.from([10, 9, 0, 2]) } as const;

const [, , remote, family, ...words] = process.argv;
const key = words.find((w) => w.startsWith('key='))?.slice(4);
const [csum, seq] = ['csum', 'seq'].map((w) => words.includes(w));
const flags = (csum ? FLAG.csum : 0) | (key ? FLAG.key : 0) | (seq ? FLAG.seq : 0);
const HEADER = 4 + (csum ? 4 : 0) + (key ? 4 : 0) + (seq ? 4 : 0);

const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const fault = (text: string): undefined => void say(`fault: ${text}`);

/** One's complement of the sum of 16-bit words (RFC 1071); 0 over what has its own sum in it. */
function sumOf(b: Buffer): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += i % 2 === 0 ? b[i] * 256 : b[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}

let sent = 0;
function wrap(frame: Buffer): Buffer {
  const b = Buffer.concat([Buffer.alloc(HEADER), frame]);
  b.writeUInt16BE(flags, 0);
  b.writeUInt16BE(TEB, 2);
  if (key) b.writeUInt32BE(Number(key), csum ? 8 : 4);
  if (seq) b.writeUInt32BE(sent++, HEADER - 4);
  if (csum) b.writeUInt16BE(sumOf(b), 4);
  return b;
}

let last = -1;
function unwrap(b: Buffer): Buffer | undefined {
  if (b.length < HEADER) return fault(`${b.length} bytes`);
  if (b.readUInt16BE(0) !== flags) return fault(`flags ${b.readUInt16BE(0).toString(16)}, not ${flags.toString(16)}`);
  if (b.readUInt16BE(2) !== TEB) return fault(`protocol ${b.readUInt16BE(2).toString(16)}`);
  if (csum && (sumOf(b) !== 0 || b.readUInt16BE(6) !== 0)) return fault('checksum');
  if (key && b.readUInt32BE(csum ? 8 : 4) !== Number(key)) return fault('key');
  if (seq) {
    const number = b.readUInt32BE(HEADER - 4);
    if (number !== last + 1 && last !== -1) fault(`number ${number} after ${last}`);
    last = number;
  }
  return b.subarray(HEADER);
}

const socket = createSocket({ protocol: GRE, addressFamily: family === '6' ? AddressFamily.IPv6 : AddressFamily.IPv4 });

function send(frame: Buffer): void {
  const b = wrap(frame);
  socket.send(b, 0, b.length, remote, (e) => e && fault(e.message));
}

/** An ICMP message to who is at `ip`. */
function icmp(mac: Buffer, ip: Buffer, body: Buffer): void {
  const head = Buffer.alloc(20);
  head.set([0x45]);
  head.writeUInt16BE(20 + body.length, 2);
  head.set([64, 1], 8);
  OWN.ip.copy(head, 12);
  ip.copy(head, 16);
  head.writeUInt16BE(sumOf(head), 10);
  body.writeUInt16BE(0, 2);
  body.writeUInt16BE(sumOf(body), 2);
  send(Buffer.concat([mac, OWN.mac, Buffer.from([8, 0]), head, body]));
}

function arp(f: Buffer): void {
  const [sender, target] = [f.subarray(22, 32), f.subarray(38, 42)];
  if (f.readUInt16BE(20) !== 1 || !target.equals(OWN.ip)) return;
  const words = Buffer.from([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2]);
  send(Buffer.concat([sender.subarray(0, 6), OWN.mac, words, OWN.mac, OWN.ip, sender]));
  icmp(sender.subarray(0, 6), sender.subarray(6), Buffer.from('080000001234000161626364', 'hex'));
}

function take(f: Buffer): void {
  if (f.length < 42) return;
  if (f.readUInt16BE(12) === ETHER.arp) return arp(f);
  if (f.readUInt16BE(12) !== ETHER.ip || f[23] !== 1 || !f.subarray(30, 34).equals(OWN.ip)) return;
  const message = Buffer.from(f.subarray(34, 14 + f.readUInt16BE(16)));
  if (message[0] === 0) say('answered');
  if (message[0] !== 8) return;
  message[0] = 0;
  icmp(f.subarray(6, 12), f.subarray(26, 30), message);
}

socket.on('message', (packet, source) => {
  if (source !== remote) return;
  // A raw socket of IPv4 gives the header, too.
  const frame = unwrap(Buffer.from(family === '6' ? packet : packet.subarray((packet[0] & 15) * 4)));
  if (frame) take(frame);
});
socket.on('error', (e) => fault(e.message));
say('ready');
