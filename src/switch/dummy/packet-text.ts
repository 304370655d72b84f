/** Packets as `netdev-dummy/receive` takes them: hex digits, or a flow in the datapath's text, of which a packet is made. */
import { parseDpKey } from '../../datapath/text/flow.js';
import { splitItems } from '../../datapath/text/members.js';
import { parseHex } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { ETH_HEADER } from '../../packet/extract.js';
import { compose } from './compose.js';

/** Undefined: the text is no whole frame in hex. Spaces may stand anywhere. */
function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/\s/g, '');
  if (digits.length % 2 !== 0 || digits.length < 2 * ETH_HEADER || /[^0-9a-f]/i.test(digits)) return undefined;
  return parseHex(digits);
}

/** A packet has values; masks are for flows. An NSH header is read only with a mask, so no packet of one is made. */
function isForFlows(text: string): boolean {
  return /\/|\bnsh\(/.test(text);
}

/** In the words of OVS: "syntax error at" and all from the fault on. */
function keyOf(text: string): Uint8Array {
  try {
    if (!isForFlows(text)) return parseDpKey(text).value;
    throw new UserError('not a packet');
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    throw new UserError(`syntax error at ${text.slice(faultAt(text))}`);
  }
}

function faultAt(text: string): number {
  let from = 0;
  for (const item of splitItems(text)) {
    const at = text.indexOf(item, from);
    try {
      if (isForFlows(item)) return at;
      parseDpKey(item);
    } catch {
      return at;
    }
    from = at + item.length;
  }
  return from;
}

/** `length`: of the whole frame, for a flow; its packet is filled up to it. Throws UserError. */
export function frameFromText(text: string, length?: number): Uint8Array {
  return fromHex(text) ?? compose(keyOf(text), length);
}
