/** Text of fields in actions: "NXM_NX_REG0[0..15]", "reg0[3]", "eth_src", "NXM_OF_ETH_DST[]". */
import { UserError } from '../lib/errors.js';
import type { Subfield } from './field.js';
import { actionName, fieldByAnyName } from './fields.js';

/** Reads a subfield at the start of `text`; `length` is how many characters it took. Throws UserError. */
export function scanSubfield(text: string): { readonly subfield: Subfield; readonly length: number } {
  const m = /^[^[-]*/.exec(text);
  const name = m ? m[0] : '';
  const field = fieldByAnyName(name);
  if (!field) throw new UserError(`${text}: unknown field \`${name}'`);
  if (text[name.length] !== '[') return { subfield: { field, ofs: 0, bits: field.bits }, length: name.length };
  const range = /^\[(?:\s*(-?\d+)\s*(?:\.\.\s*(-?\d+)\s*)?)?\]/.exec(text.slice(name.length));
  if (!range) throw new UserError(`${text}: syntax error expecting [] or [<bit>] or [<start>..<end>]`);
  const start = range[1] === undefined ? 0 : Number(range[1]);
  const end = range[1] === undefined ? field.bits - 1 : range[2] === undefined ? start : Number(range[2]);
  if (start > end) throw new UserError(`${text}: starting bit ${start} is after ending bit ${end}`);
  if (start < 0 || start >= field.bits) {
    throw new UserError(`${text}: starting bit ${start} is not valid because field is only ${field.bits} bits wide`);
  }
  if (end >= field.bits) {
    throw new UserError(`${text}: ending bit ${end} is not valid because field is only ${field.bits} bits wide`);
  }
  return { subfield: { field, ofs: start, bits: end - start + 1 }, length: name.length + range[0].length };
}

/** The whole text is one subfield. Throws UserError. */
export function parseSubfield(text: string): Subfield {
  const { subfield, length } = scanSubfield(text);
  if (length !== text.length) throw new UserError(`${text}: trailing garbage following subfield`);
  return subfield;
}

/** As ovs-ofctl prints it. */
export function formatSubfield(f: Subfield): string {
  const name = actionName(f.field);
  if (f.ofs === 0 && f.bits === f.field.bits) return `${name}[]`;
  return f.bits === 1 ? `${name}[${f.ofs}]` : `${name}[${f.ofs}..${f.ofs + f.bits - 1}]`;
}
