import t from 'tap';
import { assign, coresOf, type Queue, sums, variance } from './assign.js';
import type { Assign } from './settings.js';

/** "p1:0=500@2": port, queue, cycles, and the processor that it is pinned to. */
function queues(text: string): Queue[] {
  return text.split(' ').map((word, i) => {
    const m = /^(\w+):(\d+)(?:=(\d+))?(?:@(\d+))?$/.exec(word);
    if (!m) throw new Error(word);
    const pinned = m[4] === undefined ? {} : { pinned: Number(m[4]) };
    return { vport: i + 1, queue: Number(m[2]), port: m[1], cycles: Number(m[3] ?? 0), ...pinned };
  });
}

const TWO = [1, 2];
const ROWS: [
  what: string,
  queues: string,
  cores: number[],
  how: Assign,
  isolate: boolean,
  workers: number[],
  isolated: number[],
][] = [
  ['as ovs-vswitchd 3.1: nothing measured', 'p1:0 p1:1 p2:0', TWO, 'cycles', true, [0, 1, 1], []],
  ['as ovs-vswitchd 3.1: one pinned', 'p1:0@2 p1:1 p2:0', TWO, 'cycles', true, [1, 0, 0], [1]],
  ['as ovs-vswitchd 3.1: all pinned, group, not isolated', 'p1:0@1 p1:1@2 p2:0', TWO, 'group', false, [0, 1, 0], []],
  ['the dearest first, to and fro', 'a:0=1 b:0=9 c:0=5 d:0=7', TWO, 'cycles', true, [0, 0, 1, 1], []],
  ['in order of ports', 'a:0=1 b:0=9 c:0=5 d:0=7', TWO, 'roundrobin', true, [0, 1, 0, 1], []],
  ['to who has least to do', 'a:0=1 b:0=9 c:0=5 d:0=2', TWO, 'group', true, [1, 0, 1, 1], []],
  ['pinned ones count as load', 'a:0=8@2 b:0=3 c:0=3', TWO, 'group', false, [1, 0, 0], []],
  ['no such processor', 'a:0@9 b:0', TWO, 'cycles', true, [0, 1], []],
  ['all isolated: nobody is left out', 'a:0@1 b:0@2 c:0', TWO, 'cycles', true, [0, 1, 0], [0, 1]],
  ['workers are filled in order of processors', 'a:0 b:0', [2, 0], 'cycles', true, [1, 0], []],
];

for (const [what, text, cores, how, isolate, workers, isolated] of ROWS) {
  t.test(`${how}: ${what}`, (t) => {
    const a = assign(queues(text), cores, how, isolate);
    t.same(a.workers, workers);
    t.same([...a.isolated], isolated);
    t.end();
  });
}

t.test('what cannot be is said', (t) => {
  const one = assign(queues('a:0@9'), TWO, 'cycles', true);
  t.match(one.faults, [
    /^Core {2}9 cannot be pinned with port 'a' rx queue 0\..*An alternative core will be assigned\.$/,
  ]);
  t.match(assign(queues('a:0@1 b:0'), [1], 'cycles', true).faults, [
    /^No non-isolated pmd available for port 'b' rx queue 0/,
  ]);
  t.end();
});

t.test('variance among workers that may be given queues', (t) => {
  const all = [10, 20, 99];
  t.same(sums(all, [0, 1, 2], [0, 1]), [10, 20]);
  t.same(sums(all, [0, 0, 2], [0, 1]), [30, 0]);
  t.equal(variance([10, 20]), 25);
  t.equal(variance([30, 0]), 225);
  t.equal(variance([30]), 0);
  t.end();
});

t.test('a worker keeps its processor where it may', (t) => {
  const rows: [before: number[], wanted: number[], now: number[]][] = [
    [[-1], [0, 1], [0, 1]],
    [[0, 1], [1], [1]],
    [[1], [0, 1], [1, 0]],
    [
      [0, 1],
      [1, 2],
      [2, 1],
    ],
    [
      [3, 1, 2],
      [1, 2],
      [2, 1],
    ],
  ];
  for (const [before, wanted, now] of rows) t.same(coresOf(before, wanted), now, JSON.stringify([before, wanted]));
  t.end();
});
