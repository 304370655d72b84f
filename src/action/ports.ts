/** OpenFlow ports in text, and between the 16 bits of OpenFlow 1.0 (and of most extensions) and the 32 bits of the rest. */
import { OFPP } from '../flow/field.js';
import { UserError } from '../lib/errors.js';
import type { ParseCtx } from './context.js';

const RESERVED: ReadonlyMap<number, string> = new Map([
  [OFPP.unset, 'UNSET'],
  [OFPP.inPort, 'IN_PORT'],
  [OFPP.table, 'TABLE'],
  [OFPP.normal, 'NORMAL'],
  [OFPP.flood, 'FLOOD'],
  [OFPP.all, 'ALL'],
  [OFPP.controller, 'CONTROLLER'],
  [OFPP.local, 'LOCAL'],
  [OFPP.none, 'ANY'],
]);

const BY_NAME: ReadonlyMap<string, number> = new Map(
  [...RESERVED].map(([n, name]) => [name, n]).concat([['NONE', OFPP.none]]) as [string, number][],
);

/** Numbers from 0xff00 to 0xffff stand for those that end the 32-bit range. */
export function port32(port16: number): number {
  return port16 >= 0xff00 ? port16 + 0xffff0000 : port16;
}

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
  if (!isOutputPort(port)) throw new UserError(`${formatPort(port)} is no port to output to`, 'OFPBAC_BAD_OUT_PORT');
  return port;
}

/** A reserved name, the name from `names` (quoted where it could be mistaken), or the number. */
export function formatPort(port: number, names?: ReadonlyMap<number, string>): string {
  const reserved = RESERVED.get(port);
  if (reserved) return reserved;
  const name = names?.get(port);
  if (name !== undefined) return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name) ? name : JSON.stringify(name);
  return String(port16(port));
}

/** A number up to 65535 or a reserved name in any case; undefined for other text. */
export function parsePortText(text: string): number | undefined {
  const reserved = BY_NAME.get(text.toUpperCase());
  if (reserved !== undefined) return reserved;
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) return undefined;
  const n = Number(text);
  if (n >= OFPP.max && n <= OFPP.none) return n;
  return n <= 0xffff ? port32(n) : undefined;
}

/** Reads ports and tables by number and reserved name only; `names` adds the ports of a switch. */
export function numericCtx(names?: ReadonlyMap<string, number>): ParseCtx {
  return {
    port(text) {
      const bare = text.startsWith('"') ? String(JSON.parse(text)) : text;
      const port = names?.get(bare) ?? parsePortText(bare);
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
