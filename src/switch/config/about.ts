/** What the database is told of the program and the system, in the words of OVS's start scripts. */
import { readFileSync } from 'node:fs';
import { DEFAULT_DESCRIPTION } from '../../openflow/server/state.js';
import type { About } from './reporter.js';

/** From os-release(5): "debian" and "12"; "unknown" where the system does not say. */
export function aboutSystem(file = '/etc/os-release'): About {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // A system without the file is unknown.
  }
  const value = (key: string): string => {
    const m = new RegExp(`^${key}=(?:"([^"]*)"|'([^']*)'|(.*))$`, 'm').exec(text);
    return m?.[1] ?? m?.[2] ?? m?.[3] ?? 'unknown';
  };
  return { ovsVersion: DEFAULT_DESCRIPTION.software, systemType: value('ID'), systemVersion: value('VERSION_ID') };
}
