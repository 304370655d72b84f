import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { VirtualClock } from '../../lib/clock.js';
import { vlogCommands } from './commands.js';
import { formatEntry } from './pattern.js';
import { Vlog } from './vlog.js';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 67);
const ENTRY = { module: 'bridge', level: 'INFO', message: 'hello', at: AT, elapsed: 12, number: 7, program: 'p' };

t.test('patterns', (t) => {
  for (const [pattern, text] of [
    ['%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m', '2026-01-02T03:04:05.067Z|00007|bridge|INFO|hello'],
    ['%D{%h %e %T}', 'Jan  2 03:04:05'],
    ['%-8p|%8p|%A %r %%', 'INFO    |    INFO|p 12 %'],
    ['<%B> %P', `<30> ${process.pid}`],
    ['%q %', '%q %'],
  ]) {
    t.equal(formatEntry(pattern, ENTRY), text, pattern);
  }
  t.end();
});

function made(): { log: Vlog; lines: string[]; clock: VirtualClock } {
  const lines: string[] = [];
  const clock = new VirtualClock(AT);
  const log = new Vlog({ program: 'p', clock, console: (l) => lines.push(l) });
  log.set('PATTERN:console:%c %p %m');
  return { log, lines, clock };
}

t.test('levels by module and destination', (t) => {
  const { log, lines } = made();
  const say = log.logger('bridge');
  say('a');
  say('b', 'dbg');
  log.set('bridge:console:dbg');
  say('c', 'dbg');
  log.set('off');
  say('d', 'emer');
  log.set('any:console:warn');
  say('e');
  say('f', 'warn');
  t.same(lines, ['bridge INFO a\n', 'bridge DBG c\n', 'bridge WARN f\n']);
  for (const [spec, fault] of [
    ['foo', /no destination, level, or module "foo"/],
    ['PATTERN:disk:%m', /unknown destination "disk"/],
  ] as const) {
    t.throws(() => log.set(spec), fault, spec);
  }
  t.end();
});

t.test('a module that says too much is cut short', (t) => {
  const { log, lines, clock } = made();
  const say = log.logger('bridge');
  for (let i = 0; i < 100; i++) say(String(i));
  t.equal(lines.length, 60);
  clock.advance(5000);
  say('again');
  t.same(lines.slice(60), [
    'bridge WARN Dropped 40 log messages in last 5 seconds (most recently, 5 seconds ago) due to excessive rate\n',
    'bridge INFO again\n',
  ]);
  log.setRateLimit(['bridge'], false);
  for (let i = 0; i < 100; i++) say(String(i));
  t.equal(lines.length, 162);
  t.throws(() => log.setRateLimit(['zz'], true), /unknown module/);
  t.end();
});

t.test('a file that is moved away and opened again', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-vlog-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const { log } = made();
  const file = join(dir, 'log');
  t.throws(() => log.reopen(), /not configured/);
  t.throws(() => log.openFile(join(dir, 'no', 'log')), /cannot open log file/);
  log.openFile(file);
  log.logger('bridge')('one');
  renameSync(file, `${file}.1`);
  log.logger('bridge')('two');
  const command = (name: string) => vlogCommands(log).find((c) => c.name === name);
  t.equal(await command('vlog/reopen')?.run([]), '');
  log.logger('bridge')('three');
  await command('vlog/close')?.run([]);
  log.logger('bridge')('four');
  t.match(readFileSync(`${file}.1`, 'utf8'), /\|one\n.*\|two\n$/s);
  t.match(readFileSync(file, 'utf8'), /opened log file .*\n.*\|bridge\|INFO\|three\n$/);
  t.match(await command('vlog/list')?.run([]), /^ +console +syslog +file\n.*\nbridge +INFO +INFO +INFO\n/s);
  t.match(await command('vlog/list-pattern')?.run([]), /\nCONSOLE {2}none +%c %p %m\n/);
});
