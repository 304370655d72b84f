/**
 * Tunnel options in the key. The 256 bytes of K.tunMetadata are shared: a table says which option (tun_metadataN) has which bytes. A bridge has
 * one, from the controller's TLV map; text without a bridge makes one as it goes, option by option, as ovs-ofctl does.
 * A resolved option is a row like any other, so that all that works on rows works on it.
 *
 * Rules keep resolved rows, so an option never moves while it is mapped, and a bridge never changes the table it has: `changed` makes the next one.
 */
import type { TunnelOptionPlace } from '../datapath/action.js';
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import type { FieldRow } from './field.js';
import { field, part } from './rows/define.js';

export interface TunOption {
  readonly optionClass: number;
  readonly optionType: number;
  /** Bytes of the option's data. */
  readonly length: number;
  /** Of an option that a match placed for itself: did it have a mask? Then it keeps one, even of all ones. */
  readonly masked?: boolean;
}

/** An option and the N of the tun_metadataN that stands for it. */
export interface TunMapping extends TunOption {
  readonly index: number;
}

export const TUN_OPTIONS = { max: 64, space: K.tunMetadata.bytes } as const;

/** Which options a packet has, bit n for tun_metadataN: no field of its own, but written with them. */
export const TUN_PRESENT: FieldRow = field('tun_metadata_present', {
  format: 'hexadecimal',
  slot: K.tunMdPresent,
  doc: 'Which tunnel options there are.',
});

/**
 * Places that options have had in the tables of several bridges. Their tunnels may share a datapath port, where an option can have one place only, and none that
 * another has. What is not used any more keeps its place as long as there is room for others.
 */
export class TunPlaces {
  private readonly places = new Map<string, { readonly from: number; readonly n: number }>();

  private name({ optionClass, optionType, length }: TunOption): string {
    return `${optionClass} ${optionType} ${length}`;
  }

  of(option: TunOption): number | undefined {
    return this.places.get(this.name(option))?.from;
  }

  all(): Iterable<{ readonly from: number; readonly n: number }> {
    return this.places.values();
  }

  note(option: TunOption, from: number): void {
    this.places.set(this.name(option), { from, n: option.length });
  }
}

export class TunTable {
  constructor(private readonly shared?: TunPlaces) {}

  private readonly rows = new Map<number, FieldRow>();
  private readonly options = new Map<number, TunOption>();
  private lenientView: TunTable | undefined;

  /** Options in the table. */
  get size(): number {
    return this.rows.size;
  }

  /** Bytes of the key that are given away. */
  get used(): number {
    let n = 0;
    for (const o of this.options.values()) n += o.length;
    return n;
  }

  /** The row of an option with its place in the key, or undefined when the table does not have it. */
  row(row: FieldRow): FieldRow | undefined {
    return row.tunMetadata === undefined ? row : this.rows.get(row.tunMetadata);
  }

  /** As `row`. Throws NXFMFC_INVALID_TLV_FIELD when the table does not have it. */
  need(row: FieldRow): FieldRow {
    const resolved = this.row(row);
    if (!resolved) throw new UserError(`${row.name} is not in the tunnel option table`, 'NXFMFC_INVALID_TLV_FIELD');
    return resolved;
  }

  /** As this, but an option that is not in the table is nobody's fault, and no use: groups and packet-outs may name any. */
  get lenient(): TunTable {
    this.lenientView ??= new LenientTable(this);
    return this.lenientView;
  }

  option(index: number): TunOption | undefined {
    return this.options.get(index);
  }

  /** Gives bytes to an option. Throws UserError when there are no more, or it has some. */
  add(row: FieldRow, option: TunOption): FieldRow {
    const index = row.tunMetadata ?? 0;
    if (this.rows.has(index)) throw new UserError(`field ${row.name} set multiple times`, 'NXTTMFC_ALREADY_MAPPED');
    const at = this.placeFor(option);
    if (at === undefined) {
      throw new UserError(
        `field ${row.name} exceeds maximum size for tunnel metadata (used ${this.used}, max ${TUN_OPTIONS.space})`,
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
      slot: part(K.tunMetadata, at, option.length),
    };
    this.rows.set(index, resolved);
    this.options.set(index, option);
    this.shared?.note(option, at);
    return resolved;
  }

  /** The place that the option has elsewhere, else one that nobody has, else one that is free here. */
  private placeFor(option: TunOption): number | undefined {
    const { shared } = this;
    const known = shared?.of(option);
    if (known !== undefined && this.isFree(known, option.length)) return known;
    return (shared && this.gap(option.length, shared.all())) ?? this.gap(option.length);
  }

  private isFree(at: number, length: number): boolean {
    for (const { slot } of this.rows.values()) {
      const from = slot.offset - K.tunMetadata.offset;
      if (from < at + length && at < from + slot.bytes) return false;
    }
    return true;
  }

  /** The first place of so many free bytes. Options lie in one piece: after many changes a table may be full before all is given away. */
  private gap(length: number, others: Iterable<{ from: number; n: number }> = []): number | undefined {
    const own = [...this.rows.values()].map((r) => ({ from: r.slot.offset - K.tunMetadata.offset, n: r.slot.bytes }));
    const taken = [...own, ...others];
    taken.sort((a, b) => a.from - b.from);
    let at = 0;
    for (const t of taken) {
      if (at + length <= t.from) break;
      at = Math.max(at, t.from + t.n);
    }
    return at + length <= TUN_OPTIONS.space ? at : undefined;
  }

  /** This table with further options. Throws UserError with the OpenFlow error; `rowAt` gives the row of tun_metadataN. */
  with(mappings: readonly TunMapping[], rowAt: (index: number) => FieldRow): TunTable {
    const next = this.without(new Set());
    for (const { index, ...option } of mappings) {
      const isSame = (o: TunOption) => o.optionClass === option.optionClass && o.optionType === option.optionType;
      const row = rowAt(index);
      if (next.rows.has(index)) throw new UserError(`${row.name} is mapped already`, 'NXTTMFC_ALREADY_MAPPED');
      if ([...next.options.values()].some(isSame)) {
        throw new UserError(`the option of ${row.name} is mapped already`, 'NXTTMFC_DUP_ENTRY');
      }
      next.add(row, option);
    }
    return next;
  }

  /** This table without some options. */
  without(indexes: ReadonlySet<number>): TunTable {
    const next = new TunTable(this.shared);
    for (const [index, row] of this.rows) {
      const option = this.options.get(index);
      if (!option || indexes.has(index)) continue;
      next.rows.set(index, row);
      next.options.set(index, option);
    }
    return next;
  }

  /** Resolved rows, by index of the option. */
  entries(): FieldRow[] {
    return [...this.rows.entries()].sort((a, b) => a[0] - b[0]).map(([, row]) => row);
  }

  /** Options with their places in the key, for who takes them off packets. */
  places(): TunnelOptionPlace[] {
    return this.mappings().map(({ index, optionClass, optionType, length }) => {
      const at = this.rows.get(index)?.slot.offset ?? K.tunMetadata.offset;
      return { optionClass, optionType, length, index, offset: at - K.tunMetadata.offset };
    });
  }

  mappings(): TunMapping[] {
    return [...this.options].sort((a, b) => a[0] - b[0]).map(([index, option]) => ({ index, ...option }));
  }
}

class LenientTable extends TunTable {
  constructor(private readonly of: TunTable) {
    super();
  }

  override row(row: FieldRow): FieldRow | undefined {
    return this.of.row(row);
  }

  override need(row: FieldRow): FieldRow {
    return this.of.row(row) ?? row;
  }
}

/** Of bridges without a map: one object, so that what was read for one may serve another. */
export const NO_TUN_OPTIONS = new TunTable();
