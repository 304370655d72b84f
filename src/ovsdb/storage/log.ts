/**
 * The file format of ovsdb(5): records that follow each other, each a line "OVSDB JSON <bytes> <SHA-1>" and a line of JSON of so many bytes. What a crash left half
 * written does not match its length or its hash, and was acknowledged to nobody.
 */
import { createHash } from 'node:crypto';
import { isObject, type JsonObject, parseJson } from '../json/json.js';

const HEADER = /^OVSDB (JSON|CLUSTER) (\d{1,15}) ([0-9a-f]{40})$/;
/** Longer than any header. */
const HEADER_BYTES = 80;

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}

/** A record of a JSON text without line feeds. */
export function record(text: string): Uint8Array {
  const body = Buffer.from(`${text}\n`);
  return Buffer.concat([Buffer.from(`OVSDB JSON ${body.length} ${sha1(body)}\n`), body]);
}

export interface LogContents {
  readonly records: readonly JsonObject[];
  /** Bytes of whole records. */
  readonly end: number;
  /** Why the rest of the file is none; undefined when there is no rest. */
  readonly fault: string | undefined;
  /** True when the file is of another kind altogether: what, says `fault`. */
  readonly isForeign: boolean;
}

/** Reads records up to the end, or up to the first that is none. */
export function readLog(bytes: Buffer): LogContents {
  const records: JsonObject[] = [];
  let at = 0;
  const stop = (fault: string, isForeign = false): LogContents => ({ records, end: at, fault, isForeign });
  while (at < bytes.length) {
    const lineEnd = bytes.subarray(at, at + HEADER_BYTES).indexOf(0x0a);
    const line = bytes.toString('latin1', at, lineEnd < 0 ? Math.min(at + HEADER_BYTES, bytes.length) : at + lineEnd);
    const m = HEADER.exec(line);
    if (lineEnd < 0 || !m)
      return stop(`parse error at offset ${at} in header line "${line}"`, at === 0 && lineEnd >= 0);
    if (m[1] !== 'JSON') return stop('a clustered database, which cannot be served here', true);
    const from = at + lineEnd + 1;
    const length = Number(m[2]);
    const body = bytes.subarray(from, from + length);
    const where = `${length} bytes starting at offset ${from}`;
    if (body.length < length) return stop(`error reading ${where}`);
    const hash = sha1(body);
    if (hash !== m[3]) return stop(`${where} have SHA-1 hash ${hash} but should have hash ${m[3]}`);
    const json = parse(body);
    if (!isObject(json)) return stop(`${where} are not a JSON object`);
    records.push(json);
    at = from + length;
  }
  return { records, end: at, fault: undefined, isForeign: false };
}

function parse(body: Buffer): ReturnType<typeof parseJson> {
  try {
    return parseJson(body.toString('utf8'));
  } catch {
    return null;
  }
}
