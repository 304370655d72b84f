/** What the database says of workers and receive queues, in the words of ovs-vswitchd.conf.db(5). */

export type Assign = 'cycles' | 'roundrobin' | 'group';

export interface AutoBalance {
  readonly on: boolean;
  /** Minutes between two looks. */
  readonly interval: number;
  /** Percent of a worker's time from which on it has too much to do. */
  readonly load: number;
  /** Percent by which the variance of loads has to shrink. */
  readonly improvement: number;
}

export interface SteeringSettings {
  /** Processors that have a worker, ascending; undefined: as the program was started. */
  readonly processors: readonly number[] | undefined;
  readonly assign: Assign;
  /** A worker that a queue was pinned to gets no others. */
  readonly isolate: boolean;
  readonly balance: AutoBalance;
}

const ASSIGNS: readonly Assign[] = ['cycles', 'roundrobin', 'group'];

/** Bits of a hexadecimal mask; undefined: it is none. */
export function maskBits(text: string): number[] | undefined {
  const hex = /^(?:0x)?([0-9a-f]+)$/i.exec(text.trim())?.[1];
  if (hex === undefined) return undefined;
  const out: number[] = [];
  [...hex].reverse().forEach((digit, i) => {
    const n = Number.parseInt(digit, 16);
    for (let bit = 0; bit < 4; bit++) if (n & (1 << bit)) out.push(4 * i + bit);
  });
  return out;
}

function whole(text: string | undefined, otherwise: number, lo: number, hi: number): number {
  const n = /^\d{1,6}$/.test(text ?? '') ? Number(text) : otherwise;
  return n < lo || n > hi ? otherwise : n;
}

/** `exist`: processors that there are. What cannot be is told to `say` and left out. */
export function steeringSettings(
  config: ReadonlyMap<string, string>,
  exist: readonly number[],
  say: (text: string) => void,
): SteeringSettings {
  const mode = config.get('pmd-rxq-assign') ?? 'cycles';
  const assign = ASSIGNS.find((a) => a === mode) ?? 'cycles';
  if (assign !== mode) say("Unsupported rx queue to PMD assignment mode in pmd-rxq-assign. Defaulting to 'cycles'.");
  const isolate = config.get('pmd-rxq-isolate') !== 'false' || assign !== 'group';
  if (isolate && config.get('pmd-rxq-isolate') === 'false')
    say('pmd-rxq-isolate can only be set false when using pmd-rxq-assign=group');
  const balance = {
    on: config.get('pmd-auto-lb') === 'true',
    interval: whole(config.get('pmd-auto-lb-rebal-interval'), 1, 0, 20_000) || 1,
    load: whole(config.get('pmd-auto-lb-load-threshold'), 95, 0, 100),
    improvement: whole(config.get('pmd-auto-lb-improvement-threshold'), 25, 0, 100),
  };
  return { processors: processorsOf(config.get('pmd-cpu-mask'), exist, say), assign, isolate, balance };
}

function processorsOf(
  mask: string | undefined,
  exist: readonly number[],
  say: (text: string) => void,
): readonly number[] | undefined {
  if (mask === undefined || mask === '') return undefined;
  const bits = maskBits(mask);
  if (!bits) {
    say(`pmd-cpu-mask: "${mask}" is no hexadecimal mask; workers stay as the program was started`);
    return undefined;
  }
  const usable = bits.filter((b) => exist.includes(b)).slice(0, MOST_WORKERS);
  const not = bits.filter((b) => !exist.includes(b));
  if (not.length > 0) say(`pmd-cpu-mask: there is no processor ${not.join(', ')} for a worker`);
  if (usable.length > 0) return usable;
  say('pmd-cpu-mask names no processor that there is; workers stay as the program was started');
  return undefined;
}

const MOST_WORKERS = 64;

/** "queue:core,...": core by queue. What is not of that form is told and left out. */
export function affinityOf(text: string, say: (text: string) => void): ReadonlyMap<number, number> {
  const out = new Map<number, number>();
  for (const pair of text.split(',').filter((p) => p !== '')) {
    const m = /^\s*(\d{1,4})\s*:\s*(\d{1,4})\s*$/.exec(pair);
    if (m) out.set(Number(m[1]), Number(m[2]));
    else say(`pmd-rxq-affinity: "${pair}" is not QUEUE:CORE`);
  }
  return out;
}
