/** OXM and NXM entries as ovs-ofctl writes and reads them one by one: "NXM_OF_IN_PORT(0001), NXM_OF_VLAN_TCI_W(1000/1000)". */
import { FIELDS, fieldByHeader } from '../../flow/fields.js';
import { COOKIE_EXACT, COOKIE_MASKED } from '../../flow/match-encode.js';
import { formatHex, get32, put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';

const EXPERIMENTER_CLASS = 0xffff;
const ANY = '<any>';

interface Header {
  /** The first four bytes; the length in it is that of a whole value. */
  readonly word: number;
  readonly experimenter: number;
  /** A tunnel option has as many bytes as it is given. */
  readonly anyLength: boolean;
}

const isMasked = (word: number): boolean => (word & 0x100) !== 0;
const isLong = (word: number): boolean => word >>> 16 === EXPERIMENTER_CLASS;

/** Every field by each of its names, with "_W" where it takes a mask. */
const HEADERS: ReadonlyMap<string, Header> = new Map<string, Header>([
  ['NXM_NX_COOKIE', { word: COOKIE_EXACT, experimenter: 0, anyLength: false }],
  ['NXM_NX_COOKIE_W', { word: COOKIE_MASKED, experimenter: 0, anyLength: false }],
  ...FIELDS.flatMap((row) =>
    row.ids.flatMap(({ name, class: cls, field, experimenter }) => {
      const head = ((cls << 16) | (field << 9)) >>> 0;
      const id = { experimenter: experimenter ?? 0, anyLength: row.tunMetadata !== undefined };
      const more = experimenter === undefined ? 0 : 4;
      const plain: [string, Header] = [name, { ...id, word: head + row.bytes + more }];
      const masked: [string, Header] = [`${name}_W`, { ...id, word: head + 0x100 + 2 * row.bytes + more }];
      return row.maskable === 'no' ? [plain] : [plain, masked];
    }),
  ),
]);

function nameOf(word: number, experimenter: number): string {
  if (word === COOKIE_EXACT) return 'NXM_NX_COOKIE';
  if (word === COOKIE_MASKED) return 'NXM_NX_COOKIE_W';
  const [cls, number] = [word >>> 16, (word >>> 9) & 0x7f];
  const id = fieldByHeader(cls, number, experimenter)?.ids.find(
    (i) => i.class === cls && i.field === number && (i.experimenter ?? 0) === experimenter,
  );
  return id ? `${id.name}${isMasked(word) ? '_W' : ''}` : `${cls}:${number}`;
}

/** The entries of these bytes, of whatever fields; what is cut off is counted. */
export function formatEntries(b: Uint8Array): string {
  if (b.length === 0) return ANY;
  const out: string[] = [];
  for (let at = 0; at < b.length; ) {
    const word = b.length - at >= 4 ? get32(b, at) : 0;
    const head = isLong(word) ? 8 : 4;
    const end = at + 4 + (word & 0xff);
    if (b.length - at < head || end > b.length || end < at + head) {
      out.push(`<${b.length - at} invalid bytes>`);
      break;
    }
    const payload = b.subarray(at + head, end);
    const half = isMasked(word) ? payload.length >> 1 : payload.length;
    const mask = isMasked(word) ? `/${formatHex(payload.subarray(half))}` : '';
    out.push(`${nameOf(word, head === 8 ? get32(b, at + 4) : 0)}(${formatHex(payload.subarray(0, half))}${mask})`);
    at = end;
  }
  return out.join(', ');
}

/** Where in a text one is. */
class Cursor {
  at = 0;
  constructor(readonly text: string) {}

  /** Hexadecimal bytes from here on, spaces between them or not. */
  hex(): number[] {
    const m = /^(?:[ \t]*[0-9a-fA-F]{2})*/.exec(this.text.slice(this.at));
    const found = m ? m[0] : '';
    this.at += found.length;
    return Array.from(found.matchAll(/[0-9a-fA-F]{2}/g), ([pair]) => Number.parseInt(pair, 16));
  }

  skip(pattern: RegExp): void {
    while (this.at < this.text.length && pattern.test(this.text[this.at])) this.at++;
  }
}

/** A field's name, or eight hexadecimal digits of a header. */
function headerOf(name: string): Header | undefined {
  const known = HEADERS.get(name);
  if (known || !/^[0-9a-fA-F]{8}$/.test(name)) return known;
  const word = Number.parseInt(name, 16);
  const row = fieldByHeader(word >>> 16, (word >>> 9) & 0x7f, 0);
  return { word, experimenter: 0, anyLength: row?.tunMetadata !== undefined };
}

function value(c: Cursor, want: number | undefined): number[] {
  const bytes = c.hex();
  if (want !== undefined && bytes.length !== want) {
    throw new UserError(`expected to read ${want} bytes but got ${bytes.length}`);
  }
  return bytes;
}

function entry(c: Cursor): number[] {
  const { text } = c;
  const open = text.indexOf('(', c.at);
  if (open < 0) throw new UserError(`${text}: missing ( at end of nx_match`);
  const name = text.slice(c.at, open);
  const header = headerOf(name);
  if (!header) throw new UserError(`${text}: unknown field \`${name}'`);
  c.at = open + 1;
  const masked = isMasked(header.word);
  const more = isLong(header.word) ? 4 : 0;
  const whole = (header.word & 0xff) - more;
  const want = header.anyLength ? undefined : masked ? whole >> 1 : whole;
  const bytes = value(c, want);
  if (masked) {
    c.skip(/ /);
    if (text[c.at] !== '/') throw new UserError(`${text}: missing / in masked field ${name}`);
    c.at++;
    bytes.push(...value(c, want ?? bytes.length));
  }
  c.skip(/ /);
  if (text[c.at] !== ')') throw new UserError(`${text}: missing ) following field ${name}`);
  c.at++;
  const head = new Uint8Array(4 + more);
  put32(head, 0, ((header.word & ~0xff) | (bytes.length + more)) >>> 0);
  if (more) put32(head, 4, header.experimenter);
  return [...head, ...bytes];
}

/** The inverse, of any fields that have a name or are given by number. Throws UserError in ovs-ofctl's words. */
export function parseEntries(text: string): Uint8Array {
  if (text === ANY) return new Uint8Array(0);
  const c = new Cursor(text);
  const out: number[] = [];
  for (c.skip(/[, ]/); c.at < text.length; c.skip(/[, ]/)) out.push(...entry(c));
  return Uint8Array.from(out);
}
