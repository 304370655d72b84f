/** OpenFlow ports in text, and between the 16 bits of OpenFlow 1.0 (and of most extensions) and the 32 bits of the rest. */
import { OFPP } from '../flow/field.js';
import { port16to32 } from '../flow/fields.js';
import { formatOfPort, parseOfPort } from '../flow/port-text.js';
import { UserError } from '../lib/errors.js';
import type { ParseCtx } from './context.js';

export { formatOfPort as formatPort, port16to32 as port32 };

/** A switch has no port from 0xff00 to 0xfffffeff: such a number cannot be said in 16 bits. */
export function port16(port: number): number {
  return port & 0xffff;
}

/** Is it a port a packet may be output to? Whether it exists is another question. */
export function isOutputPort(port: number): boolean {
  return port < 0xff00 || (port >= OFPP.inPort && port !== OFPP.none);
}

/** Throws OFPBAC_BAD_OUT_PORT for what can never be a port to output to. */
export function checkOutputPort(port: number): number {
  if (!isOutputPort(port)) throw new UserError(`${formatOfPort(port)} is no port to output to`, 'OFPBAC_BAD_OUT_PORT');
  return port;
}

/** Reads ports and tables by number and reserved name only; `names` adds the ports of a switch. */
export function numericCtx(names?: ReadonlyMap<string, number>): ParseCtx {
  return {
    port(text) {
      const port = parseOfPort(text, names && ((name) => names.get(name)));
      if (port === undefined) throw new UserError(`${text}: unknown port`);
      return port;
    },
    table(text) {
      if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || Number(text) > 255) throw new UserError(`unknown table "${text}"`);
      return Number(text);
    },
  };
}

/** The port that `text` names, or undefined; for syntax where other things may stand in its place. */
export function tryPort(ctx: ParseCtx, text: string): number | undefined {
  try {
    return ctx.port(text);
  } catch (e) {
    if (e instanceof UserError) return undefined;
    throw e;
  }
}
