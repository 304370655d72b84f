/** Text of OpenFlow ports: numbers, reserved names, and names of real ports where the caller knows them. */
import { OFPP } from './field.js';

const RESERVED: readonly (readonly [string, number])[] = [
  ['IN_PORT', OFPP.inPort],
  ['TABLE', OFPP.table],
  ['NORMAL', OFPP.normal],
  ['FLOOD', OFPP.flood],
  ['ALL', OFPP.all],
  ['CONTROLLER', OFPP.controller],
  ['LOCAL', OFPP.local],
  ['ANY', OFPP.none],
  ['UNSET', OFPP.unset],
  ['NONE', OFPP.none],
];
const byName = new Map(RESERVED);
const byNumber = new Map<number, string>();
for (const [name, number] of RESERVED) if (!byNumber.has(number)) byNumber.set(number, name);

/** A port name to its number; undefined for no such port. */
export type PortLookup = (name: string) => number | undefined;

/**
 * The 32-bit port number, or undefined. Takes the numbers of OpenFlow 1.0 (below 0xffff, the reserved ones translated) and of later versions,
 * reserved names in either case, and names that `lookup` knows, which may be quoted.
 */
export function parseOfPort(text: string, lookup?: PortLookup): number | undefined {
  if (/^\d+$/.test(text)) {
    const n = Number(text);
    if (n < 0xff00) return n;
    if (n <= 0xffff) return (n | 0xffff0000) >>> 0;
    return n >= 0xffffff00 && n <= 0xffffffff ? n : undefined;
  }
  const reserved = byName.get(text.toUpperCase());
  if (reserved !== undefined) return reserved;
  return lookup?.(/^".*"$/.test(text) ? text.slice(1, -1) : text);
}

/** A reserved name, a known name (quoted when it could be mistaken), or the number. */
export function formatOfPort(port: number, names?: ReadonlyMap<number, string>): string {
  const reserved = byNumber.get(port);
  if (reserved !== undefined) return reserved;
  const name = names?.get(port);
  if (name === undefined) return String(port >= OFPP.max ? port & 0xffff : port);
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name) ? name : JSON.stringify(name);
}
