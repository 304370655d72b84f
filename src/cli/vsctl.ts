import { UserError } from '../lib/errors.js';
import { Disconnected } from '../ovsdb/client/calls.js';
import { VSWITCH_SCHEMA } from '../ovsdb/schema/vswitch.js';
import { OvsdbError } from '../ovsdb/value/error.js';
import { alarm, stamp } from './alarm.js';
import { PROCESS, type Streams } from './streams.js';
import { versionText } from './usage.js';
import { BRIDGE_COMMANDS } from './vsctl/bridge-commands.js';
import type { Command } from './vsctl/command.js';
import { CONTROLLER_COMMANDS } from './vsctl/controller-commands.js';
import { DATABASE_COMMANDS } from './vsctl/database-commands.js';
import { optionLines, parseCommandLine, type Run } from './vsctl/options.js';
import { OTHER_COMMANDS } from './vsctl/other-commands.js';
import { PORT_COMMANDS } from './vsctl/port-commands.js';
import { type Output, runCommands } from './vsctl/run.js';
import { commandLine, usage } from './vsctl/usage.js';

export const COMMANDS: readonly Command[] = [
  ...OTHER_COMMANDS,
  ...BRIDGE_COMMANDS,
  ...PORT_COMMANDS,
  ...CONTROLLER_COMMANDS,
  ...DATABASE_COMMANDS,
];

function information(run: Run, program: string): string {
  if (run.info === 'help') return usage(program);
  if (run.info === 'commands') return COMMANDS.map((c) => `${commandLine(c)}\n`).join('');
  if (run.info === 'options') return `${optionLines().join('\n')}\n`;
  return `${versionText(program)}DB Schema ${VSWITCH_SCHEMA.version}\n`;
}

export type { Streams };

/** ovs-vsctl(8). */
export async function main(args: readonly string[], program: string, streams = PROCESS): Promise<number> {
  let warnings = 1;
  const output: Output = {
    out: streams.out,
    error: (text) => streams.err(`${program}: ${text}\n`),
    warn(module, text) {
      streams.err(`${stamp()}|${String(++warnings).padStart(5, '0')}|${module}|WARN|${text}\n`);
    },
  };
  let timer: NodeJS.Timeout | undefined;
  try {
    const run = parseCommandLine(args, COMMANDS);
    if (run.info) {
      streams.out(information(run, program));
      return 0;
    }
    const limit = run.timeout || Number(process.env.OVS_CTL_TIMEOUT ?? 0);
    if (limit > 0) timer = alarm(limit);
    return await runCommands(run, program, output);
  } catch (e) {
    if (!(e instanceof UserError || e instanceof OvsdbError || e instanceof Disconnected)) throw e;
    output.error(e.message);
    return 1;
  } finally {
    clearTimeout(timer);
  }
}
