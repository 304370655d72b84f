/** OVS-DPDK as a peer: bench/peers/ovs-dpdk-forward, which is told case after case and answers each with a line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { mortal } from '../../src/cli/lab/mortal.js';
import { installPackages, needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { PEERS } from './files.js';
import { Missing, type Session, type Turn } from './row.js';

const PROGRAM = '/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk';
const PACKAGES = ['openvswitch-switch-dpdk', 'librte-meta-net', 'librte-meta-bus', 'librte-meta-mempool'];
const PAGES = '/proc/sys/vm/nr_hugepages';
/** Its own packet buffers, a GiB of pages, and the rest of the switch. */
const FREE_MB = 3000;

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'OVS-DPDK needs root (huge pages)';
  const common = needPrograms(OVS_PROGRAMS);
  if (common) return common;
  if (!existsSync(PROGRAM)) installPackages(PACKAGES);
  if (!existsSync(PROGRAM)) return `not installed: OVS-DPDK (Debian packages: ${PACKAGES.join(' ')})`;
  if (!existsSync(PAGES)) return 'the kernel has no huge pages';
  const free = Number(/MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 1024;
  return free < FREE_MB ? `OVS-DPDK needs ${FREE_MB} MB of free memory, there are ${Math.round(free)}` : undefined;
}

export class Dpdk implements Session {
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterableIterator<string>;
  private readonly reader: Interface;
  private errors = '';

  constructor(turn: Turn) {
    const refused = whyNot();
    if (refused) throw new Missing(refused);
    const env = { ...process.env, SECONDS_EACH: String(turn.seconds) };
    this.child = spawn(...mortal(join(PEERS, 'ovs-dpdk-forward'), ['-']), { env, stdio: 'pipe' });
    this.child.stderr?.on('data', (d) => {
      this.errors += d;
    });
    if (!this.child.stdout) throw new Error('no pipe');
    this.reader = createInterface({ input: this.child.stdout });
    this.answers = this.reader[Symbol.asyncIterator]();
  }

  /** A case of that program: million packets a second of its worker's processor time. */
  async measure(name: string): Promise<number> {
    this.child.stdin?.write(`${name}\n`);
    const { value, done } = await this.answers.next();
    if (done) throw new Error(`ovs-dpdk-forward ended: ${this.errors.trim().split('\n').slice(-3).join(' ')}`);
    const [said, , , mpps] = String(value).split(' ');
    if (!said.startsWith(name) || !(Number(mpps) > 0)) throw new Error(`ovs-dpdk-forward says "${value}"`);
    return Number(mpps);
  }

  /** It ends its daemons when its input ends. */
  async close(): Promise<void> {
    const over = new Promise((done) => this.child.on('close', done));
    const ended = this.child.exitCode !== null || this.child.signalCode !== null;
    this.child.stdin?.end();
    this.reader.close();
    if (!ended) await over;
  }
}
