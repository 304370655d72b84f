/** Suites of shell scripts that say the same on ovs-vswitchd and on weft: a folder of them, and what each begins with. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Test } from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { DummyWorld } from '../dummy/world.js';

const PRELUDE = 'prelude.sh';

/** Why they cannot run, or nothing. */
export const scriptsRefusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});

/** Each script of a folder on both, one after the other; with names on the command line those only. `dummy`: see DummyWorld. */
export async function sayTheSame(t: Test, folder: string, dummy?: string): Promise<void> {
  const only = process.argv.slice(2);
  const world = new DummyWorld(dummy);
  t.teardown(() => world.close());
  t.equal(await world.ready(), '');
  for (const file of readdirSync(folder).sort()) {
    if (file === PRELUDE || (only.length > 0 && !only.includes(basename(file, '.sh')))) continue;
    const { ovs, weft } = await world.both(join(folder, PRELUDE), join(folder, file));
    t.not(weft, '', `${file} prints something`);
    t.same(weft.split('\n'), ovs.split('\n'), file);
  }
}
