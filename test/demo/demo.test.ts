/** The demo as a newcomer runs it: it must end by itself with status 0 and leave nothing behind. */
import '../support/isolate.js';

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';

const WEFT = fileURLToPath(new URL('../../../bin/weft', import.meta.url));
const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping' });
/** The demo promises under a minute. */
const LIMIT_MS = 60_000;

const named = () =>
  `${spawnSync('ip', ['netns']).stdout}${spawnSync('ip', ['-br', 'link']).stdout}`.match(/wfx\S*/g) ?? [];

t.test('as root', { skip: refusal }, (t) => {
  const r = spawnSync(process.execPath, [WEFT, 'demo'], { encoding: 'utf8', timeout: LIMIT_MS });
  t.equal(r.status, 0, 'exit status');
  t.notMatch(r.stdout, /FAIL/);
  t.match(r.stdout, /ok +ping h1 → h4 .*10 of 10/);
  t.match(r.stdout, /recirc_id\(0\),in_port/);
  t.match(r.stdout, /tnl_push\(.*vxlan\(flags=0x8000000,vni=0x2a\)/);
  t.match(r.stdout, /outside: .*4789/);
  t.match(r.stdout, /All of it worked/);
  t.same(named(), [], 'no namespace and no device is left');
  if (r.status !== 0) t.comment(r.stdout + r.stderr);
  t.end();
});

const probe = spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'unshare', '-Urn', 'true']);
const readable = spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-r', WEFT]);
const noUserns =
  refusal ??
  (probe.status !== 0
    ? 'the kernel allows no unprivileged user namespace here'
    : readable.status !== 0
      ? 'the project lies in a folder that other users may not read'
      : undefined);

t.test('without privileges, in a user namespace', { skip: noUserns }, (t) => {
  const args = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, WEFT, 'demo'];
  const r = spawnSync('setpriv', args, { encoding: 'utf8', timeout: LIMIT_MS, env: { ...process.env, HOME: '/tmp' } });
  t.equal(r.status, 0, 'exit status');
  t.match(r.stdout, /All of it worked/);
  if (r.status !== 0) t.comment(r.stdout + r.stderr);
  t.end();
});
