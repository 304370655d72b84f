/** Lists of actions and instructions, as messages hold them. */
import type { Action } from '../../action/action.js';
import { decodeActions, encodeActions } from '../../action/codec.js';
import type { WireReader, WireWriter } from '../../action/context.js';
import { decodeInstructions, encodeInstructions } from '../../action/instructions.js';
import { ofError } from '../errors.js';
import { ActionBytes, ActionCache } from './action-cache.js';

/** Bare actions, of packet-outs and buckets. As in OVS they may name tunnel options that the bridge does not know. */
export function readActions(r: WireReader, length: number): Action[] {
  const { tun } = r;
  if (tun) r.tun = tun.lenient;
  const actions = readStrictly(r, length);
  r.tun = tun;
  return actions;
}

function readStrictly(r: WireReader, length: number): Action[] {
  if (length > r.remaining) throw ofError('OFPBRC_BAD_LEN');
  return decodeActions(r, length);
}

export function writeActions(w: WireWriter, actions: readonly Action[]): void {
  encodeActions(actions, w);
}

/** Of flows from 1.1 on. */
export function readInstructions(r: WireReader, length: number): Action[] {
  return decodeInstructions(r, length);
}

const seenActions = new ActionCache(1024);
const seenInstructions = new ActionCache(1024);

/** What is left of a flow_mod; flows with the same share one list. */
export function readFlowActions(r: WireReader): readonly Action[] {
  return seenActions.take(r, () => readStrictly(r, r.remaining));
}

export function readFlowInstructions(r: WireReader): readonly Action[] {
  return seenInstructions.take(r, () => readInstructions(r, r.remaining));
}

export function writeInstructions(w: WireWriter, actions: readonly Action[]): void {
  encodeInstructions(actions, w);
}

const actionBytes = new ActionBytes(encodeActions);
const instructionBytes = new ActionBytes(encodeInstructions);

/** Of flows that are listed: many share one list, which is then written once. */
export function writeFlowActions(w: WireWriter, actions: readonly Action[]): void {
  w.bytes(actionBytes.of(actions, w.version));
}

export function writeFlowInstructions(w: WireWriter, actions: readonly Action[]): void {
  w.bytes(instructionBytes.of(actions, w.version));
}
