/** Actions that carry bits from one field to another: move, and the stack. */
import type { Subfield } from '../../flow/field.js';
import { formatFieldValue } from '../../flow/value-text.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import type { Translator, WireReader, WireWriter } from '../context.js';
import { mustBeZero, nx, nxForm, nxOpenForm, ofForm, onf, std } from '../emit.js';
import {
  checkDestination,
  checkSource,
  formatSubfield,
  lowBits,
  parseSubfield,
  pullHeader,
  putHeader,
} from '../fields.js';
import type { ActionRow } from '../row.js';
import { splitArrow } from '../text.js';

type Move = ActionOf<'move'>;

/** "src->dst", of equal widths. */
export function parseMove(arg: string): Pick<Move, 'src' | 'dst'> {
  if (!arg.includes('->')) throw new UserError(`${arg}: missing \`->' following source`);
  const { value, dst } = splitArrow(arg);
  const a = { src: parseSubfield(value), dst: parseSubfield(dst) };
  if (a.src.bits !== a.dst.bits) {
    throw new UserError(`${arg}: source field is ${a.src.bits} bits wide but destination is ${a.dst.bits} bits wide`);
  }
  return a;
}

/** The three wire forms have the same numbers and headers, in this order. */
function putMove(w: WireWriter, a: Move, version: number): void {
  w.u16(a.dst.bits);
  w.u16(a.src.ofs);
  w.u16(a.dst.ofs);
  if (version !== 0) w.zeros(2);
  putHeader(w, a.src.field, version);
  putHeader(w, a.dst.field, version);
}

function pullMove(r: WireReader, padding: number): Pick<Move, 'src' | 'dst'> {
  const bits = r.u16();
  const srcOfs = r.u16();
  const dstOfs = r.u16();
  r.skip(padding);
  const src = { field: pullHeader(r), ofs: srcOfs, bits };
  const dst = { field: pullHeader(r), ofs: dstOfs, bits };
  mustBeZero(r);
  checkSource(src);
  checkDestination(dst);
  return { src, dst };
}

export const move: ActionRow<Move> = {
  type: 'move',
  precedent: true,
  keywords: ['move'],
  syntax: ['move:src->dst'],
  doc: 'Copies bits of a field to bits of a field of the same width.',
  set: 'sequence',
  parse: (_key, arg) => ({ type: 'move', ...parseMove(arg) }),
  format: (a) => `move:${formatSubfield(a.src)}->${formatSubfield(a.dst)}`,
  encode(a, w) {
    if (w.version >= 6) std(w, 28, () => putMove(w, a, w.version));
    else if (w.version === 4 && a.wire === 'copy_field') {
      onf(w, 3200, () => {
        w.zeros(2);
        putMove(w, a, w.version);
      });
    } else nx(w, 6, () => putMove(w, a, 0));
  },
  forms: [
    { ...nxOpenForm(6, 16, (r): Move => ({ type: 'move', ...pullMove(r, 0) })), to: 5 },
    ofForm(28, [6, 6], 16, (r): Move => ({ type: 'move', ...pullMove(r, 2), wire: 'copy_field' }), true),
    {
      space: 'onf',
      number: 3200,
      from: 4,
      to: 5,
      size: 24,
      open: true,
      decode(r) {
        r.skip(2);
        return { type: 'move', ...pullMove(r, 2), wire: 'copy_field' };
      },
    },
  ],
  check(a, state) {
    checkSource(a.src, state);
    checkDestination(a.dst, state);
    return undefined;
  },
  translate(a, x) {
    if (x.prerequisitesHold(a.src) && x.prerequisitesHold(a.dst)) {
      x.move(a.src, a.dst);
    }
    // Said also of what stayed as it was.
    noteValue(x, a.dst);
    return undefined;
  },
};

/** A whole field as its kind is written, bits of one as a number. */
function valueText(f: Subfield, value: bigint): string {
  if (f.bits === f.field.bits) return formatFieldValue(f.field, value);
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}

/** What a trace says of a field that an action worked out. */
export function noteValue(x: Translator, f: Subfield): void {
  x.note(() => `-> ${formatSubfield(f)} is now ${valueText(f, x.peek(f))}`);
}

type Stack = ActionOf<'stack_push' | 'stack_pop'>;

interface StackSpec {
  readonly type: Stack['type'];
  readonly keyword: string;
  readonly number: number;
  readonly doc: string;
  readonly check: typeof checkSource;
  readonly translate: ActionRow<Stack>['translate'];
}

function stackRow(s: StackSpec): ActionRow<Stack> {
  return {
    type: s.type,
    precedent: true,
    keywords: [s.keyword],
    syntax: [`${s.keyword}:field`],
    doc: s.doc,
    parse: (_key, arg) => ({ type: s.type, field: parseSubfield(arg) }),
    format: (a) => `${s.keyword}:${formatSubfield(a.field)}`,
    encode(a, w) {
      nx(w, s.number, () => {
        w.u16(a.field.ofs);
        const start = w.length;
        putHeader(w, a.field.field, 0);
        w.u16(a.field.bits);
        w.zeros(12 - (w.length - start));
      });
    },
    forms: [
      nxForm(s.number, 24, (r) => {
        const ofs = r.u16();
        const row = pullHeader(r);
        const field = { field: row, ofs, bits: r.u16() };
        mustBeZero(r);
        s.check(field);
        return { type: s.type, field };
      }),
    ],
    check(a, state) {
      s.check(a.field, state);
      return undefined;
    },
    translate: s.translate,
  };
}

export const stackPush = stackRow({
  type: 'stack_push',
  keyword: 'push',
  number: 27,
  doc: 'Pushes the bits of a field on the stack.',
  check: checkSource,
  translate(a, x) {
    x.stackPush(x.read(a.field), a.field.bits);
    return undefined;
  },
});

export const stackPop = stackRow({
  type: 'stack_pop',
  keyword: 'pop',
  number: 28,
  doc: 'Pops a value off the stack into the bits of a field. From an empty stack nothing is written.',
  check: checkDestination,
  translate(a, x) {
    const value = x.stackPop();
    if (value === undefined) return undefined;
    const cut = value & lowBits(a.field.bits);
    x.write(a.field, cut, lowBits(a.field.bits), 'stack');
    noteValue(x, a.field);
    return undefined;
  },
});
