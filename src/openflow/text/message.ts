/** Messages as ovs-ofctl prints them: name, version, transaction id, then what the family's formatter says. */
import { Match } from '../../flow/match.js';
import { UserError } from '../../lib/errors.js';
import { formatHexDump } from '../../lib/hex-dump.js';
import { decode, decodeEach, HEADER_BYTES, identify, type Message, partFlags, readHeader } from '../message.js';
import type { Kind } from '../registry.js';
import { basicFormatters } from './basic.js';
import { bundleFormatters } from './bundle.js';
import { type Formatter, type Formatters, hex, type TextContext } from './context.js';
import { controllerFormatters } from './controller.js';
import { ctFlushFormatters } from './ct-flush.js';
import { flowFormatters, flowListText } from './flow.js';
import { groupFormatters } from './group.js';
import { ipfixFormatters } from './ipfix.js';
import { meterFormatters } from './meter.js';
import { monitorFormatters } from './monitor.js';
import { packetFormatters } from './packet.js';
import { portFormatters } from './port.js';
import { queueFormatters } from './queue.js';
import { tableFormatters } from './table.js';
import { tlvFormatters } from './tlv.js';

const FORMATTERS: Formatters = {
  ...basicFormatters,
  ...bundleFormatters,
  ...controllerFormatters,
  ...ctFlushFormatters,
  ...ipfixFormatters,
  ...flowFormatters,
  ...groupFormatters,
  ...meterFormatters,
  ...monitorFormatters,
  ...packetFormatters,
  ...portFormatters,
  ...queueFormatters,
  ...tableFormatters,
  ...tlvFormatters,
};

/** Verbosity from which on the bytes stand below the text. */
const WITH_BYTES = 5;
const REQUEST_OF_10 = 16;

function title(name: string, version: number, xid: number): string {
  const shown =
    version === 1 ? '' : version <= 6 ? ` (OF1.${version - 1})` : ` (OF 0x${version.toString(16).padStart(2, '0')})`;
  return `${name}${shown} (xid=0x${xid.toString(16)}):`;
}

/** Of a part of a multipart message: 1.0 has no requests of several parts. */
function flagsText(bytes: Uint8Array): string {
  const flags = partFlags(bytes);
  if (flags === 0) return '';
  const { version, type } = readHeader(bytes);
  const known = version === 1 && type === REQUEST_OF_10 ? 0 : 1;
  const unknown = flags & ~known;
  const rest = unknown === 0 ? '' : `[***unknown flags 0x${hex(unknown, 4)}***]`;
  return ` flags=${flags & known ? '[more]' : ''}${rest}`;
}

/** The text of a message that was read, ending in a newline. */
export function formatMessage(m: Message, ctx: TextContext): string {
  const format = FORMATTERS[m.kind] as Formatter<Kind> | undefined;
  const flags = ctx.bytes ? flagsText(ctx.bytes) : '';
  const text = title(m.name, m.version, m.xid) + flags + (format ? format(m, ctx) : '');
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** Messages in messages are printed no deeper: 64 KB have room for 5,000 errors about errors, and the stack has not. */
const MAX_DEPTH = 32;

/** The text of any bytes that came as a message: what cannot be read is shown with the error and as a dump. */
export function formatBytes(bytes: Uint8Array, ctx: TextContext): string {
  if (bytes.length < HEADER_BYTES)
    return `OpenFlow packet too short (only ${bytes.length} bytes):\n${formatHexDump(bytes)}`;
  const header = readHeader(bytes);
  if (header.length > bytes.length) return truncated(bytes, header.length);
  const depth = (ctx.depth ?? 0) + 1;
  if (depth > MAX_DEPTH) return formatHexDump(bytes);
  try {
    const text = flowsText(bytes, ctx) ?? formatMessage(decode(bytes), { ...ctx, depth, bytes });
    return ctx.verbosity >= WITH_BYTES ? text + formatHexDump(bytes) : text;
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    return undecodable(bytes, e);
  }
}

/** For reading one flow after the other. */
const lent = new Match();

/** Lists of flows are long: they are printed as they are read. */
function flowsText(bytes: Uint8Array, ctx: TextContext): string | undefined {
  const list = decodeEach('flow_stats_reply', bytes, lent);
  if (!list) return undefined;
  const { version, xid } = readHeader(bytes);
  return title(list.name, version, xid) + flagsText(bytes) + flowListText(list.elements, ctx);
}

function truncated(bytes: Uint8Array, length: number): string {
  const header = readHeader(bytes);
  let name = '';
  try {
    name = title(identify(bytes).row.name, header.version, header.xid);
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
  }
  return `${name}\n(***truncated to ${bytes.length} bytes from ${length}***)\n${formatHexDump(bytes)}`;
}

function undecodable(bytes: Uint8Array, e: UserError): string {
  const header = readHeader(bytes);
  const bare = `***decode error: ${e.ofError ?? e.message}***\n${formatHexDump(bytes)}`;
  // A length that no message of the kind has is noticed before its name is known.
  if (e.ofError === 'OFPBRC_BAD_LEN') return bare;
  let name: string;
  try {
    name = identify(bytes).row.name;
  } catch {
    return bare;
  }
  return `${title(name, header.version, header.xid)} ${bare}`;
}

/** The start of a message inside an error. */
export function formatInner(bytes: Uint8Array, ctx: TextContext): string {
  return bytes.length ? formatBytes(bytes, { ...ctx, verbosity: 1 }) : '';
}
