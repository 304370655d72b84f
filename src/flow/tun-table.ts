/**
 * Tunnel options in the key. The 256 bytes of K.tunMetadata are shared: a table says which option (tun_metadataN) has which bytes. A bridge has
 * one, from the controller's TLV map; text without a bridge makes one as it goes, option by option, as ovs-ofctl does.
 * A resolved option is a row like any other, so that all that works on rows works on it.
 */
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import type { FieldRow } from './field.js';
import { part } from './rows/define.js';

export interface TunOption {
  readonly optionClass: number;
  readonly optionType: number;
  /** Bytes of the option's data. */
  readonly length: number;
}

export class TunTable {
  private readonly rows = new Map<number, FieldRow>();
  private readonly options = new Map<number, TunOption>();
  private used = 0;

  /** The row of an option with its place in the key, or undefined when the table does not have it. */
  row(row: FieldRow): FieldRow | undefined {
    return row.tunMetadata === undefined ? row : this.rows.get(row.tunMetadata);
  }

  option(index: number): TunOption | undefined {
    return this.options.get(index);
  }

  /** Gives bytes to an option. Throws UserError when there are no more, or it has some. */
  add(row: FieldRow, option: TunOption): FieldRow {
    const index = row.tunMetadata ?? 0;
    if (this.rows.has(index)) throw new UserError(`field ${row.name} set multiple times`, 'NXTTMFC_DUP_ENTRY');
    if (this.used + option.length > K.tunMetadata.bytes) {
      const max = K.tunMetadata.bytes;
      throw new UserError(
        `field ${row.name} exceeds maximum size for tunnel metadata (used ${this.used}, max ${max})`,
        'NXTTMFC_TABLE_FULL',
      );
    }
    const bits = option.length * 8;
    const resolved: FieldRow = {
      ...row,
      bits,
      bytes: option.length,
      valid: (1n << BigInt(bits)) - 1n,
      validLow: Number(((1n << BigInt(bits)) - 1n) & 0xffffffffn),
      slot: part(K.tunMetadata, this.used, option.length),
    };
    this.used += option.length;
    this.rows.set(index, resolved);
    this.options.set(index, option);
    return resolved;
  }

  /** Resolved rows, by index of the option. */
  entries(): FieldRow[] {
    return [...this.rows.entries()].sort((a, b) => a[0] - b[0]).map(([, row]) => row);
  }
}
