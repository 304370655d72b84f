/** A real ovs-vswitchd and weft's OpenFlow server side by side, for any program that speaks to one of them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OpenFlowServer } from '../../src/openflow/server/server.js';
import { StubBridge } from '../../src/openflow/testing/stub-bridge.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';
import { RealOvs } from '../support/ovs.js';

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}
export interface Target {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What of a text is this run's or this machine's own. */
const OWN: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}-\d\d-\d\dT[^|]*\|\d+\|.*\n/gm, ''],
  [/duration[=:][0-9.]+s/g, 'duration=Ns'],
  [/idle_age=\d+/g, 'idle_age=N'],
  [/xid=(0x)?[0-9a-f]+/g, 'xid=N'],
  [/\/\S*\/input/g, 'FILE'],
  // The start of a message that is refused, its xid inside.
  [/^(00000000 {2}([0-9a-f]{2} ){4})([0-9a-f]{2} ){3}[0-9a-f]{2}-(.*?) \|.*\|$/gm, '$1N $4'],
];

/** Lines in any order: that of groups is nobody's promise. */
export function normal(text: string): string {
  let s = text;
  for (const [pattern, to] of OWN) s = s.replace(pattern, to);
  return s
    .split('\n')
    .map((l) => l.trimEnd())
    .filter((l) => l !== '')
    .sort()
    .join('\n');
}

/** A program that waits for ever fails its test instead of all. */
const PATIENCE_MS = 20_000;

export function run(program: string, args: readonly string[], on: Target, input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { env: on.env, maxBuffer: 64 << 20, timeout: PATIENCE_MS },
      (error, out, err) => {
        resolve({ status: error ? Number(error.code ?? 1) : 0, out, err });
      },
    );
    // A program that ends without reading its input is no fault.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

export class TwoSwitches {
  readonly ovs = new RealOvs();
  readonly bridge: StubBridge;
  readonly theirs: Target;
  readonly ours: Target;
  /** Path of `weft ofctl`, called by the other's name. */
  readonly ofctl: string;
  private readonly server: OpenFlowServer;
  private stop: () => Promise<void> = async () => {};

  private constructor(fault: (e: unknown) => void) {
    const dir = mkdtempSync(join(tmpdir(), 'weft-two-'));
    const clock = new RealClock();
    this.bridge = new StubBridge(clock);
    this.server = new OpenFlowServer(this.bridge, clock, { fault });
    this.ovs.addBridge('br0', 2, 'OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15');
    this.ofctl = join(dir, 'ovs-ofctl');
    symlinkSync(fileURLToPath(new URL('../../../bin/weft', import.meta.url)), this.ofctl);
    this.theirs = { dir: this.ovs.dir, env: { ...this.ovs.env, WEFT_RUNDIR: this.ovs.dir } };
    this.ours = { dir, env: { ...process.env, OVS_RUNDIR: dir, WEFT_RUNDIR: dir, OVS_LOGDIR: dir } };
  }

  /** `fault` is told of weft's own bugs. */
  static async start(fault: (e: unknown) => void): Promise<TwoSwitches> {
    const two = new TwoSwitches(fault);
    two.stop = await listenUnix(join(two.ours.dir, 'br0.mgmt'), (s) => void two.server.accept(s));
    return two;
  }

  async close(): Promise<void> {
    this.server.close();
    await this.stop();
    this.ovs.close();
    rmSync(this.ours.dir, { recursive: true, force: true });
  }
}
