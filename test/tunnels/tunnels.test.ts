// Scripts of scripts/ on ovs-vswitchd and on weft: tunnels between dummy ports, and the same words from both. With names of scripts: those only.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { DummyWorld } from '../dummy/world.js';
import '../support/isolate.js';

const SCRIPTS = fileURLToPath(new URL('../../../test/tunnels/scripts/', import.meta.url));
const PRELUDE = 'prelude.sh';
const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});
const only = process.argv.slice(2);

t.setTimeout(300_000);
t.test('scripts say the same', { skip: refusal ?? false }, async (t) => {
  const world = new DummyWorld('--enable-dummy');
  t.teardown(() => world.close());
  t.equal(await world.ready(), '');
  for (const file of readdirSync(SCRIPTS).sort()) {
    if (file === PRELUDE || (only.length > 0 && !only.includes(basename(file, '.sh')))) continue;
    const { ovs, weft } = await world.both(join(SCRIPTS, PRELUDE), join(SCRIPTS, file));
    t.not(weft, '', `${file} prints something`);
    t.same(weft.split('\n'), ovs.split('\n'), file);
  }
});
