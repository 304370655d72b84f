import { callAndPrint } from './appctl.js';
import { versionText } from './usage.js';

const USAGE = `usage: weft dpctl [-t TARGET] COMMAND [ARG...]
Shows the datapath of the running switch (the one of $WEFT_RUNDIR, or of the control socket TARGET).

  show                                ports, look-ups, masks
  dump-flows [-m] [--names] [filter=TEXT]   cached flows
  dump-dps                            names of datapaths
  del-flows                           forget all cached flows
`;

export async function main(args: readonly string[], program: string): Promise<number> {
  const words = [...args];
  let target: string | undefined;
  if (words[0] === '-t' || words[0] === '--target') {
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
  return callAndPrint(`dpctl/${command}`, words, target, program);
}
