/**
 * Mininet (Debian's) with its OVSSwitch class, as it is, on a switch of ours: node dist/test/mininet/mininet.test.js [NAME...] [--compat] [--all]. Mininet calls ovs-vsctl and
 * ovs-ofctl, which find our sockets in /var/run/openvswitch; with --compat these names are ours too. NAME: of a scenario, so that what --all does can be done in pieces, which
 * tell how long they took.
 */
import '../support/isolate.js';

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { mortal } from '../../src/cli/lab/mortal.js';
import { OUTSIDE } from '../../src/cli/lab/packages.js';
import { controllersRefusal, freePort, OsKen } from '../controllers/os-ken.js';
import { LiveSwitch } from '../support/live.js';

const HERE = fileURLToPath(new URL('../../../test/mininet/', import.meta.url));
/** Not the first python3 of the path: the packages belong to Debian's. */
const PYTHON = '/usr/bin/python3';

/**
 * Mininet ends processes by their names and empties /tmp of logs (`mn -c`): it gets processes and a /tmp of its own. The scenarios
 * stand at /mnt then, wherever the project lies.
 */
const ROOM =
  'mkdir -p /run/openvswitch && mount --bind "$RUNDIR" /run/openvswitch && mount --bind . /mnt && cd /mnt && ' +
  'mount -t tmpfs tmpfs /tmp && exec "$@"';

interface Run {
  /** Scenarios of scenarios.py. */
  readonly names: readonly string[];
  /** With `weft compat` first in PATH, else with the real programs. */
  readonly compat?: true;
}
const QUICK: readonly Run[] = [{ names: ['default', 'batch', 'patch'] }];
const FULL: readonly Run[] = [{ names: [] }, { names: ['default', 'standalone', 'of13'], compat: true }];

interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly said: string;
}

const named = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const has = (option: string): boolean => process.argv.includes(option);
const own: Run = { names: named, ...(has('--compat') && { compat: true }) };
const runs = has('--all') ? FULL : named.length > 0 || has('--compat') ? [own] : QUICK;
const refusal =
  controllersRefusal({
    mn: 'mininet',
    'ovs-vsctl': 'openvswitch-switch',
    'ovs-testcontroller': 'openvswitch-testcontroller',
    'osken-manager': 'python3-os-ken',
  }) ?? (process.env[OUTSIDE] ? undefined : 'needs network and mount namespaces of its own');

// All of it takes one and a half minutes; each ping that is lost 5 s more.
t.setTimeout(1_800_000);
for (const { names, compat } of runs) {
  t.test(
    `Mininet, ${compat ? 'weft by the names of Open vSwitch' : 'programs of Open vSwitch'}`,
    { skip: refusal },
    async (t) => {
      const port = await freePort();
      const controller = new OsKen('learning', port);
      const sw = new LiveSwitch([]);
      t.teardown(async () => {
        controller.close();
        await sw.close();
      });
      if (!(await sw.ready())) {
        t.fail(sw.output);
        return;
      }
      const env = {
        ...process.env,
        RUNDIR: sw.dir,
        REPORT: '3',
        OSKEN_PORT: String(port),
        PYTHONDONTWRITEBYTECODE: '1',
      };
      if (compat) {
        t.equal(sw.run('weft', 'compat', `${sw.dir}/bin`).status, 0);
        Object.assign(env, { PATH: `/run/openvswitch/bin:${process.env.PATH}` });
      }
      const own = ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--propagation', 'private'];
      const words = [...own, 'sh', '-c', ROOM, 'sh', PYTHON, 'scenarios.py', ...names];
      const child = spawn(...mortal('unshare', words), { cwd: HERE, env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
      let said = '';
      for (const s of [child.stdout, child.stderr]) {
        s?.on('data', (d) => {
          said += d;
        });
      }
      const report = child.stdio[3];
      if (!(report instanceof Readable)) throw new Error('a pipe can be read');
      let checks = 0;
      createInterface(report).on('line', (line) => {
        const { what, ok, said }: Check = JSON.parse(line);
        checks++;
        t.ok(ok, ok ? what : `${what}: ${said}`);
      });
      const started = Date.now();
      const status = await new Promise((resolve) => child.on('close', resolve));
      t.equal(status, 0, said);
      for (const [line] of said.matchAll(/^\S+: [\d.]+ s$/gm)) t.comment(line);
      t.comment(`${checks} checks in ${((Date.now() - started) / 1000).toFixed(1)} s`);
      t.ok(checks > 2, `${checks} checks`);
      t.notMatch(sw.output, /please report|not applied|\|ERR\|/);
    },
  );
}
