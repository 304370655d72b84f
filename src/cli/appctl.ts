import { callControl } from '../control/client.js';
import { UserError } from '../lib/errors.js';
import { controlSocket } from '../switch/control-target.js';
import { connectUnix, runDirectory } from '../switch/of-sockets.js';
import { versionText } from './usage.js';

const USAGE = `usage: weft appctl [-t TARGET] COMMAND [ARG...]
Gives a command to the running switch (the one of $WEFT_RUNDIR, or of the control socket TARGET). The command list-commands lists them.
`;

export async function main(args: readonly string[], program: string): Promise<number> {
  const words = [...args];
  let target: string | undefined;
  const named = /^--target=(.*)$/.exec(words[0] ?? '');
  if (named) {
    target = named[1];
    words.shift();
  } else if (words[0] === '-t' || words[0] === '--target') {
    target = words[1];
    words.splice(0, 2);
  }
  const command = words.shift();
  if (command === '--version' || command === '-V') {
    process.stdout.write(versionText(program));
    return 0;
  }
  if (command === undefined || command === '--help' || command === '-h') {
    process.stdout.write(USAGE);
    return command === undefined ? 1 : 0;
  }
  return callAndPrint(command, words, target, program);
}

/** Prints the reply. Exit status 2 when the switch refused the command, as ovs-appctl has it; 1 when there is no switch. */
export async function callAndPrint(
  command: string,
  words: readonly string[],
  target: string | undefined,
  program: string,
): Promise<number> {
  let reached = false;
  try {
    const stream = await connectUnix(controlSocket(runDirectory(), target));
    reached = true;
    process.stdout.write(await callControl(stream, command, words));
    return 0;
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    process.stderr.write(
      reached ? `${e.message}\n${program}: server returned an error\n` : `${program}: ${e.message}\n`,
    );
    return reached ? 2 : 1;
  }
}
