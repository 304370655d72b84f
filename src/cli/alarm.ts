import { PROCESS, type Streams } from './streams.js';

export const stamp = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

/** A line of the log, the first of a run, where Open vSwitch's programs write it. */
export function warn({ err }: Pick<Streams, 'err'>, module: string, text: string): void {
  err(`${stamp()}|00001|${module}|WARN|${text}\n`);
}

/** As programs end that an alarm clock kills: what waits for us sees the signal. */
export function alarm(seconds: number, streams: Pick<Streams, 'err'> = PROCESS): NodeJS.Timeout {
  return setTimeout(() => {
    warn(streams, 'fatal_signal', 'terminating with signal 14 (Alarm clock)');
    process.kill(process.pid, 'SIGALRM');
  }, seconds * 1000);
}
