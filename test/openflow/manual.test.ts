/**
 * The commands of ovs-ofctl(8), four ways: what they print and their exit status must be those of ovs-ofctl on ovs-vswitchd, but for times,
 * transaction ids and what is a machine's own. `--only NAME`: one session.
 */
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { FourWays } from './four-ways.js';
import { SESSIONS } from './sessions.js';

t.setTimeout(600_000);
const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });
const at = process.argv.indexOf('--only');
const wanted = at < 0 ? undefined : process.argv[at + 1];

t.test('commands four ways', { skip: missing ?? false, timeout: 600_000 }, async (t) => {
  const four = await FourWays.start((e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  t.teardown(() => four.close());
  for (const [name, rows] of Object.entries(SESSIONS)) {
    if (wanted !== undefined && wanted !== name) continue;
    const expected = await four.session('ovs-ofctl', rows, four.theirs);
    for (const [program, place] of [
      ['weft ofctl', four.theirs],
      ['ovs-ofctl', four.ours],
      ['weft ofctl', four.ours],
    ] as const) {
      const found = await four.session(program, rows, place);
      rows.forEach((row, i) => {
        if (row.programsOnly !== undefined && place === four.ours) return;
        t.same(found[i], expected[i], `${program} on ${place.name}: ${row.args.join(' ')}`);
      });
    }
  }
});
