/** Every multipart type of 1.3, 1.4 and 1.5 that os-ken speaks, read by it, and its contents those that the switch was given. */
import '../support/isolate.js';

import t from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import { ANSWERS, type Answer, includes, preparation, VERSIONS, type Version } from './answers.js';
import { controllersRefusal, freePort, OsKen } from './os-ken.js';

const refusal = controllersRefusal({ 'osken-manager': 'python3-os-ken', 'ovs-ofctl': 'openvswitch-common' });
/** Reading all features of all tables takes os-ken longer than a quick suite has. */
const skip = process.argv.includes('--full') ? refusal : 'asked for by --full';
const bridgeOf = (v: Version): string => `wcst${v}`;
/** Reading the features of 254 tables takes the library seconds of processor time a version. */
const PATIENCE_MS = 240_000;

t.setTimeout(300_000);
t.test('statistics over os-ken', { skip }, async (t) => {
  const port = await freePort();
  const sw = new LiveSwitch(
    VERSIONS.flatMap((v) => {
      const ports = [1, 2].map((n) => `${bridgeOf(v)}.${n}`);
      return [
        ...['--bridge', `${bridgeOf(v)}=${ports.join(',')}`],
        ...ports.flatMap((p) => ['--port', `${p}:type=null`]),
        ...['--protocols', `${bridgeOf(v)}=OpenFlow${v}`],
        ...['--controller', `${bridgeOf(v)}=tcp:127.0.0.1:${port},max_backoff=1000,inactivity_probe=60000`],
      ];
    }),
  );
  t.teardown(() => sw.close());
  if (!(await sw.ready())) {
    t.fail(sw.output);
    return;
  }
  for (const v of VERSIONS) {
    for (const command of preparation(bridgeOf(v), v)) {
      const r = sw.run('ovs-ofctl', ...command);
      t.equal(r.status, 0, `${command.join(' ')}: ${r.stderr}`);
    }
  }
  const poller = new OsKen('statistics', port, { FEATURES_OF: VERSIONS.join(',') });
  t.teardown(() => poller.close());
  const bodies = (v: Version, kind: string): unknown[][] =>
    poller.all('reply', { version: v, kind }).map((r) => r.body as unknown[]);
  const holds = (v: Version, { kind, has }: Answer): boolean => {
    const wanted = has?.(v, bridgeOf(v));
    const found = bodies(v, kind);
    return wanted === undefined
      ? found.length > 0 && found.every((body) => body.length === 0)
      : found.some((body) => body.some((x) => includes(x, wanted)));
  };
  const rows = VERSIONS.flatMap((v) =>
    ANSWERS.filter((a) => (a.versions ?? VERSIONS).includes(v)).map((a) => ({ v, a })),
  );
  await until(() => rows.every(({ v, a }) => holds(v, a)), PATIENCE_MS);
  for (const { v, a } of rows) {
    const found = holds(v, a) ? '' : `, not ${String(JSON.stringify(bodies(v, a.kind)[0])).slice(0, 1500)}`;
    t.equal(found, '', `1.${v[1]}: ${a.kind} ${JSON.stringify(a.has?.(v, bridgeOf(v)))}`);
  }
  if (process.env.KEEP) t.comment(poller.log);
  t.same(poller.all('error'), [], 'no errors');
  t.notMatch(poller.log, /Traceback|Error/, 'it could read everything');
  t.equal(await sw.stop(), 0, 'ends as asked');
  t.notMatch(sw.output, /Error|weft bug/, 'no fault of ours');
});
