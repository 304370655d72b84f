// Command lines on ovs-vswitchd and on weft, both made alike by the same ovs-vsctl lines: the same output, the same exit status. Lines are in lines/.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { type Side, said } from './compare.js';
import { PortNumbers, type Run, World } from './world.js';

const HERE = fileURLToPath(new URL('../../../test/ctl/', import.meta.url));
const LINES = join(HERE, 'lines');
const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});

t.test('the same is said', { skip: refusal ?? false }, async (t) => {
  const flows = mkdtempSync(join(tmpdir(), 'weft-ctl-'));
  const world = new World();
  t.teardown(async () => {
    await world.close();
    rmSync(flows, { recursive: true, force: true });
  });
  t.equal(await world.ready(), '');
  const side = (name: string, run: Run): Side => {
    const s = { run, ports: new PortNumbers(run), files: join(flows, name) };
    s.ports.fillFiles(join(HERE, 'flows'), s.files);
    return s;
  };
  const ovs = side('ovs', world.onOvs);
  const weft = side('weft', world.onWeft);
  for (const file of readdirSync(LINES).sort()) {
    for (const line of readFileSync(join(LINES, file), 'utf8').split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      t.same(said(weft, 'ovs-appctl', line), said(ovs, 'ovs-appctl', line), `${file}: ${line}`);
    }
  }
});
