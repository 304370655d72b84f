// What tools are shown after random pipelines: quick form. More: node dist/test/dump/main.js --pipelines 200.
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { compareDumps } from './compare.js';

const PIPELINES = 10;

t.test('dumps are those of ovs-vswitchd', { skip: needPrograms(OVS_PROGRAMS) ?? false }, async (t) => {
  const r = await compareDumps({ pipelines: PIPELINES, seed: 1 });
  t.same(r.differences, []);
  t.equal(r.pipelines + r.lost, PIPELINES);
  t.ok(r.flows > 5 * r.pipelines, `${r.flows} flows`);
  t.ok(r.ours <= r.flows, 'masks are no narrower on the whole');
});
