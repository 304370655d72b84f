/** Where a program's text goes: a test listens in. */
export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

export const PROCESS: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};
