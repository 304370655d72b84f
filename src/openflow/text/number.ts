import { parseInteger } from '../../action/text.js';
import { UserError } from '../../lib/errors.js';

/** A 32-bit number of which larger ones leave their low half, as ovs-ofctl reads those of groups and meters. */
export function parseWord32(text: string): number {
  if (text === '') throw new UserError('missing required numeric argument');
  const v = parseInteger(text);
  if (v === undefined || v >= 1n << 64n || v < -(1n << 63n)) throw new UserError(`invalid numeric format ${text}`);
  return Number(BigInt.asUintN(32, v));
}
