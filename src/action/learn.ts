/** What a learn action makes of a packet: the flow to add, as a plain record that the flow tables take. */
import { OFPP, type Subfield } from '../flow/field.js';
import { markBits, readBits, writeBits, writeField } from '../flow/fields.js';
import { Match } from '../flow/match.js';
import { assumeEthernet } from '../flow/packet-type.js';
import { lowBits } from '../lib/bytes.js';
import type { Action, LearnItem, LearnSpec } from './action.js';
import { port32 } from './ports.js';

export interface LearnedFlow {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  readonly actions: readonly Action[];
  readonly cookie: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly sendFlowRem: boolean;
  /** Flows of this cookie that the table may hold; 0 for any number. */
  readonly limit: number;
}

/** Adds "these bits have this value" to a match. */
export function addToMatch(m: Match, f: Subfield, value: bigint): void {
  markBits(m.mask, f);
  if (f.bits === f.field.bits) writeField(m.value, f.field, value);
  else writeBits(m.value, f, value, lowBits(f.bits));
  for (let i = 0; i < m.value.length; i++) m.value[i] &= m.mask[i];
  if (f.field.prereqs !== 'none') assumeEthernet(m);
}

/** Ports that a learned flow may output to: real ones, and the reserved ones that name a place. */
function canOutput(port: number): boolean {
  return port < OFPP.max || [OFPP.inPort, OFPP.flood, OFPP.local, OFPP.all].some((p) => p === port);
}

function learnedAction(item: LearnItem, value: bigint): Action | undefined {
  if (item.kind === 'load') {
    return { type: 'set_field', dst: item.dst, value, mask: lowBits(item.dst.bits), form: 'load' };
  }
  if (value > 0xffffffffn) return undefined;
  const port = value > 0xffffn ? Number(value) : port32(Number(value));
  return canOutput(port) && (port < 0xff00 || port >= OFPP.max) ? { type: 'output', port, maxLen: 0 } : undefined;
}

/**
 * The flow that `spec` makes of a packet. `read` gives the value of bits of the packet and is to add them to the megaflow mask (Translator.read): every
 * packet of a datapath flow must teach the same flow.
 */
export function learnFlow(spec: LearnSpec, read: (f: Subfield) => bigint): LearnedFlow {
  const match = new Match();
  const actions: Action[] = [];
  if (spec.finIdleTimeout || spec.finHardTimeout) {
    actions.push({ type: 'fin_timeout', idle: spec.finIdleTimeout, hard: spec.finHardTimeout });
  }
  for (const item of spec.items) {
    const value = typeof item.src === 'bigint' ? item.src : read(item.src);
    if (item.kind === 'match') addToMatch(match, item.dst, value);
    else {
      const action = learnedAction(item, value);
      if (action) actions.push(action);
    }
  }
  return {
    table: spec.table,
    priority: spec.priority,
    match,
    actions,
    cookie: spec.cookie,
    idleTimeout: spec.idleTimeout,
    hardTimeout: spec.hardTimeout,
    sendFlowRem: spec.sendFlowRem,
    limit: spec.limit,
  };
}

/** As learnFlow, from a key without a mask: what `explain` and tests ask. */
export function learnFlowFromKey(spec: LearnSpec, key: Uint8Array): LearnedFlow {
  return learnFlow(spec, (f) => readBits(key, f));
}
