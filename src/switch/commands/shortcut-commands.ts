/** weft/shortcuts: flows that the kernel repeats by itself, shown and turned off. */
import type { ControlCommand } from '../../control/unixctl.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';
import { datapathFlowLine, slotsInKernel } from '../datapath-text.js';

const WORDS: readonly string[] = ['on', 'off'];

function text(core: Core, dp: NativeDriver): string {
  const kernel = slotsInKernel(core);
  const flows = core.upcalls.flows.all.filter((f) => kernel.has(f.slot));
  const lines = flows.map((f) => `${datapathFlowLine(core, f, false, true, kernel)}\n`);
  return `shortcuts: ${dp.shortcuts.allowed ? 'on' : 'off'}, ${flows.length} flow${flows.length === 1 ? '' : 's'}\n${lines.join('')}`;
}

export function shortcutCommands(core: Core, dp: NativeDriver): ControlCommand[] {
  return [
    {
      name: 'weft/shortcuts',
      usage: '[on|off]',
      min: 0,
      max: 1,
      run([word]) {
        if (word === undefined) return text(core, dp);
        if (!WORDS.includes(word)) throw new UserError(`"${word}" is neither "on" nor "off"`);
        dp.shortcuts.allow(word === 'on');
        return '';
      },
    },
  ];
}
