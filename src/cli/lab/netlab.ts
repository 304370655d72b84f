/**
 * A small laboratory: network namespaces, veth pairs and commands in them, for the demo, the benchmarks and the tests. Everything it
 * makes has its prefix in its name, and `close` removes all of it and ends every process it started, also after a failure.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mortal } from './mortal.js';

export class LabError extends Error {}

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

export class NetLab {
  private readonly namespaces: string[] = [];
  private readonly links: string[] = [];
  private readonly children = new Set<ChildProcess>();

  /** `prefix`: at most 6 characters, part of every name; another lab of the same prefix must not exist. */
  constructor(readonly prefix: string) {}

  /** Runs a program to its end. Throws LabError with what it said when its status is not 0, unless `allow`. */
  run(command: string, args: readonly string[], allow = false): Ran {
    const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20 });
    if (r.error) throw new LabError(`cannot run ${command}: ${r.error.message}`);
    const out = { status: r.status ?? 1, stdout: r.stdout, stderr: r.stderr };
    if (out.status !== 0 && !allow) {
      throw new LabError(
        `${command} ${args.join(' ')}: ${(out.stderr || out.stdout).trim() || `status ${out.status}`}`,
      );
    }
    return out;
  }

  ip(text: string): string {
    return this.run('ip', text.split(' ')).stdout;
  }

  /** Makes a namespace and returns its full name. */
  namespace(name: string): string {
    const full = `${this.prefix}${name}`;
    this.run('ip', ['netns', 'del', full], true);
    this.ip(`netns add ${full}`);
    this.namespaces.push(full);
    this.ip(`-n ${full} link set lo up`);
    return full;
  }

  /** A host: a namespace with device e0 (address CIDR, MAC), whose other end, the returned device, stays outside and is up. */
  host(name: string, options: { address?: string; mac?: string; mtu?: number; outer?: string } = {}): Host {
    const ns = this.namespace(name);
    const outer = options.outer ?? `${this.prefix}${name}`;
    this.veth(outer, 'e0', ns);
    if (options.mac) this.ip(`-n ${ns} link set e0 address ${options.mac}`);
    if (options.mtu) {
      this.ip(`-n ${ns} link set e0 mtu ${options.mtu}`);
      this.ip(`link set ${outer} mtu ${options.mtu}`);
    }
    if (options.address)
      this.ip(`-n ${ns} addr add ${options.address} dev e0 ${options.address.includes(':') ? 'nodad' : ''}`.trim());
    this.ip(`-n ${ns} link set e0 up`);
    return { name, ns, outer };
  }

  /** A veth pair: `outer` here, `inner` in namespace `ns` ("" is here too). Both are up but the inner one of a namespace. */
  veth(outer: string, inner: string, ns = ''): void {
    this.run('ip', ['link', 'del', outer], true);
    this.ip(`link add ${outer} type veth peer name ${inner}${ns ? ` netns ${ns}` : ''}`);
    this.links.push(outer);
    this.ip(`link set ${outer} up`);
    if (!ns) this.ip(`link set ${inner} up`);
  }

  /** A program in a namespace, to its end. */
  inside(ns: string, command: string, ...args: string[]): Ran {
    return this.run('ip', ['netns', 'exec', ns, command, ...args], true);
  }

  /** The same without blocking this process, which may be the switch itself. */
  insideAsync(ns: string, command: string, ...args: string[]): Promise<Ran> {
    return this.startAsync('ip', ['netns', 'exec', ns, command, ...args]).done;
  }

  /**
   * Pings, one after the other: the milliseconds of those that were answered. Each is a program of its own, since one that sends several waits for the answer to its last,
   * once it had any, no longer than its interval, and says of what comes later on a busy machine that it was lost.
   */
  async pings(ns: string, to: string, count: number, waitSeconds = 5, ...more: string[]): Promise<number[]> {
    const times: number[] = [];
    for (let n = 0; n < count; n++) {
      const r = await this.insideAsync(ns, 'ping', '-c', '1', '-W', String(waitSeconds), ...more, to);
      const ms = / time=([\d.]+) ms/.exec(r.stdout);
      if (r.status === 0 && ms) times.push(Number(ms[1]));
    }
    return times;
  }

  /** Starts a program that `close` will end, and that does not outlive this process. */
  startAsync(command: string, args: readonly string[]): { child: ChildProcess; done: Promise<Ran> } {
    const child = spawn(...mortal(command, args), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.add(child);
    const out: Ran = { status: 1, stdout: '', stderr: '' };
    child.stdout?.on('data', (d) => {
      out.stdout += d;
    });
    child.stderr?.on('data', (d) => {
      out.stderr += d;
    });
    const done = new Promise<Ran>((resolve) => {
      child.on('error', (e) => {
        out.stderr += e.message;
        resolve(out);
      });
      child.on('close', (status) => {
        this.children.delete(child);
        out.status = status ?? 1;
        resolve(out);
      });
    });
    return { child, done };
  }

  close(): void {
    for (const c of this.children) c.kill('SIGKILL');
    for (const l of this.links) this.run('ip', ['link', 'del', l], true);
    for (const n of this.namespaces) this.run('ip', ['netns', 'del', n], true);
    this.links.length = 0;
    this.namespaces.length = 0;
  }
}

export interface Host {
  readonly name: string;
  readonly ns: string;
  /** The device outside. */
  readonly outer: string;
}

/** Waits until `condition` holds, looking every few milliseconds; false when `ms` passed without. */
export async function until(condition: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > end) return false;
    await new Promise((r) => setTimeout(r, 5));
  }
}

/** May this process make namespaces and devices? Otherwise the reason, for a skipped test. */
export function labRefusal(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root (or run it under: unshare --user --map-root-user --net --mount)';
  const r = spawnSync('ip', ['-V']);
  if (r.error) return 'needs iproute2 (ip)';
  return undefined;
}
