/**
 * ovs-ofctl and weft ofctl, each against ovs-vswitchd and against weft's server: what they print, their exit status, and the flows that are there
 * afterwards must be the same, but for times, transaction ids and what is a machine's own.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { OpenFlowServer } from '../../src/openflow/server/server.js';
import { StubBridge } from '../../src/openflow/testing/stub-bridge.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';
import { RealOvs } from '../support/ovs.js';
import { BASE_FLOWS, COMMANDS, type CommandRow, GROUP_COMMANDS } from './commands.js';

t.setTimeout(600_000);

const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** What of a text is this run's or this machine's own. */
const OWN: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}-\d\d-\d\dT[^|]*\|\d+\|.*\n/gm, ''],
  [/duration[=:][0-9.]+s/g, 'duration=Ns'],
  [/idle_age=\d+/g, 'idle_age=N'],
  [/hard_age=\d+, /g, ''],
  [/xid=(0x)?[0-9a-f]+/g, 'xid=N'],
  [/time=[0-9.]+ ms/g, 'time=N'],
  [/dpid:[0-9a-f]{16}/g, 'dpid:D'],
  [/addr:[0-9a-f:]{17}/g, 'addr:A'],
  [/unix:\S*\/br0\.mgmt/g, 'unix:BR'],
  [/\/\S*\/input/g, 'FILE'],
  [/lookup=\d+, matched=\d+/g, 'lookup=N'],
  // Counters of dummy devices: what they do not count is "?".
  [/(pkts|bytes|drop|errs|frame|over|crc|coll)=(\d+|\?)/g, '$1=N'],
];

/** Lines in any order: that of flows and ports is nobody's promise. */
function normal(text: string): string {
  let s = text;
  for (const [pattern, to] of OWN) s = s.replace(pattern, to);
  return s.split('\n').sort().join('\n').trim();
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env, maxBuffer: 64 << 20 }, (error, out, err) => {
      resolve({ status: error ? Number(error.code ?? 1) : 0, out, err });
    });
    // A program that ends without reading its input is no fault.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

interface Switch {
  /** What dump-flows says of the base flows, once they were put there; undefined while others may be. */
  base: string | undefined;
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
}

async function flowsOf(sw: Switch): Promise<string> {
  const r = await run('ovs-ofctl', ['-O', 'OpenFlow14', '--no-names', '--sort', 'dump-flows', 'br0'], sw.env);
  return normal(r.out);
}

async function restore(sw: Switch): Promise<void> {
  if (sw.base !== undefined) return;
  await run('ovs-ofctl', ['del-flows', 'br0'], sw.env);
  await run('ovs-ofctl', ['-O', 'OpenFlow14', 'add-flows', 'br0', '-'], sw.env, BASE_FLOWS);
  sw.base = await flowsOf(sw);
}

/** What a command prints and what it leaves. */
async function outcome(program: string, row: CommandRow, sw: Switch): Promise<Outcome & { flows: string }> {
  await restore(sw);
  const file = join(sw.dir, 'input');
  writeFileSync(file, row.input ?? '');
  const args = row.args.map((a) => (a === 'BR' ? 'br0' : a === 'FILE' ? file : a));
  const r = await run(program, args, sw.env, row.input);
  const flows = await flowsOf(sw);
  // Most commands change no flow: the next need not put them back.
  if (flows !== sw.base) sw.base = undefined;
  return { status: r.status, out: normal(r.out), err: normal(r.err), flows };
}

/** A session of commands, from a switch without groups and meters. */
async function session(program: string, rows: readonly CommandRow[], sw: Switch): Promise<Outcome[]> {
  for (const clear of ['del-groups', 'del-meters', 'del-flows']) {
    await run('ovs-ofctl', ['-O', 'OpenFlow13', clear, 'br0'], sw.env);
  }
  const out: Outcome[] = [];
  for (const row of rows) {
    const r = await run(
      program,
      row.args.map((a) => (a === 'BR' ? 'br0' : a)),
      sw.env,
      row.input,
    );
    out.push({ status: r.status, out: normal(r.out), err: normal(r.err) });
  }
  return out;
}

t.test('both programs on both switches', { skip: missing ?? false, timeout: 600_000 }, async (t) => {
  const ovs = new RealOvs();
  const dir = mkdtempSync(join(tmpdir(), 'weft-of-'));
  const clock = new RealClock();
  const server = new OpenFlowServer(new StubBridge(clock), clock, {
    fault: (e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)),
  });
  const close = await listenUnix(join(dir, 'br0.mgmt'), (s) => void server.accept(s));
  t.teardown(async () => {
    server.close();
    await close();
    ovs.close();
    rmSync(dir, { recursive: true, force: true });
  });
  ovs.addBridge('br0', 2, 'OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15');
  const ours = join(dir, 'ovs-ofctl');
  symlinkSync(fileURLToPath(new URL('../../../bin/weft', import.meta.url)), ours);
  const theirs: Switch = { base: undefined, dir: ovs.dir, env: { ...ovs.env, WEFT_RUNDIR: ovs.dir } };
  const weft: Switch = {
    base: undefined,
    dir,
    env: { ...process.env, OVS_RUNDIR: dir, WEFT_RUNDIR: dir, OVS_LOGDIR: dir },
  };

  for (const row of COMMANDS) {
    const name = row.args.join(' ');
    const expected = await outcome('ovs-ofctl', row, theirs);
    t.same(await outcome(ours, row, theirs), expected, `weft ofctl on ovs-vswitchd: ${name}`);
    if (row.programsOnly !== undefined) continue;
    t.same(await outcome('ovs-ofctl', row, weft), expected, `ovs-ofctl on weft: ${name}`);
  }

  const expected = await session('ovs-ofctl', GROUP_COMMANDS, theirs);
  const oursThere = await session(ours, GROUP_COMMANDS, theirs);
  const theirsHere = await session('ovs-ofctl', GROUP_COMMANDS, weft);
  GROUP_COMMANDS.forEach((row, i) => {
    const name = row.args.join(' ');
    t.same(oursThere[i], expected[i], `weft ofctl on ovs-vswitchd: ${name}`);
    t.same(theirsHere[i], expected[i], `ovs-ofctl on weft: ${name}`);
  });
});
