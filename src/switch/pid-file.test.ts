import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { formerHasGone } from './pid-file.js';

t.test('a killed switch is waited for until it has let go', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-pid-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const pidFile = join(dir, 'ovs-vswitchd.pid');
  const known = (pid: number, state: string, cmdline: string, tasks: number) => {
    const at = join(dir, String(pid));
    for (let i = 0; i < tasks; i++) mkdirSync(join(at, 'task', String(pid + i)), { recursive: true });
    writeFileSync(join(at, 'status'), `Name:\tovs-vswitchd\nState:\t${state}\n`);
    writeFileSync(join(at, 'cmdline'), cmdline);
    return at;
  };
  known(10, 'S (sleeping)', 'ovs-vswitchd\0', 5);
  known(11, 'Z (zombie)', '', 1);
  for (const [text, why] of [
    ['10\n', 'it lives: the lock says so'],
    ['11\n', 'a zombie has nothing open'],
    ['12\n', 'gone'],
    ['', 'nothing written'],
    ['no number', 'not a number'],
  ] as const) {
    writeFileSync(pidFile, text);
    await formerHasGone(pidFile, dir);
    t.pass(why);
  }
  await formerHasGone(join(dir, 'none'), dir);

  for (const [pid, state, tasks] of [
    [20, 'D (disk sleep)', 1],
    [30, 'Z (zombie)', 2],
  ] as const) {
    const at = known(pid, state, '', tasks);
    writeFileSync(pidFile, `${pid}\n`);
    let over = false;
    const waits = formerHasGone(pidFile, dir).then(() => {
      over = true;
    });
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    t.notOk(over, `${state}: still closing`);
    rmSync(at, { recursive: true });
    await waits;
    t.ok(over);
  }
});
