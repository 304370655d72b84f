/** A suite that is killed leaves no program behind, and no device. */
import './isolate.js';

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';

const PROGRAM = fileURLToPath(new URL('./guarded-program.js', import.meta.url));
const refusal = labRefusal() ?? needPrograms({ setpriv: 'util-linux', unshare: 'util-linux' });
const ovs = needPrograms(OVS_PROGRAMS) === undefined;

/** Ended ones that nobody has waited for yet do not count. */
function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

async function line(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (d) => {
    text += d;
  });
  await until(() => text.includes('\n') || child.exitCode !== null, 60_000);
  return text;
}

t.test('what a killed suite started dies with it', { skip: refusal }, async (t) => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const child = spawn(process.execPath, [PROGRAM, ...(ovs ? ['--ovs'] : [])], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { ready, pids, said } = JSON.parse(await line(child));
    t.ok(ready, said);
    t.equal(pids.length, ovs ? 4 : 2);
    t.ok(pids.every(isAlive), 'all are there');
    child.kill(signal);
    t.ok(await until(() => !pids.some(isAlive), 10_000), `none is left after ${signal}`);
  }
});

t.test('a suite has devices and names of namespaces of its own', { skip: refusal }, async (t) => {
  // Two runs at once make the same names.
  const script = 'ip link add wfg9 type veth peer name wfg8 && ip netns add wfg9 && echo done';
  const body = `await import(${JSON.stringify(new URL('./isolate.js', import.meta.url).href)});
    const { spawnSync } = await import('node:child_process');
    spawnSync('sh', ['-c', ${JSON.stringify(script)}], { stdio: 'inherit' });
    setInterval(() => {}, 1000);`;
  const env = { ...process.env, WEFT_OUTSIDE: '' };
  const runs = [1, 2].map(() => spawn(process.execPath, ['--input-type=module', '-e', body], { env, stdio: 'pipe' }));
  t.teardown(() => {
    for (const r of runs) r.kill('SIGKILL');
  });
  for (const r of runs) t.equal(await line(r), 'done\n');
});
