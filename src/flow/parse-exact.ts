/**
 * Text of one packet's flow, as ofproto/trace takes it: "in_port=1,tcp,tp_dst=80". Not a match: nothing is wildcarded, fields that are not said are zero,
 * and a field stands behind those that it needs. The words of faults are ovs-vswitchd's.
 */
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import { type FieldRow, OFPP } from './field.js';
import { fieldByName, readField } from './fields.js';
import { getU, newKey, OK, setU, unwildcard } from './key.js';
import { Match } from './match.js';
import { type MatchContext, nextToken, PROTOCOLS, type Token } from './parse-match.js';
import { checkPrereqs } from './prereqs.js';
import { setField } from './set.js';
import { parseFieldValue } from './value-text.js';

/** A port that is not said is none. Returns KEY_BYTES. Throws UserError. */
export function parseExactFlow(text: string, ctx: MatchContext = {}): Uint8Array {
  const key = newKey();
  key.set(parseExactMatch(text, ctx).value);
  if (getU(key, OK.ofInPort) === 0) setU(key, OK.ofInPort, OFPP.none);
  return key;
}

/** The same, with a mask of what was said. */
export function parseExactMatch(text: string, ctx: MatchContext = {}): Match {
  const m = new Match();
  const fault = (what: string): UserError => new UserError(`${text}: ${what}`);
  const token: Token = { key: '', value: '' };
  for (let at = nextToken(text, 0, token); at >= 0; at = nextToken(text, at, token)) {
    const protocol = PROTOCOLS.get(token.key);
    if (protocol) {
      if (getU(m.value, K.ethType) !== 0) throw fault('Ethernet type set multiple times');
      setU(m.value, K.ethType, protocol[0]);
      unwildcard(m.mask, K.ethType);
      if (protocol[1] < 0) continue;
      if (getU(m.value, K.nwProto) !== 0) throw fault('network protocol set multiple times');
      setU(m.value, K.nwProto, protocol[1]);
      unwildcard(m.mask, K.nwProto);
      continue;
    }
    const row = fieldByName(token.key);
    if (!row) throw fault(`unknown field ${token.key}`);
    if (!checkPrereqs(row.prereqs, m.value)) throw fault(`prerequisites not met for setting ${token.key}`);
    if (isSet(m.value, row)) throw fault(`field ${token.key} set multiple times`);
    setValue(m, row, token, ctx, fault);
  }
  return m;
}

function isSet(key: Uint8Array, row: FieldRow): boolean {
  return row.tunMetadata === undefined && readField(key, row) !== 0n;
}

function setValue(m: Match, row: FieldRow, token: Token, ctx: MatchContext, fault: (s: string) => UserError): void {
  const { key, value: text } = token;
  const bad = (why: string): UserError => fault(`bad value for ${key} (${why})`);
  let v: ReturnType<typeof parseFieldValue>;
  try {
    v = parseFieldValue(row, text, ctx);
  } catch (e) {
    throw e instanceof UserError ? bad(e.message) : e;
  }
  // The words for fragments speak of two bits of their byte; the others are always fixed.
  const exact = row.format === 'frag' ? 3n : (1n << BigInt(row.bytes * 8)) - 1n;
  if (v.mask !== exact) throw bad(`${text}: wildcards not allowed here`);
  const place = row.tunMetadata === undefined ? row : ctx.tun?.row(row);
  if (!place && ctx.looseOptions) return;
  if (!place) throw fault(`prerequisites not met for setting ${key}`);
  setField(m, place, v.value);
}
