/** vlog/* on the control socket: ovs-appctl(8). */
import type { ControlCommand } from '../../control/unixctl.js';
import { DESTINATIONS, type Vlog } from './vlog.js';

const MANY = Number.POSITIVE_INFINITY;

function list(log: Vlog): string {
  const rows = log.moduleNames.map((m) => {
    const at = (d: 'console' | 'syslog' | 'file'): string => log.level(m, d).toUpperCase().padStart(4);
    return `${m.padEnd(16)}  ${at('console')}       ${at('syslog')}       ${at('file')}\n`;
  });
  const blank = ' '.repeat(17);
  return `${blank}console    syslog    file\n${blank}-------    ------    ------\n${rows.join('')}`;
}

/** Where a destination puts something in front of what the pattern makes. */
const PREFIX: Readonly<Record<string, string>> = { syslog: '<%B> %D{%h %e %T} %E %A: ' };

function listPatterns(log: Vlog): string {
  const rows = DESTINATIONS.map(
    (d) => `${d.toUpperCase().padEnd(7)}  ${(PREFIX[d] ?? 'none').padEnd(33)} ${log.patterns[d]}\n`,
  );
  return `         prefix                            format\n         ------                            ------\n${rows.join('')}`;
}

export function vlogCommands(log: Vlog): ControlCommand[] {
  const quiet = (run: (args: readonly string[]) => void) => (args: readonly string[]) => {
    run(args);
    return '';
  };
  const limit = (on: boolean) => quiet((args) => log.setRateLimit(args, on));
  return [
    { name: 'vlog/list', usage: '', min: 0, max: 0, run: () => list(log) },
    { name: 'vlog/list-pattern', usage: '', min: 0, max: 0, run: () => listPatterns(log) },
    {
      name: 'vlog/set',
      usage: '{spec | PATTERN:destination:pattern}',
      min: 0,
      max: MANY,
      run: quiet((args) => {
        for (const spec of args) log.set(spec);
      }),
    },
    { name: 'vlog/reopen', usage: '', min: 0, max: 0, run: quiet(() => log.reopen()) },
    { name: 'vlog/close', usage: '', min: 0, max: 0, run: quiet(() => log.closeFile()) },
    { name: 'vlog/disable-rate-limit', usage: '[module]...', min: 0, max: MANY, run: limit(false) },
    { name: 'vlog/enable-rate-limit', usage: '[module]...', min: 0, max: MANY, run: limit(true) },
  ];
}
