import { UserError } from '../lib/errors.js';
import { ERROR_ROWS } from './data/errors.js';

export type OfErrorName = (typeof ERROR_ROWS)[number][0];

/** Vendors (experimenters) that errors and messages of ours name. */
export const VENDOR = { nicira: 0x2320, onf: 0x4f4e4600 } as const;

export interface ErrorCode {
  /** 0 for OpenFlow's own, else the experimenter whose numbers these are. */
  readonly vendor: number;
  readonly type: number;
  readonly code: number;
}

/** Where an error stands, by version. */
type Places = ReadonlyMap<number, ErrorCode>;

/** Rows by name, and those that were asked for: most runs of a program meet no error, and reading all rows is felt when it starts. */
const rows: ReadonlyMap<string, string> = new Map(ERROR_ROWS);
const read = new Map<string, Places>();
const keyOf = (version: number, e: ErrorCode) => `${version}/${e.vendor}/${e.type}/${e.code}`;
/** Of all rows, from the first question on; empty before. */
const byCode = new Map<string, string>();

function placesOf(name: string): Places | undefined {
  const known = read.get(name);
  const row = rows.get(name);
  if (known || row === undefined) return known;
  const places = readRow(name, row);
  read.set(name, places);
  return places;
}

function readRow(name: string, row: string): Places {
  const versions = new Map<number, ErrorCode>();
  for (const place of row.split(', ')) {
    const m = /^(\d)-(\d) (?:(nx|onf) )?(\d+):(\d+)$/.exec(place);
    if (!m) throw new Error(`weft bug: error row ${name}: ${place}`);
    const vendor = m[3] === 'nx' ? VENDOR.nicira : m[3] === 'onf' ? VENDOR.onf : 0;
    const code = { vendor, type: Number(m[4]), code: Number(m[5]) };
    for (let v = Number(m[1]); v <= Number(m[2]); v++) versions.set(v, code);
  }
  return versions;
}

/** A UserError that carries a row of the table; the compiler checks the name. */
export function ofError(name: OfErrorName, message: string = name): UserError {
  return new UserError(message, name);
}

/** Where an error stands in a version. An error that the version cannot express becomes NXBRC_UNENCODABLE_ERROR. */
export function errorCode(name: string, version: number): ErrorCode {
  const code = placesOf(name)?.get(version) ?? placesOf('NXBRC_UNENCODABLE_ERROR')?.get(version);
  return code ?? { vendor: 0, type: 1, code: 1 };
}

export function errorName(version: number, e: ErrorCode): string | undefined {
  if (byCode.size === 0) {
    for (const name of rows.keys()) {
      // The first of those that share a place has it.
      for (const [v, code] of placesOf(name) ?? []) if (!byCode.has(keyOf(v, code))) byCode.set(keyOf(v, code), name);
    }
  }
  return byCode.get(keyOf(version, e));
}
