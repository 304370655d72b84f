/** Text of push_nsh: "flags=0,ttl=63,mdtype=1,np=3,spi=0x1234,si=7,c1=0x0,c2=0x0,c3=0x0,c4=0x0", or md2=0x... in place of the context. */
import { formatHex, get32, parseHex, put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { nshBytes, readNsh } from '../../packet/nsh.js';
import { parseNumber } from './members.js';

const CONTEXT = [0, 4, 8, 12] as const;
const MAX_METADATA = 244;

export function formatNsh(header: Uint8Array): string {
  const { flags, ttl, mdType, nextProtocol, path, metadata } = readNsh(header);
  const context = CONTEXT.map(
    (at, i) => `,c${i + 1}=0x${(metadata.length === 16 ? get32(metadata, at) : 0).toString(16)}`,
  );
  const rest =
    mdType === 1
      ? context.join('')
      : mdType === 2 && metadata.length > 0
        ? `,md2=0x${formatHex(metadata).replace(/^0+(?=.)/, '')}`
        : '';
  return `flags=${flags},ttl=${ttl},mdtype=${mdType},np=${nextProtocol},spi=0x${(path >>> 8).toString(16)},si=${path & 0xff}${rest}`;
}

export function parseNsh(args: Map<string, string>, item: string): Uint8Array {
  const number = (name: string, most: number): number => parseNumber(args.get(name) ?? '0', most);
  const mdType = parseNumber(args.get('mdtype') ?? '1', 0xff);
  let metadata = new Uint8Array(mdType === 1 ? 16 : 0);
  if (mdType === 1) for (const [i, at] of CONTEXT.entries()) put32(metadata, at, number(`c${i + 1}`, 0xffffffff));
  const md2 = args.get('md2');
  if (md2 !== undefined) {
    // Zeros in front are not written; options are whole words.
    const digits = md2.replace(/^0x/, '');
    metadata = new Uint8Array(parseHex(digits.padStart(Math.ceil(digits.length / 8) * 8, '0')));
    if (metadata.length % 4 !== 0 || metadata.length > MAX_METADATA) throw new UserError(`syntax error at ${item}`);
  }
  const path = number('spi', 0xffffff) * 256 + number('si', 0xff);
  return nshBytes({
    flags: number('flags', 3),
    ttl: number('ttl', 63),
    mdType,
    nextProtocol: number('np', 0xff),
    path,
    metadata,
  });
}
