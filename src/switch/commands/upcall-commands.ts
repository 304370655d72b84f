/** upcall/* and revalidator/*: the slow path's flows and who looks after them. */
import type { ControlCommand } from '../../control/unixctl.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import type { Core } from '../core.js';

export function upcallCommands(core: Core, dp: NativeDriver): ControlCommand[] {
  const { upcalls } = core;
  let isUfid = true;
  const none = (name: string, run: () => string, usage: string | null = ''): ControlCommand => ({
    name,
    usage,
    min: 0,
    max: 0,
    run,
  });
  const show = (): string => {
    const { all, limit } = upcalls.flows;
    const { average, most, lastMs } = upcalls.rounds;
    const now = all.length;
    const workers = Array.from({ length: dp.workers }, (_, w) => `  ${w}: (keys ${w === 0 ? now : 0})\n`);
    return [
      `${core.datapathName}:\n`,
      `  flows         : (current ${now}) (avg ${Math.floor(average)}) (max ${Math.max(most, now)}) (limit ${limit})\n`,
      `  dump duration : ${Math.max(1, Math.round(lastMs))}ms\n`,
      `  ufid enabled : ${isUfid}\n`,
      '\n',
      ...workers,
    ].join('');
  };
  const megaflows = (on: boolean) => (): string => {
    upcalls.exact = !on;
    upcalls.removeAll();
    return `megaflows ${on ? 'enabled' : 'disabled'}\n`;
  };
  const quiet = (run: () => void) => (): string => {
    run();
    return '';
  };
  return [
    none('upcall/show', show),
    none('upcall/enable-megaflows', megaflows(true)),
    none('upcall/disable-megaflows', megaflows(false)),
    none('upcall/disable-ufid', () => {
      isUfid = false;
      return 'Datapath dumping tersely using UFID disabled\n';
    }),
    none('upcall/enable-ufid', () => {
      isUfid = true;
      return 'Datapath dumping tersely using UFID enabled for supported datapaths\n';
    }),
    {
      name: 'upcall/set-flow-limit',
      usage: 'flow-limit-number',
      min: 1,
      max: 1,
      run([text]) {
        const n = Number(/^\d+/.exec(text)?.[0] ?? 0);
        upcalls.flows.setLimit(n);
        return `set flow_limit to ${n}\n`;
      },
    },
    // Flows are judged in the turn in which something changed: there is nothing to wait for but that turn.
    none(
      'revalidator/wait',
      quiet(() => {
        core.settle();
        upcalls.pushStatistics();
      }),
    ),
    none(
      'revalidator/purge',
      quiet(() => upcalls.removeAll()),
    ),
    none(
      'revalidator/pause',
      quiet(() => core.pause(true)),
      null,
    ),
    none(
      'revalidator/resume',
      quiet(() => core.pause(false)),
      null,
    ),
  ];
}
