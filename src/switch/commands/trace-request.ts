/**
 * What ofproto/trace and ofproto/trace-packet-out are asked: options and up to three words, a flow of the datapath or a bridge and a flow of OpenFlow, and
 * perhaps a packet. The words of faults are ovs-vswitchd's.
 */

import { parseHex } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { CT_STATE_FLAGS, formatFlags, parseFlags } from '../../lib/flags.js';

export interface TraceWords {
  /** One (a flow of the datapath) or two (the datapath or the bridge, and a flow). */
  readonly words: readonly string[];
  /** The packet's bytes. */
  readonly frame: Uint8Array | undefined;
  /** A packet is to be made of the flow. */
  readonly generate: boolean;
  /** Actions must fit the packet. */
  readonly consistent: boolean;
  readonly names: boolean;
  /** States of connections in later passes, in turn. */
  readonly ctNext: readonly number[];
}

const MAX_WORDS = 3;
const MAX_L7 = 64_000;
const ETH_BYTES = 14;

const CT = { new: 1, est: 2, rpl: 8, inv: 0x10, trk: 0x20 } as const;

/** `packetOut`: the options of trace-packet-out are taken too. Throws UserError. */
export function readTraceWords(args: readonly string[], packetOut: boolean): TraceWords {
  const words: string[] = [];
  const ctNext: number[] = [];
  let generate = false;
  let consistent = false;
  let names = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const value = (): string => {
      if (i + 1 >= args.length) throw new UserError(`Missing argument for option ${arg}`);
      return args[++i];
    };
    if (arg === '-generate' || arg === '--generate') generate = true;
    else if (arg === '--l7') payload(value());
    else if (arg === '--l7-len') payloadLength(value());
    else if (packetOut && (arg === '-consistent' || arg === '--consistent')) consistent = true;
    else if (arg === '--ct-next') ctNext.push(ctState(value()));
    else if (arg === '--names') names = true;
    else if (arg.startsWith('-')) throw new UserError(`${arg}: unknown option`);
    else if (words.length >= MAX_WORDS) throw new UserError('too many arguments');
    else words.push(arg);
  }
  const frame = generate ? undefined : takePacket(words);
  if (words.length !== 1 && words.length !== 2) throw new UserError('Syntax error');
  return { words, frame, generate, consistent, names, ctNext };
}

/** The last word is a packet where it can be one; of three it has to be. */
function takePacket(words: string[]): Uint8Array | undefined {
  if (words.length < 2) return undefined;
  try {
    const frame = hexBytes(words[words.length - 1]);
    if (frame.length < ETH_BYTES) throw new UserError('Packet data too short for Ethernet');
    words.pop();
    return frame;
  } catch (e) {
    if (!(e instanceof UserError) || words.length >= MAX_WORDS) throw e;
    return undefined;
  }
}

function hexBytes(text: string): Uint8Array {
  const digits = text.replace(/\s/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) throw new UserError('Trailing garbage in packet data');
  return parseHex(digits);
}

/** Nothing in the tables looks at it: it is only checked. */
function payload(text: string): void {
  if (hexBytes(text).length > MAX_L7) throw new UserError(`${text}: too much L7 data`);
}

function payloadLength(text: string): void {
  const n = Number.parseInt(text, 10);
  if (n > MAX_L7) throw new UserError(`${text}: too much L7 data`);
}

function ctState(text: string): number {
  let state = 0;
  for (const word of text.split(/[, ]+/).filter((w) => w !== '')) {
    if (!CT_STATE_FLAGS.names.includes(word)) throw new UserError(`${word}: unknown connection tracking state flag`);
    state |= parseFlags(word, CT_STATE_FLAGS).value;
  }
  const faults: string[] = [];
  if (state !== 0 && !(state & CT.trk)) faults.push('If "trk" is unset, no other flags are set');
  if (state & CT.inv && state & ~(CT.trk | CT.inv)) faults.push('when "inv" is set, only "trk" may also be set');
  if (state & CT.new && state & CT.est) faults.push('"new" and "est" are mutually exclusive');
  if (state & CT.new && state & CT.rpl) faults.push('"new" and "rpy" are mutually exclusive');
  if (faults.length > 0) {
    const flags = formatFlags(state, CT_STATE_FLAGS);
    throw new UserError(faults.map((f) => `${flags}: invalid connection state: ${f}`).join('\n'));
  }
  return state;
}
