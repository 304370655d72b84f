/** What action rows are given: interfaces only; src/upcall implements Translator, src/openflow and the rows' codec use the wire ones. */
import type { DropReasonName } from '../datapath/drop-reasons.js';
import type { ConstantWrite } from '../flow/constant.js';
import type { Subfield } from '../flow/field.js';
import type { Match } from '../flow/match.js';
import type { Usable } from '../flow/protocols.js';
import type { TunTable } from '../flow/tun-table.js';
import type { Action, LearnSpec } from './action.js';

export interface ParseCtx {
  /** Port name or number or reserved name to an OpenFlow port. Throws UserError. */
  port(text: string): number;
  /** Table name or number, 0 to 255. Throws UserError. */
  table(text: string): number;
  /** How many lists the text stands in; absent at the top. */
  readonly depth?: number;
  /** Narrowed by actions that some wire forms do not have. */
  readonly usable?: Usable | undefined;
}

/** What decoding is given beside the bytes. */
export interface DecodeCtx {
  /** Actions nested in an action: all of `r`. Throws when nested too deep. */
  nested(r: WireReader): Action[];
}

/** Big-endian writer for one OpenFlow version. */
export interface WireWriter {
  readonly version: number;
  u8(v: number): void;
  u16(v: number): void;
  u32(v: number): void;
  u64(v: bigint): void;
  bytes(b: Uint8Array): void;
  zeros(n: number): void;
  /** Zeros until the length since `start` is a multiple of `align` (8). */
  pad(start: number, align?: number): void;
  readonly length: number;
  /** Takes back the last bytes. */
  drop(n: number): void;
  /** Overwrites two bytes at a position: for lengths known late. */
  patch16(at: number, v: number): void;
}

export interface WireReader {
  readonly version: number;
  readonly remaining: number;
  readonly position: number;
  /** What is read from: with `take`, a way to decode in place. */
  readonly data: Uint8Array;
  /** A match that the caller lends: a message that is dealt with before the next is read may use it instead of one of its own. */
  readonly lent?: Match | undefined;
  /** The bridge's tunnel options: with it only those that it has can be named, without it any can. */
  tun?: TunTable | undefined;
  u8(): number;
  u16(): number;
  u32(): number;
  u64(): bigint;
  bytes(n: number): Uint8Array;
  skip(n: number): void;
  /** Consumes n bytes and gives their offset in `data`. */
  take(n: number): number;
  /** A reader of the next n bytes, which are consumed here. `fault`: the OpenFlow error of reading past its end. */
  sub(n: number, fault?: string): WireReader;
  /** The next bytes without consuming them; fewer than n at the end. */
  peek(n: number): Uint8Array;
  /** Two bytes at `offset` from here, without consuming them; 0 past the end. */
  peek16(offset: number): number;
}

/**
 * The walk of one packet through the pipeline, as an action sees it. Reading goes through here so that every bit that was read gets into
 * the megaflow mask. Values are right-justified bigints of the subfield's width.
 */
export interface Translator {
  /** Reads bits and adds them to the mask. */
  read(f: Subfield): bigint;
  /** For what a trace says: bits as they are, without the mask hearing of it. */
  peek(f: Subfield): bigint;
  /** Writes bits of the flow. The destination becomes part of the mask where a partial or masked write makes the old value matter. */
  write(f: Subfield, value: bigint, mask: bigint, from?: 'stack'): void;
  /** As write, of a constant. */
  writeConstant(c: ConstantWrite): void;
  /** As reading the one and writing it to the other, of the same width. */
  move(src: Subfield, dst: Subfield): void;
  /** Fields whose prerequisites do not hold for this packet are not written (OVS's rule). Adds what it looked at to the mask. */
  prerequisitesHold(f: Subfield): boolean;

  output(port: number, maxLen: number): void;
  outputTrunc(port: number, maxLen: number): void;
  controller(a: Extract<Action, { type: 'controller' }>): void;
  group(id: number): void;
  resubmit(port: number, table: number): void;
  gotoTable(table: number): void;
  learn(spec: LearnSpec): void;
  pushVlan(ethType: number): void;
  popVlan(): void;
  hasVlan(): boolean;
  pushMpls(ethType: number): void;
  popMpls(ethType: number): void;
  /** Decrements; false (after the packet-in for the controllers, and the drop) when it ran out and the walk of this list ends. */
  decTtl(controllerIds: readonly number[]): boolean;
  decMplsTtl(): boolean;
  /** False (after a failure, or where a TTL ran out) when the list ends. */
  encap(a: Extract<Action, { type: 'encap' }>): boolean;
  decap(packetType: number | undefined): boolean;
  decNshTtl(): boolean;
  stackPush(value: bigint, bits: number): void;
  /** Undefined on an empty stack. */
  stackPop(): bigint | undefined;
  setQueue(queue: number): void;
  popQueue(): void;
  enqueue(port: number, queue: number): void;
  finTimeout(idle: number, hard: number): void;
  clone(actions: readonly Action[]): void;
  checkPktLarger(length: number, dst: Subfield): void;
  sample(a: Extract<Action, { type: 'sample' }>): void;
  meter(id: number): void;
  /** Hash of the flow's fields, as bundle and multipath name them. Adds them to the mask. */
  hashFields(fields: string, basis: number): number;
  portIsUp(port: number): boolean;
  actionSetClear(): void;
  actionSetWrite(actions: readonly Action[]): void;
  /** True once `exit` or `fail` ended the whole walk: no list goes on. */
  readonly stopped: boolean;
  /** Ends the whole walk (exit action). */
  exit(): void;
  /** Ends the whole walk with a reason. */
  fail(reason: DropReasonName, why?: string): void;
  /** A line for a trace; costs nothing when no one traces. */
  note(text: () => string): void;
}
