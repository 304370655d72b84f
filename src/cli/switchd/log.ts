/** The log of switchd, as its options want it. */
import { PROGRAM } from '../../switch/daemon.js';
import { RealClock } from '../../switch/real-clock.js';
import { Vlog } from '../../switch/vlog/vlog.js';
import type { ProcessOptions } from './process.js';
import { syslogMethod, udpSender } from './syslog.js';

/** `say` takes lines for the console. Throws UserError. */
export function makeVlog(options: ProcessOptions, say: (line: string) => void): Vlog {
  const { logFile, verbose, syslogTarget, syslogMethod: method } = options;
  const ways = [
    syslogMethod(method, PROGRAM),
    syslogTarget === undefined ? undefined : udpSender(syslogTarget, 'syslog-target', PROGRAM),
  ].filter((way) => way !== undefined);
  const syslog = (line: string, level: string): void => {
    for (const way of ways) way(line, level);
  };
  const vlog = new Vlog({ program: PROGRAM, clock: new RealClock(), console: say, syslog });
  for (const spec of verbose) vlog.set(spec);
  if (logFile !== undefined) vlog.openFile(logFile);
  return vlog;
}
