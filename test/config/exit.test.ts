/** What an end of the switch leaves behind: internal ports outlive it, in Open vSwitch as in weft, unless it is told to clean up. */
import '../support/isolate.js';

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';

const refusal = labRefusal() ?? needPrograms(OVS_PROGRAMS);
const SOON = 10_000;
const BRIDGE = 'wfx0';
const PORT = 'wfx1';

type Run = (program: string, ...args: string[]) => string;

const isThere = (device: string): boolean => existsSync(`/sys/class/net/${device}`);

function configure(run: Run): void {
  const bridge = ['add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=netdev'];
  run(
    'ovs-vsctl',
    '--timeout=20',
    ...bridge,
    '--',
    'add-port',
    BRIDGE,
    PORT,
    '--',
    'set',
    'interface',
    PORT,
    'type=internal',
  );
}

interface Side {
  readonly run: Run;
  /** The switch has ended. */
  isOver(): boolean;
  close(): Promise<void>;
}

/** What is there when the switch has ended. */
async function look(start: () => Promise<Side>, command: readonly string[]) {
  const side = await start();
  try {
    configure(side.run);
    const before = [BRIDGE, PORT].map(isThere);
    const answer = side.run('ovs-appctl', ...command);
    const answered = [BRIDGE, PORT].map(isThere);
    const over = await until(() => side.isOver(), SOON);
    return { before, answer, answered, over, after: [BRIDGE, PORT].map(isThere) };
  } finally {
    await side.close();
  }
}

async function ovs(): Promise<Side> {
  const real = new RealOvs('--enable-dummy');
  const pid = readFileSync(join(real.dir, 'ovs-vswitchd.pid'), 'utf8').trim();
  const isOver = () => !existsSync(`/proc/${pid}`);
  return { run: (p, ...a) => real.run(p, ...a), isOver, close: async () => real.close() };
}

async function weft(): Promise<Side> {
  const sw = new LiveSwitch([]);
  if (!(await sw.ready())) throw new Error(sw.output);
  const run: Run = (p, ...a) => {
    const r = sw.run(p, ...a);
    if (r.status !== 0) throw new Error(`${p} ${a.join(' ')}: ${r.stderr}`);
    return r.stdout;
  };
  return { run, isOver: () => !sw.running, close: () => sw.close() };
}

t.test('exit, and exit --cleanup', { skip: refusal ?? false }, async (t) => {
  for (const [name, start] of [
    ['ovs-vswitchd', ovs],
    ['weft', weft],
  ] as const) {
    for (const [command, left] of [
      [['exit'], true],
      [['exit', '--cleanup'], false],
    ] as const) {
      const seen = await look(start, command);
      // Open vSwitch answers a moment before it is done.
      if (name === 'weft') t.same(seen.answered, [left, left], `${command.join(' ')}: when it is answered`);
      const { before, answer, over, after } = seen;
      const wanted = { before: [true, true], answer: '', over: true, after: [left, left] };
      t.same({ before, answer, over, after }, wanted, `${name}: ${command.join(' ')}`);
    }
  }
});
