/** Group commands that only the newest version has. */
import { UserError } from '../../lib/errors.js';
import { GROUP_COMMAND, type GroupModMessage } from '../../openflow/messages/group.js';

const NEEDS_15: ReadonlyMap<number, string> = new Map([
  [GROUP_COMMAND.insert_bucket, 'insert-bucket'],
  [GROUP_COMMAND.remove_bucket, 'remove-bucket'],
]);

/** Throws UserError in ovs-ofctl's words. */
export function checkGroupVersion(mod: GroupModMessage, version: number): void {
  const name = NEEDS_15.get(mod.command);
  if (name && version > 1 && version < 6) throw new UserError(`${name} needs OpenFlow 1.5 or later ('-O OpenFlow15')`);
}
