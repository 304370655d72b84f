/** Which versions a command can be said in, and ovs-ofctl's words where -O allows none of them. */
import { formatProtocols, protocolsOfVersions, versionOfProtocol } from '../../flow/protocols.js';
import { UserError } from '../../lib/errors.js';
import type { Command } from './context.js';

const DEFAULT = 1 << 1;

/** The wire forms of what -O allows, else of OpenFlow 1.0. */
export function allowedForms(command: Command): number {
  return protocolsOfVersions(command.settings.versions ?? DEFAULT);
}

/** Bitmap of the allowed versions in which these wire forms are. Throws UserError when there is none. */
export function chooseVersions(command: Command, usable: number): number {
  const allowed = allowedForms(command);
  if ((usable & allowed) === 0) {
    throw new UserError(
      `none of the usable flow formats (${formatProtocols(usable)}) is among the allowed flow formats (${formatProtocols(allowed)})`,
    );
  }
  let versions = 0;
  for (let left = usable & allowed; left !== 0; left &= left - 1) versions |= 1 << versionOfProtocol(left & -left);
  return versions;
}
