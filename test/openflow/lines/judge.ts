/** What the real ovs-ofctl and weft's say to a line: every line is a run of `parse-flows` of its own, so that a refusal is that line's alone. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { readSettings } from '../../../src/cli/ofctl/context.js';
import { parseLine } from '../../../src/cli/ofctl/options.js';
import { printFlows } from '../../../src/cli/ofctl/print.js';
import { UserError } from '../../../src/lib/errors.js';

/** Ends each line's output. */
const MARK = '\x1e';
export const optionsOf = (version: number): string => `OpenFlow1${version}`;

function half(lines: readonly string[], ask: string, args: readonly string[]): Promise<string[]> {
  const script = `while IFS= read -r line; do ${ask} 2>&1; printf '${MARK}'; done`;
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', script, 'judge', ...args], { env: { ...process.env, OVS_LOGDIR: tmpdir() } });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (d) => {
      out += d;
    });
    child.on('error', reject);
    child.on('close', () => resolve(out.split(MARK).slice(0, -1)));
    child.stdin.end(lines.map((l) => `${l}\n`).join(''));
  });
}

/** What two shells print for each line, in the order of the lines. `ask` is a command about "$line"; "$1" and so on are its `args`. */
export async function askEach(lines: readonly string[], ask: string, ...args: string[]): Promise<string[]> {
  const middle = lines.length >> 1;
  const halves = await Promise.all([half(lines.slice(0, middle), ask, args), half(lines.slice(middle), ask, args)]);
  return halves.flat();
}

export const OVS_OFCTL = 'timeout 10 ovs-ofctl -vconsole:off';

/** In the order of the lines. */
export function realAnswers(lines: readonly string[], version: number): Promise<string[]> {
  return askEach(lines, `${OVS_OFCTL} -O "$1" -mmmmm parse-flows - <<<"$line"`, optionsOf(version));
}

export function realGroupAnswers(lines: readonly string[], version: number): Promise<string[]> {
  return askEach(lines, `${OVS_OFCTL} -O "$1" -mmmmm parse-group "$line"`, optionsOf(version));
}

/** weft's own `ofctl parse-flows`, without a program of its own for each line. */
function weftAnswer(line: string, version: number): string {
  const settings = readSettings(parseLine(['-O', optionsOf(version), '-mmmmm']), 'ovs-ofctl');
  let out = '';
  const add = (text: string): void => {
    out += text;
  };
  const io = { out: add, err: add, isTty: false };
  try {
    printFlows({ settings, io, openClients: new Set(), args: ['-'] }, `${line}\n`, '-');
  } catch (e) {
    if (!(e instanceof UserError)) return `${out}${e instanceof Error ? e.stack : e}\n`;
    out = `ovs-ofctl: ${e.message}\n${out}`;
  }
  return out;
}

export function weftAnswers(lines: readonly string[], version: number): string[] {
  return lines.map((line) => weftAnswer(line, version));
}
