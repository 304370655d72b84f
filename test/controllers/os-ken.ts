/** os-ken applications as processes: each tells what it saw in lines of JSON. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { mortal } from '../../src/cli/lab/mortal.js';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';

const APPS = fileURLToPath(new URL('../../../test/controllers/', import.meta.url));
const MANAGER = '/usr/bin/osken-manager';
/** Not the first python3 of the path: the package belongs to Debian's. */
const PYTHON = '/usr/bin/python3';

/** Why the tests of real controllers cannot run here; installs what is missing when it may. */
export function controllersRefusal(programs: Readonly<Record<string, string>>): string | undefined {
  return labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', ...programs });
}

export interface Said {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.on('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const address = s.address();
      s.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export class OsKen {
  readonly said: Said[] = [];
  /** What it wrote beside JSON: its log. */
  log = '';
  private readonly child: ChildProcess;
  private rest = '';

  /** `wrapper`: a program that becomes it, with its arguments. */
  constructor(
    app: string,
    readonly port: number,
    env: Readonly<Record<string, string>> = {},
    wrapper: readonly string[] = [],
  ) {
    const args = [MANAGER, '--ofp-listen-host', '127.0.0.1', '--ofp-tcp-listen-port', String(port), `${APPS}${app}.py`];
    const [program, ...rest] = [...wrapper, PYTHON, ...args];
    this.child = spawn(...mortal(program, rest), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
    });
    this.child.stdout?.on('data', (d) => this.read(String(d)));
    this.child.stderr?.on('data', (d) => {
      this.log += d;
    });
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) this.said.push(JSON.parse(line));
      else this.log += `${line}\n`;
    }
  }

  all(event: string, like: Readonly<Record<string, unknown>> = {}): Said[] {
    return this.said.filter((s) => s.event === event && Object.entries(like).every(([k, v]) => s[k] === v));
  }

  /** Waits for something to be said, 20 seconds at most. */
  async hears(event: string, like: Readonly<Record<string, unknown>> = {}): Promise<Said | undefined> {
    await until(() => this.all(event, like).length > 0, 20_000);
    return this.all(event, like)[0];
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}
