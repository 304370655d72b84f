/**
 * Groups and meters, held against ovs-ofctl and ovs-vswitchd: random ones in every version, read, sent, kept and printed by either program and
 * either switch; and command lines that are refused.
 */
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { Random } from '../../src/lib/random.js';
import { randomGroup, randomMeter } from '../pipelines/random-groups.js';
import { GROUP_LINES } from './group-lines.js';
import { normal, type Outcome, run, type Target, TwoSwitches } from './two-switches.js';

t.setTimeout(600_000);
const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });
const SEED = Number(process.env.SEED ?? 5);
/** Random ones a version. */
const GROUPS = Number(process.env.GROUPS ?? 170);
const METERS = Number(process.env.METERS ?? 120);
const OFCTL = 'ovs-ofctl';

const of = (version: number, ...args: string[]): string[] => ['-O', `OpenFlow1${version}`, '--no-names', ...args];

async function clear(on: Target): Promise<void> {
  for (const what of ['del-flows', 'del-groups', 'del-meters']) await run(OFCTL, of(3, what, 'br0'), on);
}

/** Must succeed. */
async function done(program: string, args: readonly string[], on: Target, input?: string): Promise<string> {
  const r = await run(program, args, on, input);
  if (r.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${r.err}`);
  return normal(r.out);
}

t.test('groups and meters', { skip: missing ?? false, timeout: 600_000 }, async (t) => {
  const two = await TwoSwitches.start((e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  t.teardown(() => two.close());
  const { ours, theirs } = two;

  for (const version of [0, 1, 2, 3, 4, 5]) {
    const r = new Random(SEED * 100 + version);
    const lines = Array.from({ length: GROUPS }, (_, i) => randomGroup(r, i * 10 + 1, { version }));
    const text = `${lines.join('\n')}\n`;
    const add = of(version, 'add-groups', 'br0', '-');
    const dump = of(version, 'dump-groups', 'br0');
    const counts = of(version, 'dump-group-stats', 'br0');
    await Promise.all([clear(ours), clear(theirs)]);
    await Promise.all([done(OFCTL, add, ours, text), done(OFCTL, add, theirs, text)]);
    const expected = await done(OFCTL, dump, theirs);
    t.equal(expected.split('\n').length, GROUPS + 1);
    t.equal(await done(OFCTL, dump, ours), expected, `ovs-ofctl on weft, 1.${version}: groups`);
    t.equal(await done(two.ofctl, dump, theirs), expected, `weft ofctl on ovs-vswitchd, 1.${version}: groups`);
    t.equal(await done(OFCTL, counts, ours), await done(OFCTL, counts, theirs), `1.${version}: statistics`);
    await clear(theirs);
    await done(two.ofctl, add, theirs, text);
    t.equal(await done(OFCTL, dump, theirs), expected, `added by weft ofctl, 1.${version}: groups`);
  }

  for (const version of [3, 4, 5]) {
    const r = new Random(SEED * 1000 + version);
    await Promise.all([clear(ours), clear(theirs)]);
    const meters = Array.from({ length: METERS }, (_, i) => randomMeter(r, i + 1));
    for (const [i, m] of meters.entries()) {
      const add = of(version, 'add-meter', 'br0', m);
      // Starting weft's program takes longer: every tenth meter is read and sent by it.
      await Promise.all([done(OFCTL, add, ours), done(i % 10 === 0 ? two.ofctl : OFCTL, add, theirs)]);
    }
    for (const what of ['dump-meters', 'meter-stats', 'meter-features']) {
      const expected = await done(OFCTL, of(version, what, 'br0'), theirs);
      t.equal(await done(OFCTL, of(version, what, 'br0'), ours), expected, `ovs-ofctl on weft, 1.${version}: ${what}`);
      t.equal(await done(two.ofctl, of(version, what, 'br0'), theirs), expected, `weft ofctl, 1.${version}: ${what}`);
    }
  }

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
