import { UserError } from '../lib/errors.js';

/** Programs that print a figure, one row each: name, what it measures, file beside this one. */
const BENCHES: readonly (readonly [string, string])[] = [
  ['forward', 'packets a second through one worker, memory to memory'],
  ['upcall', 'new flows a second through the pipeline'],
];

const USAGE =
  'usage: weft bench WHAT [ARG...]\n' +
  BENCHES.map(([name, what]) => `  ${name.padEnd(8)} ${what}\n`).join('') +
  '\nweft bench WHAT --help tells more.\n';

interface Bench {
  main(args: readonly string[]): Promise<void>;
}

export async function main(args: readonly string[], program: string): Promise<number> {
  const [what, ...rest] = args;
  if (what === undefined || what === '--help') {
    process.stdout.write(USAGE);
    return what === undefined ? 1 : 0;
  }
  try {
    if (!BENCHES.some(([name]) => name === what)) throw new UserError(`no bench is called '${what}'`);
    const bench = (await import(`./bench/${what}.js`)) as Bench;
    await bench.main(rest);
    return 0;
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    process.stderr.write(`${program}: ${e.message}\n`);
    return 1;
  }
}
