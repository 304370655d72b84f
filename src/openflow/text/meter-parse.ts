/** Meters as ovs-ofctl(8) writes them, and the words with which it refuses them. */
import { parseU8, splitWords } from '../../action/text.js';
import { METER, METER_FLAG } from '../../flowtable/meters.js';
import { UserError } from '../../lib/errors.js';
import { BAND_TYPES, type MeterModMessage, type WireBand } from '../messages/meter.js';
import { parseWord32 } from './number.js';

const COMMANDS = { add: 0, modify: 1, delete: 2 } as const;
/** `ask`: which meter a request is about. */
export type MeterCommand = keyof typeof COMMANDS | 'ask';

const SPACES = /[, \t\r\n]+/;
const SPACES_OR_EQUALS = /[=, \t\r\n]+/;

/** Words one after the other: a name ends at "=" too, a value does not. */
class Words {
  private rest: string;

  constructor(text: string) {
    this.rest = text;
  }

  private next(separators: RegExp, leading: RegExp): string | undefined {
    const text = this.rest.replace(leading, '');
    if (text === '') return undefined;
    const [word] = splitWords(text, separators);
    this.rest = text.slice(word.length + 1);
    return word;
  }

  name(): string | undefined {
    return this.next(SPACES_OR_EQUALS, /^[=, \t\r\n]+/);
  }

  valueOf(name: string): string {
    const value = this.next(SPACES, /^[, \t\r\n]+/);
    if (value === undefined) throw new UserError(`field ${name} missing value`);
    return value;
  }
}

const RESERVED: Readonly<Record<string, number>> = {
  all: METER.all,
  controller: METER.controller,
  slowpath: METER.slowpath,
};

function parseId(text: string): number {
  const reserved = RESERVED[text];
  if (reserved !== undefined) return reserved;
  const id = parseWord32(text);
  if (id === 0 || id > METER.max) throw new UserError('invalid value for meter');
  return id;
}

function isFlag(word: string): word is keyof typeof METER_FLAG {
  return Object.hasOwn(METER_FLAG, word);
}

function parseHead(text: string, withFlags: boolean): { id: number; flags: number } {
  let id = 0;
  let flags = 0;
  const words = new Words(text);
  for (let name = words.name(); name !== undefined; name = words.name()) {
    if (withFlags && isFlag(name)) {
      flags |= METER_FLAG[name];
      continue;
    }
    const value = words.valueOf(name);
    if (name !== 'meter') throw new UserError(`unknown keyword ${name}`);
    id = parseId(value);
  }
  if (id === 0) throw new UserError("must specify 'meter'");
  if (withFlags && flags === 0) throw new UserError("meter must specify either 'kbps' or 'pktps'");
  return { id, flags };
}

type Band = { -readonly [K in keyof WireBand]: WireBand[K] };

function parseBands(text: string): Band[] {
  const bands: Band[] = [];
  const words = new Words(text);
  for (let name = words.name(); name !== undefined; name = words.name()) {
    const value = words.valueOf(name);
    const band = bands.at(-1);
    if (name === 'type') {
      const type = BAND_TYPES.findIndex((t) => t === value);
      if (type <= 0) throw new UserError(`field ${name} unknown value ${value}`);
      bands.push({ type, rate: 0, burst: 0, precLevel: 0 });
    } else if (!band) throw new UserError("band must start with the 'type' keyword");
    else if (name === 'rate') band.rate = parseWord32(value);
    else if (name === 'burst_size') band.burst = parseWord32(value);
    else if (name === 'prec_level') band.precLevel = parseU8(value, name);
    else throw new UserError(`unknown keyword ${name}`);
  }
  if (bands.length === 0) throw new UserError('meter must have bands');
  return bands;
}

function checkBand(b: WireBand, flags: number): void {
  const remark = BAND_TYPES[b.type] === 'dscp_remark';
  if (remark && b.precLevel === 0) throw new UserError("'dscp_remark' band must have 'prec_level'");
  if (!remark && b.precLevel !== 0) throw new UserError("Only 'dscp_remark' band may have 'prec_level'");
  if (b.rate === 0) throw new UserError("band must have 'rate'");
  const burst = (flags & METER_FLAG.burst) !== 0;
  if (burst && b.burst === 0) throw new UserError("band must have 'burst_size' when 'burst' flag is set");
  if (!burst && b.burst !== 0) throw new UserError("band may have 'burst_size' only when 'burst' flag is set");
}

/** "meter=1,kbps,burst,band=type=drop,rate=100,burst_size=50". Throws UserError in ovs-ofctl's words. */
export function parseMeter(text: string, command: MeterCommand): MeterModMessage {
  const number = command === 'ask' ? 0 : COMMANDS[command];
  if (command === 'delete' || command === 'ask') return { command: number, ...parseHead(text, false), bands: [] };
  const at = text.indexOf('band');
  const equals = at < 0 ? -1 : text.indexOf('=', at);
  if (equals < 0) throw new UserError('must specify bands');
  const head = parseHead(text.slice(0, at), true);
  const bands = parseBands(text.slice(equals + 1));
  for (const b of bands) checkBand(b, head.flags);
  return { command: number, ...head, bands };
}
