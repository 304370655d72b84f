/**
 * The commands of ovs-ofctl(8), four ways: what they print and their exit status must be those of ovs-ofctl on ovs-vswitchd, but for times,
 * transaction ids and what is a machine's own. `--only NAME`: one session; "commands" are those that each begin from the same flows. `--all`: weft ofctl
 * on weft, too, each of which is held against the real other otherwise.
 */
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { COMMANDS, type CommandRow, GROUP_COMMANDS } from './commands.js';
import { FourWays, type Outcome, type Place, type Program, withoutDevices } from './four-ways.js';
import { SESSIONS } from './sessions.js';

t.setTimeout(600_000);
const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });
const all = process.argv.includes('--all');
const at = process.argv.indexOf('--only');
const wanted = at < 0 ? undefined : process.argv[at + 1];

type Run = (four: FourWays, program: Program, place: Place) => Promise<Outcome[]>;
interface Part {
  readonly name: string;
  readonly rows: readonly CommandRow[];
  readonly run: Run;
}

const PARTS: readonly Part[] = [
  { name: 'commands', rows: COMMANDS, run: (four, program, place) => four.each(program, COMMANDS, place) },
  ...Object.entries({ groups: GROUP_COMMANDS, ...SESSIONS }).map(
    ([name, rows]): Part => ({ name, rows, run: (four, program, place) => four.session(program, rows, place) }),
  ),
];

t.test('commands four ways', { skip: missing ?? false, timeout: 600_000 }, async (t) => {
  const four = await FourWays.start((e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  t.teardown(() => four.close());
  for (const { name, rows, run } of PARTS) {
    if (wanted !== undefined && wanted !== name) continue;
    const expected = await run(four, 'ovs-ofctl', four.theirs);
    for (const [program, place, always] of [
      ['weft ofctl', four.theirs, true],
      ['ovs-ofctl', four.ours, true],
      ['weft ofctl', four.ours, false],
    ] as const) {
      if (!always && !all) continue;
      const found = await run(four, program, place);
      rows.forEach((row, i) => {
        if (row.programsOnly !== undefined && place === four.ours) return;
        const compared = (o: Outcome): Outcome => (place === four.ours ? withoutDevices(o) : o);
        t.same(compared(found[i]), compared(expected[i]), `${program} on ${place.name}: ${row.args.join(' ')}`);
      });
    }
  }
});
