/** upcall/* and revalidator/*: the slow path's flows and who looks after them. */
import type { ControlCommand } from '../../control/unixctl.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { UserError } from '../../lib/errors.js';
import { MASKS_A_PORT } from '../../upcall/mask-shapes.js';
import type { Core } from '../core.js';
import type { PortUpcalls, UpcallGuard } from '../guard.js';

function portText(p: PortUpcalls): string {
  const state = p.isolated ? ', isolated' : '';
  return `port ${p.name}: masks ${p.masks}${state}, over its masks ${p.excess}, dropped upcall_rate ${p.refused} upcall_queue_full ${p.crowded}`;
}

const isNoteworthy = (p: PortUpcalls): boolean => p.isolated || p.excess + p.refused + p.crowded > 0;

export function upcallCommands(core: Core, dp: NativeDriver, guard: UpcallGuard): ControlCommand[] {
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
      ...[...guard.show()].filter(isNoteworthy).map((p) => `  ${portText(p)}\n`),
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
    none('weft/upcalls', () => {
      const { rate, burst } = guard.current;
      const limit = rate === 0 ? 'no limit' : `limit ${rate} a second, ${burst} at once`;
      return `${core.datapathName}: each port: masks ${MASKS_A_PORT}, ${limit}\n${[...guard.show()].map((p) => `  ${portText(p)}\n`).join('')}`;
    }),
    {
      name: 'weft/upcall-limit',
      usage: 'RATE BURST',
      min: 2,
      max: 2,
      run(words) {
        const [rate, burst] = words.map((w) => (/^\d{1,7}$/.test(w) ? Number(w) : Number.NaN));
        if (Number.isNaN(rate + burst)) throw new UserError(`${words.join(' ')}: not two numbers of at most 7 digits`);
        guard.setLimit({ rate, burst });
        return '';
      },
    },
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
