/** Programs that a bench starts: daemons, and those that it waits for. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mortal } from '../../src/cli/lab/mortal.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const compiled = new Map<string, string>();

/** One of native/bench, compiled once: its path. */
export function native(name: string): string {
  const there = compiled.get(name);
  if (there !== undefined) return there;
  const built = spawnSync(join(ROOT, 'scripts/bench-native.sh'), ['--build', name], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`bench-native.sh ${name}: ${built.stderr.slice(0, 200)}`);
  const path = join(ROOT, 'build/bench', name);
  compiled.set(name, path);
  return path;
}

/** A daemon in a namespace ("" is here); `close` ends it by its own number. */
export class Daemon {
  private readonly child: ChildProcess;
  private readonly over: Promise<void>;
  output = '';

  constructor(namespace: string, env: NodeJS.ProcessEnv, ...words: readonly string[]) {
    const inside = namespace ? ['ip', 'netns', 'exec', namespace] : [];
    const [program, args] = mortal(words[0], words.slice(1));
    const [first, ...rest] = [...inside, program, ...args];
    this.child = spawn(first, rest, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const s of [this.child.stdout, this.child.stderr]) {
      s?.on('data', (d) => {
        this.output += d;
      });
    }
    this.over = new Promise((done) => this.child.on('close', () => done()));
  }

  /** ip and setpriv become the program, so it is its. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ready(condition: () => boolean, what: string): Promise<void> {
    const end = performance.now() + 30_000;
    while (!condition()) {
      if (this.child.exitCode !== null || performance.now() > end)
        throw new Error(`${what} does not start: ${this.output.slice(-300)}`);
      await sleep(5);
    }
  }

  pause(on: boolean): void {
    this.child.kill(on ? 'SIGSTOP' : 'SIGCONT');
  }

  async close(): Promise<void> {
    this.child.kill('SIGTERM');
    this.pause(false);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.over;
    clearTimeout(timer);
  }
}

/** A program to its end; throws with what it said. */
export function must(env: NodeJS.ProcessEnv, ...words: string[]): string {
  const r = spawnSync(words[0], words.slice(1), { env, encoding: 'utf8', timeout: 60_000 });
  if (r.status !== 0) throw new Error(`${words.slice(0, 5).join(' ')}: ${r.stderr || r.error?.message}`);
  return r.stdout;
}
