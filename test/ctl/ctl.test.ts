// Command lines on ovs-vswitchd and on weft, both made alike by the same ovs-vsctl lines: the same output, the same exit status. Lines are in lines/.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { type Side, said } from './compare.js';
import { type Ask, PortNumbers, World } from './world.js';

const HERE = fileURLToPath(new URL('../../../test/ctl/', import.meta.url));
const LINES = join(HERE, 'lines');
const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});

/** Commands that weft has in another form, or not: docs/compatibility.md says why. */
const OTHERWISE: readonly RegExp[] = [/^ofproto\/trace/, /^dpif-dummy\//, /^tnl\//, /^ovs\/route\//];
/** Too many for any command with a limit. */
const MANY = Array.from({ length: 60 }, () => 'x');
/** These take any number. */
const UNLIMITED =
  /^(dpctl\/((add|del|set)-if|add-dp|show|ct-set-limits|(parse|normalize)-actions|list-commands)|dpif\/dump-flows|vlog\/(set|(en|dis)able-rate-limit))$/;

/** Every command that Open vSwitch lists is listed with the same usage, and wants as many arguments. */
async function commandsAgree(t: Test, ovs: Side, weft: Side): Promise<void> {
  const listed = async (side: Side): Promise<Map<string, string>> =>
    new Map(
      (await said(side, 'list-commands')).text
        .split('\n')
        .slice(1)
        .map((l) => [l.trim().split(' ')[0], l]),
    );
  const ours = await listed(weft);
  for (const [name, line] of await listed(ovs)) {
    if (name === '' || OTHERWISE.some((o) => o.test(name))) continue;
    t.equal(ours.get(name), line, `${name}: usage`);
    if (UNLIMITED.test(name)) continue;
    t.same(await weft.ask([name, ...MANY]), await ovs.ask([name, ...MANY]), `${name}: too many arguments`);
    // Without arguments most would be carried out.
    if (name === 'exit') continue;
    const bare = await weft.ask([name]);
    if (/command requires/.test(bare.text)) t.same(bare, await ovs.ask([name]), `${name}: too few arguments`);
  }
}

t.test('the same is said', { skip: refusal ?? false }, async (t) => {
  const flows = mkdtempSync(join(tmpdir(), 'weft-ctl-'));
  const world = new World();
  t.teardown(async () => {
    await world.close();
    rmSync(flows, { recursive: true, force: true });
  });
  t.equal(await world.ready(), '');
  const side = async (name: string, ask: Ask): Promise<Side> => {
    const s = { ask, ports: await PortNumbers.of(ask), files: join(flows, name) };
    s.ports.fillFiles(join(HERE, 'flows'), s.files);
    return s;
  };
  const ovs = await side('ovs', world.askOvs);
  const weft = await side('weft', world.askWeft);
  await commandsAgree(t, ovs, weft);
  for (const file of readdirSync(LINES).sort()) {
    for (const line of readFileSync(join(LINES, file), 'utf8').split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      t.same(await said(weft, line), await said(ovs, line), `${file}: ${line}`);
    }
  }
  await byName(t, ovs);
  await byName(t, weft);
});

/** A flow is told its name, found by it, and taken out by it. */
async function byName(t: Test, side: Side): Promise<void> {
  const key = side.ports.fill('in_port({p1}),eth_type(0x0800),ipv4(frag=no)');
  await side.ask(['revalidator/pause']);
  t.ok((await side.ask(['dpctl/add-flow', key, 'drop'])).ok);
  const ufid = /^ufid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=, )/m.exec(
    (await side.ask(['dpctl/dump-flows', '-m'])).text,
  )?.[0];
  t.ok(ufid, 'dump-flows -m names it');
  t.match(await side.ask(['dpctl/get-flow', ufid ?? '']), { ok: true, text: `recirc_id(0),${key}, packets:0` });
  t.match(await side.ask(['dpctl/get-flow', '-m', ufid ?? '']), { ok: true, text: `${ufid}, ` });
  t.same(await side.ask(['dpctl/del-flow', ufid ?? '']), { ok: true, text: '' });
  t.match(await side.ask(['dpctl/get-flow', ufid ?? '']), { ok: false, text: 'getting flow (No such file' });
  await side.ask(['revalidator/resume']);
}
