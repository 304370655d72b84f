import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { compareForms, compareTraces } from './compare.js';

// Machines are slow at times; nothing here waits for anything.
t.setTimeout(600_000);

const missing = needPrograms(OVS_PROGRAMS);

t.test('random pipelines and packets: the text of ovs-vswitchd', { skip: missing }, async (t) => {
  const c = await compareTraces({ pipelines: 60, seed: 1 });
  t.same(c.differences, []);
  t.equal(c.traces, 240);
  const skipped = [...c.skipped.values()].reduce((a, b) => a + b, 0);
  t.ok(skipped + c.otherMasks < c.traces / 4, 'most texts are the same to the byte');
});

t.test('forms of the commands, and their faults', { skip: missing }, async (t) => {
  t.same(await compareForms(), []);
});
