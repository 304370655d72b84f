/**
 * Many bridges and ports, made, used and removed, again and again: memory must come back. node dist/test/scale/scale.test.js [--bridges N] [--ports N] [--times N]; the full form is
 * `--bridges 200 --ports 2000`. A tenth of the ports are veth devices with traffic of their own (neighbours that look for each other), one a bridge leads to
 * another bridge, the others are the switch's own devices; each bridge has flows, a group and a meter, and floods a packet to all of its ports.
 */
import '../support/isolate.js';

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch, unbalanced } from '../support/live.js';
import { numberOption } from '../support/options.js';

const BRIDGES = numberOption('bridges', 6);
const PORTS = numberOption('ports', 60);
const TIMES = Math.max(numberOption('times', 3), 3);
/**
 * What is needed once is there after so many times: twice for compiled code, and where there are many times until the database's history is full, whose 100 transactions
 * are eight a time. Objects of the engine are as many after 60 times as after 30; tables by number of port fill until all 4,095 numbers were given once.
 */
const SETTLED = Math.max(2, Math.min(15, TIMES >> 1));
const KINDS = ['kb', 'descriptors', 'mappings'] as const;
type Amounts = Readonly<Record<(typeof KINDS)[number], number>>;
/** More than this later is a leak. */
const allowed = (a: Amounts): Amounts => ({
  kb: a.kb * 1.1,
  descriptors: a.descriptors,
  mappings: a.mappings * 1.1,
});
/** Commands in one call of a tool. */
const AT_ONCE = 200;
const PACKET = `ffffffffffff020000000001${'0806'}${'0001080006040001020000000001c0000201000000000000c0000202'}${'00'.repeat(18)}`;

const refusal = labRefusal() ?? needPrograms(OVS_PROGRAMS);

interface Place {
  readonly name: string;
  readonly bridge: string;
  readonly words: readonly string[];
  readonly isVeth: boolean;
}

const bridges = Array.from({ length: BRIDGES }, (_, i) => `b${i}`);
const places: readonly Place[] = Array.from({ length: PORTS }, (_, i) => {
  const bridge = bridges[i % BRIDGES];
  const round = Math.floor(i / BRIDGES);
  if (round % 10 === 0) return { name: `v${i}`, bridge, words: [], isVeth: true };
  const name = `p${i}`;
  // Two bridges are joined by one link, so that nothing goes round.
  const [at, isEven] = [i % BRIDGES, (i % BRIDGES) % 2 === 0];
  const peer = i + (isEven ? 1 : -1);
  const words =
    round === 1 && peer < PORTS && (isEven ? at + 1 < BRIDGES : true)
      ? ['type=patch', `options:peer=p${peer}`]
      : ['type=internal', `external_ids:n=${i}`];
  return { name, bridge, words: ['--', 'set', 'interface', name, ...words], isVeth: false };
});

function ip(lines: readonly string[]): void {
  spawnSync('ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
}

function* slices<T>(all: readonly T[], size: number): Iterable<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

t.setTimeout(1_800_000);
t.test(`${BRIDGES} bridges and ${PORTS} ports`, { skip: refusal }, async (t) => {
  const sw = new LiveSwitch([]);
  t.teardown(() => sw.close());
  if (!(await sw.ready())) {
    t.fail(sw.output);
    return;
  }
  const must = (program: string, ...args: string[]): string => {
    const env = { ...process.env, OVS_RUNDIR: sw.dir };
    const r = spawnSync(program, args, { env, encoding: 'utf8', timeout: 300_000, maxBuffer: 64 << 20 });
    if (r.status !== 0) throw new Error(`${program} ${args.slice(0, 4).join(' ')}: ${r.stderr}`);
    return r.stdout;
  };
  const vsctl = (commands: readonly (readonly string[])[]): void => {
    for (const some of slices(commands, AT_ONCE)) {
      must('ovs-vsctl', '--timeout=280', ...some.flatMap((c) => ['--', ...c]).slice(1));
    }
  };
  const descriptors = (): number => readdirSync(`/proc/${sw.pid}/fd`).length;
  const mappings = (): number => readFileSync(`/proc/${sw.pid}/maps`, 'utf8').split('\n').length;

  const make = (): void => {
    ip(places.filter((p) => p.isVeth).map((p) => `link add ${p.name} type veth peer name w${p.name}`));
    vsctl(bridges.map((b) => ['add-br', b]));
    vsctl(places.map((p) => ['add-port', p.bridge, p.name, ...p.words]));
    const up = places.flatMap((p) => (p.isVeth ? [p.name, `w${p.name}`] : [p.name]));
    ip(up.map((name) => `link set ${name} up`));
  };
  const use = (b: string): void => {
    const flows = Array.from(
      { length: 20 },
      (_, i) => `table=1,priority=${i},ip,nw_dst=10.0.${i}.0/24,actions=output:${i + 1}`,
    );
    for (const f of flows.slice(0, 2)) must('ovs-ofctl', 'add-flow', b, f);
    must('ovs-ofctl', '-O', 'OpenFlow13', 'add-group', b, 'group_id=1,type=all,bucket=output:1,bucket=output:2');
    must('ovs-ofctl', '-O', 'OpenFlow13', 'add-meter', b, 'meter=1,pktps,band=type=drop,rate=1000');
    must('ovs-ofctl', 'packet-out', b, `in_port=LOCAL packet=${PACKET} actions=FLOOD`);
    must('ovs-ofctl', 'dump-flows', b);
  };
  const remove = (): void => {
    vsctl(bridges.map((b) => ['del-br', b]));
    ip(places.filter((p) => p.isVeth).map((p) => `link del ${p.name}`));
  };
  const now = (): Amounts => ({ kb: sw.residentKb(), descriptors: descriptors(), mappings: mappings() });
  /** What is held when it is no more than it may be, for a collector and those who unmap come in their own time; else, or where nothing is said, when it has not fallen for 5 s. */
  const look = async (most?: Amounts): Promise<Amounts> => {
    let least = now();
    let still = 0;
    await until(async () => {
      if (most && KINDS.every((k) => least[k] <= most[k])) return true;
      await new Promise((r) => setTimeout(r, 250));
      const next = now();
      still = KINDS.some((k) => next[k] < least[k]) ? 0 : still + 1;
      least = {
        kb: Math.min(least.kb, next.kb),
        descriptors: Math.min(least.descriptors, next.descriptors),
        mappings: Math.min(least.mappings, next.mappings),
      };
      return still >= 20;
    }, 60_000);
    return least;
  };

  const after: Amounts[] = [];
  const begun = await look();
  for (let i = 0; i < TIMES; i++) {
    const from = performance.now();
    make();
    const made = performance.now();
    for (const b of bridges.slice(0, 20)) use(b);
    t.equal(must('ovs-vsctl', 'list-br').split('\n').length - 1, BRIDGES);
    const open = JSON.parse(must('ovs-vsctl', '-f', 'json', '--columns=name,error', 'list', 'interface'));
    t.equal(open.data.length, BRIDGES + PORTS);
    const faults = open.data.filter((row: [string, unknown]) => typeof row[1] === 'string');
    t.same(faults, [], 'every port could be opened');
    // Counters are read one after the other, while frames come.
    await until(() => unbalanced(sw.counters()).length === 0, 5000);
    t.same(unbalanced(sw.counters()), [], 'no packet is lost from sight');
    const full = sw.residentKb();
    const used = performance.now();
    remove();
    const gone = performance.now();
    after.push(await look(i < SETTLED ? undefined : allowed(after[SETTLED - 1])));
    const s = (a: number, b: number): string => `${((b - a) / 1000).toFixed(1)} s`;
    t.comment(
      `made in ${s(from, made)}, used in ${s(made, used)}, removed in ${s(used, gone)}; resident ${full >> 10} MB with all, ${after[i].kb >> 10} MB after`,
    );
  }
  t.comment(
    `resident ${begun.kb >> 10} MB at first, then ${after.map((a) => `${(a.kb / 1024).toFixed(1)}`).join(', ')} MB`,
  );
  const [most, last] = [allowed(after[SETTLED - 1]), after[after.length - 1]];
  for (const k of KINDS) t.ok(last[k] <= most[k], `${k} come back: ${last[k]} where ${most[k]} are allowed`);
  t.notMatch(sw.output, /please report|not applied|\|ERR\|/);
});
