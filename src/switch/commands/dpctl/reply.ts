/**
 * What the dpctl family has in common: options in front of the arguments, the name of a datapath that may be left out, and replies in which text and
 * faults follow each other: what was done before the fault is told with it. Texts are those of ovs-dpctl(8) within ovs-appctl.
 */
import type { ControlCommand } from '../../../control/unixctl.js';
import { UserError } from '../../../lib/errors.js';
import { DATAPATH_NAME } from '../../datapath-text.js';

const PROGRAM = 'ovs-vswitchd';

/** Ends of fault lines. */
export const ERRNO = {
  busy: 'Device or resource busy',
  exist: 'File exists',
  invalid: 'Invalid argument',
  noDevice: 'No such device',
  noEntry: 'No such file or directory',
  noFamily: 'Address family not supported by protocol',
  notPermitted: 'Operation not permitted',
  notSupported: 'Operation not supported',
} as const;
export type Errno = keyof typeof ERRNO;

export interface DpctlOptions {
  /** -m, how often. */
  verbosity: number;
  statistics: boolean;
  mayCreate: boolean;
  zero: boolean;
  /** Names of ports in place of numbers. */
  names: boolean;
}

/** A fault that ends the command. */
class Stop extends Error {}

export class Reply {
  text = '';
  failed = false;

  line(text: string): void {
    this.text += `${text}\n`;
  }

  /** Tells of a fault and goes on. `isFailure` false: the command counts as done all the same. */
  note(text: string, errno?: Errno, isFailure = true): void {
    this.line(`${PROGRAM}: ${text}${errno ? ` (${ERRNO[errno]})` : ''}`);
    if (isFailure) this.failed = true;
  }

  /** Runs what may fail; the command counts as done all the same. */
  quietly(run: () => void): void {
    const { failed } = this;
    try {
      run();
    } catch (e) {
      if (!(e instanceof Stop)) throw e;
    }
    this.failed = failed;
  }

  fail(text: string, errno?: Errno): never {
    this.note(text, errno);
    throw new Stop();
  }

  /** Ends the command without a word more. */
  stop(): never {
    this.failed = true;
    throw new Stop();
  }
}

export interface DpctlCommand {
  readonly name: string;
  readonly usage: string;
  readonly min: number;
  readonly max: number;
  run(args: readonly string[], options: DpctlOptions, reply: Reply): void;
}

const LONG: Readonly<Record<string, (o: DpctlOptions) => void>> = {
  '--statistics': (o) => {
    o.statistics = true;
  },
  '--clear': (o) => {
    o.zero = true;
  },
  '--may-create': (o) => {
    o.mayCreate = true;
  },
  '--more': (o) => {
    o.verbosity++;
  },
};
const SHORT: Readonly<Record<string, string>> = { m: '--more', s: '--statistics' };

function parseOptions(words: readonly string[]): { options: DpctlOptions; args: readonly string[] } {
  const options: DpctlOptions = { verbosity: 0, statistics: false, mayCreate: false, zero: false, names: false };
  let names: boolean | undefined;
  let i = 0;
  for (; i < words.length; i++) {
    const word = words[i];
    if (word === '--names' || word === '--no-names') names = word === '--names';
    else if (word.startsWith('--')) {
      const apply = Object.hasOwn(LONG, word) ? LONG[word] : undefined;
      if (!apply) throw new UserError(`Unrecognized option ${word}`);
      apply(options);
    } else if (/^-./.test(word)) {
      for (const letter of word.slice(1)) {
        const long = Object.hasOwn(SHORT, letter) ? SHORT[letter] : undefined;
        if (!long) throw new UserError(`Unrecognized option -${letter}`);
        LONG[long](options);
      }
    } else break;
  }
  options.names = names ?? options.verbosity > 0;
  return { options, args: words.slice(i) };
}

export function dpctlControl(c: DpctlCommand): ControlCommand {
  return {
    name: `dpctl/${c.name}`,
    usage: c.usage,
    min: c.min,
    max: c.max,
    run(words) {
      const { options, args } = parseOptions(words);
      const reply = new Reply();
      try {
        c.run(args, options, reply);
      } catch (e) {
        if (e instanceof UserError) throw new UserError(`${reply.text}${PROGRAM}: ${e.message}`);
        if (!(e instanceof Stop)) throw e;
      }
      if (reply.failed) throw new UserError(reply.text);
      return reply.text;
    },
  };
}

/** What scripts made for the kernel's datapath call it; there is one datapath here. */
const ALIASES: ReadonlySet<string> = new Set([
  DATAPATH_NAME,
  'system@ovs-system',
  'ovs-system',
  'dummy@ovs-dummy',
  'ovs-dummy',
]);
export function isDatapath(name: string | undefined): boolean {
  return name !== undefined && ALIASES.has(name);
}

/** Takes the datapath's name off the arguments where it is there. With as many arguments as are allowed one of them must be it. */
export function optionalDatapath(args: readonly string[], max: number, reply: Reply): readonly string[] {
  if (isDatapath(args[0])) return args.slice(1);
  if (args.length === max) reply.fail('datapath not found', 'invalid');
  return args;
}
