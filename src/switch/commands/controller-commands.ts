/** Commands on controllers of bridges. */
import type { ControlCommand } from '../../control/unixctl.js';
import { UserError } from '../../lib/errors.js';
import type { Controllers } from '../controllers.js';

/** `served`: bridges by name, and who is above them. */
export function controllerCommands(
  served: ReadonlyMap<string, { readonly controllers: Controllers }>,
): ControlCommand[] {
  return [
    {
      // By bridge: is it forwarding by itself for want of a controller, and how is each of them.
      name: 'weft/controllers',
      usage: '',
      min: 0,
      max: 0,
      run() {
        const all = [...served].map(
          ([name, { controllers: c }]) => [name, { failOpen: c.isFailOpen, controllers: c.status() }] as const,
        );
        return `${JSON.stringify(Object.fromEntries(all))}\n`;
      },
    },
    {
      name: 'bridge/reconnect',
      usage: '[bridge]',
      min: 0,
      max: 1,
      run([name]) {
        if (name !== undefined && !served.has(name)) throw new UserError('Unknown bridge');
        for (const [n, { controllers }] of served) if (name === undefined || n === name) controllers.reconnect();
        return '';
      },
    },
  ];
}
