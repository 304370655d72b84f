/** What the real ovs-ofctl and weft's say to a line: every line is a run of `parse-flows` of its own, so that a refusal is that line's alone. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { readSettings } from '../../../src/cli/ofctl/context.js';
import { parseLine } from '../../../src/cli/ofctl/options.js';
import { printFlows } from '../../../src/cli/ofctl/print.js';
import { UserError } from '../../../src/lib/errors.js';

/** Ends each line's output. */
const MARK = '\x1e';
/** In 1.0 it shows matches otherwise when it shows bytes too: there they come from a run of their own. */
const SCRIPT = `ask() { timeout 10 ovs-ofctl -vconsole:off -O "$@" parse-flows - <<<"$line" 2>&1; }
while IFS= read -r line; do
  if [ "$1" = OpenFlow10 ]; then ask $1; ask $1 -mmmmm | grep -aE '^[0-9a-f]{8}  '; else ask $1 -mmmmm; fi
  printf '${MARK}'
done`;
const BYTES = /^[0-9a-f]{8} {2}.*\n/gm;

export const optionsOf = (version: number): string => `OpenFlow1${version}`;

function half(lines: readonly string[], version: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', SCRIPT, 'judge', optionsOf(version)], {
      env: { ...process.env, OVS_LOGDIR: tmpdir() },
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (d) => {
      out += d;
    });
    child.on('error', reject);
    child.on('close', () => resolve(out.split(MARK).slice(0, -1)));
    child.stdin.end(lines.map((l) => `${l}\n`).join(''));
  });
}

/** In the order of the lines. */
export async function realAnswers(lines: readonly string[], version: number): Promise<string[]> {
  const middle = lines.length >> 1;
  const halves = await Promise.all([half(lines.slice(0, middle), version), half(lines.slice(middle), version)]);
  return halves.flat();
}

/** weft's own `ofctl parse-flows`, without a program of its own for each line. */
function ask(line: string, version: number, more: string): string {
  const settings = readSettings(parseLine(['-O', optionsOf(version), ...(more ? [more] : [])]), 'ovs-ofctl');
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

function weftAnswer(line: string, version: number): string {
  if (version > 0) return ask(line, version, '-mmmmm');
  return ask(line, version, '') + (ask(line, version, '-mmmmm').match(BYTES) ?? []).join('');
}

export function weftAnswers(lines: readonly string[], version: number): string[] {
  return lines.map((line) => weftAnswer(line, version));
}
