/** Which versions a command can be said in, and ovs-ofctl's words where -O allows none of them. */
import { UserError } from '../../lib/errors.js';
import type { Command } from './context.js';

const FORMATS: readonly string[][] = [
  [],
  ['OpenFlow10', 'NXM'],
  ['OpenFlow11'],
  ['OXM-OpenFlow12'],
  ['OXM-OpenFlow13'],
  ['OXM-OpenFlow14'],
  ['OXM-OpenFlow15'],
];
export const ALL_VERSIONS = 0x7e;
export const FROM_13 = 0x70;
const DEFAULT = 1 << 1;

export function formatNames(versions: number): string {
  if (versions === ALL_VERSIONS) return 'any';
  return FORMATS.filter((_, v) => versions & (1 << v))
    .flat()
    .join(',');
}

/** The allowed versions that are usable. Throws UserError when there is none. */
export function chooseVersions(command: Command, usable: number): number {
  const allowed = command.settings.versions ?? DEFAULT;
  if (usable & allowed) return usable & allowed;
  throw new UserError(
    `none of the usable flow formats (${formatNames(usable)}) is among the allowed flow formats (${formatNames(allowed)})`,
  );
}
