/** Command lines about groups and meters, most of them refused, held against ovs-ofctl and ovs-vswitchd. Random ones in every version: lines/. */
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { GROUP_LINES } from './group-lines.js';
import { normal, type Outcome, run, type Target, TwoSwitches } from './two-switches.js';

t.setTimeout(600_000);
const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });
const OFCTL = 'ovs-ofctl';

const of = (version: number, ...args: string[]): string[] => ['-O', `OpenFlow1${version}`, '--no-names', ...args];

async function clear(on: Target): Promise<void> {
  for (const what of ['del-flows', 'del-groups', 'del-meters']) await run(OFCTL, of(3, what, 'br0'), on);
}

t.test('groups and meters', { skip: missing ?? false, timeout: 600_000 }, async (t) => {
  const two = await TwoSwitches.start((e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  t.teardown(() => two.close());
  const { ours, theirs } = two;

  /** The lines one after the other, from a switch without groups and meters. */
  async function session(program: string, on: Target): Promise<Outcome[]> {
    await clear(on);
    const out: Outcome[] = [];
    for (const line of GROUP_LINES) {
      const { status, out: o, err } = await run(program, line.args, on, line.input);
      out.push({ status, out: normal(o), err: normal(err) });
    }
    return out;
  }
  const expected = await session(OFCTL, theirs);
  const onWeft = await session(OFCTL, ours);
  const byWeft = await session(two.ofctl, theirs);
  GROUP_LINES.forEach((line, i) => {
    const name = [...line.args, line.input ?? ''].join(' ');
    t.same(onWeft[i], expected[i], `ovs-ofctl on weft: ${name}`);
    t.same(byWeft[i], expected[i], `weft ofctl on ovs-vswitchd: ${name}`);
  });
});
