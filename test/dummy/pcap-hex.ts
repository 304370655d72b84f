/** Prints the bytes of a capture but for the times: the file's header, then each record's. Usage: pcap-hex FILE. */
import { readFileSync } from 'node:fs';

const HEADER = 24;
const RECORD = 16;

const file = readFileSync(process.argv[2]);
const say = (bytes: Uint8Array): void => console.log(Buffer.from(bytes).toString('hex'));
say(file.subarray(0, HEADER));
for (let at = HEADER; at < file.length; ) {
  const end = at + RECORD + file.readUInt32LE(at + 8);
  say(file.subarray(at + 8, end));
  at = end;
}
