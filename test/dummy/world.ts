/** Open vSwitch and weft, both with dummies only, and shell scripts that run on either: all that a script prints must be the same. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';

/** A script that takes longer hangs. */
const SCRIPT_MS = 200_000;

export class DummyWorld {
  readonly ovs: RealOvs;
  readonly weft: LiveSwitch;

  /** `dummy`: which ports are dummies; all of them, unless tunnels are to be tunnels. */
  constructor(dummy = '--enable-dummy=override') {
    this.ovs = new RealOvs(dummy);
    this.weft = new LiveSwitch([dummy, '--disable-system']);
  }

  /** What it says while it fails, or nothing. */
  async ready(): Promise<string> {
    return (await this.weft.ready()) ? '' : this.weft.output;
  }

  /** What a script prints on each, both at once. */
  async both(prelude: string, script: string): Promise<{ ovs: string; weft: string }> {
    const [ovs, weft] = await Promise.all([this.ovs.dir, this.weft.dir].map((dir) => run(dir, prelude, script)));
    return { ovs, weft };
  }

  async close(): Promise<void> {
    await this.weft.close();
    this.ovs.close();
  }
}

/** Bash, in the folder of a switch that its tools take for the one that there is. What it prints, and why it failed if it did. */
export function run(dir: string, prelude: string, script: string): Promise<string> {
  const text = `${readFileSync(prelude, 'utf8')}\n${readFileSync(script, 'utf8')}`;
  const PCAP_HEX = `${process.execPath} ${fileURLToPath(new URL('./pcap-hex.js', import.meta.url))}`;
  const env = { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir, PCAP_HEX };
  const options = { cwd: dir, env, timeout: SCRIPT_MS, maxBuffer: 64 << 20 };
  return new Promise((resolve) => {
    execFile('bash', ['-c', text], options, (e, out) => resolve(e?.killed ? `${out}${e.message}` : out));
  });
}
