/** The TLV map as text, and from text. */
import type { TunMapping } from '../../flow/tun-table.js';
import { UserError } from '../../lib/errors.js';
import type { Formatters } from './context.js';

const hexOr0 = (v: number, width: number): string => (v === 0 ? '0' : `0x${v.toString(16)}`).padStart(width);

function table(mappings: readonly TunMapping[]): string {
  const lines = mappings.map(
    (m) =>
      `\n ${hexOr0(m.optionClass, 6)}  ${hexOr0(m.optionType, 4)}  ${String(m.length).padStart(6)}  tun_metadata${m.index}`,
  );
  return ` mapping table:\n  class  type  length  match field\n ------  ----  ------  --------------${lines.join('')}`;
}

const COMMANDS = { add: 'ADD', delete: 'DEL', clear: 'CLEAR' } as const;

export const tlvFormatters: Formatters = {
  tlv_table_mod: ({ value: v }) => {
    const what = COMMANDS[v.command];
    return v.command === 'clear' ? `\n ${what}` : `\n ${what}${table(v.mappings)}`;
  },
  tlv_table_reply: ({ value: v }) => {
    const used = v.mappings.reduce((n, m) => n + m.length, 0);
    const limits = ` max option space=${v.space} max fields=${v.fields}\n allocated option space=${used}\n`;
    return `\n${limits}\n${table(v.mappings)}`;
  },
};

const ITEM = /^\s*\{class=(\w+),type=(\w+),len=(\w+)\}->tun_metadata(\w+)$/;

function number(text: string, max: number): number {
  const v = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(v >= 0 && v <= max)) throw new UserError('invalid tlv mapping');
  return v;
}

/** "{class=0xffff,type=0,len=4}->tun_metadata0,..." Throws UserError in ovs-ofctl's words. */
export function parseTlvMap(text: string): TunMapping[] {
  return text
    .split(/,(?=\s*\{)|\s+(?=\{)/)
    .filter((item) => item.trim() !== '')
    .map((item) => {
      const m = ITEM.exec(item);
      if (!m) throw new UserError('invalid tlv mapping');
      return {
        optionClass: number(m[1], 0xffff),
        optionType: number(m[2], 0xff),
        length: number(m[3], 0xff),
        index: number(m[4], 0xffff),
      };
    });
}
