export const stamp = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

/** As programs end that an alarm clock kills: what waits for us sees the signal. */
export function alarm(seconds: number): NodeJS.Timeout {
  return setTimeout(() => {
    process.stderr.write(`${stamp()}|00001|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n`);
    process.kill(process.pid, 'SIGALRM');
  }, seconds * 1000);
}
