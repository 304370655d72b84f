/**
 * Every multipart type that os-ken speaks, read by it, and its contents those that the switch was given: of 1.3, without the features of tables; with
 * --full of 1.3, 1.4 and 1.5, then the features of all tables, which the library reads for seconds.
 */
import '../support/isolate.js';

import t, { type Test } from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import { ANSWERS, type Answer, FEATURES, includes, preparation, TABLES, VERSIONS, type Version } from './answers.js';
import { controllersRefusal, freePort, OsKen } from './os-ken.js';

const skip = controllersRefusal({ 'osken-manager': 'python3-os-ken', 'ovs-ofctl': 'openvswitch-common' });
const full = process.argv.includes('--full');
const versions: readonly Version[] = full ? VERSIONS : ['13'];
const bridgeOf = (v: Version): string => `wcst${v}`;
const PATIENCE_MS = 60_000;
const FEATURES_PATIENCE_MS = 180_000;

/** The features of every table in every version, asked by an application that does nothing else: while the library reads them it answers nobody. */
async function tableFeatures(t: Test, port: number): Promise<void> {
  const asking = new OsKen('statistics', port, { FEATURES: 'all' });
  t.teardown(() => asking.close());
  const tables = (v: Version) => asking.all('features', { version: v }).flatMap((r) => r.tables as unknown[]);
  await until(() => versions.every((v) => tables(v).length >= TABLES), FEATURES_PATIENCE_MS);
  for (const v of versions) {
    const told = tables(v);
    t.equal(told.length, TABLES, `1.${v[1]}: features of every table`);
    const ninth = told.find((x) => includes(x, FEATURES));
    t.ok(ninth, `1.${v[1]}: those of table 9, not ${JSON.stringify(told[9])}`);
  }
  wellRead(t, asking);
}

function wellRead(t: Test, app: OsKen): void {
  t.same(app.all('error'), [], 'no errors');
  t.notMatch(app.log, /Traceback|Error/, 'it could read everything');
}

t.setTimeout(300_000);
t.test('statistics over os-ken', { skip, timeout: 300_000 }, async (t) => {
  const port = await freePort();
  const sw = new LiveSwitch(
    versions.flatMap((v) => {
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
  for (const v of versions) {
    for (const command of preparation(bridgeOf(v), v)) {
      const r = sw.run('ovs-ofctl', ...command);
      t.equal(r.status, 0, `${command.join(' ')}: ${r.stderr}`);
    }
  }
  const poller = new OsKen('statistics', port);
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
  const rows = versions.flatMap((v) =>
    ANSWERS.filter((a) => (a.versions ?? versions).includes(v)).map((a) => ({ v, a })),
  );
  await until(() => rows.every(({ v, a }) => holds(v, a)), PATIENCE_MS);
  for (const { v, a } of rows) {
    const found = holds(v, a) ? '' : `, not ${String(JSON.stringify(bodies(v, a.kind)[0])).slice(0, 1500)}`;
    t.equal(found, '', `1.${v[1]}: ${a.kind} ${JSON.stringify(a.has?.(v, bridgeOf(v)))}`);
  }
  if (process.env.KEEP) t.comment(poller.log);
  wellRead(t, poller);
  poller.close();
  if (full) await tableFeatures(t, port);
  t.equal(await sw.stop(), 0, 'ends as asked');
  t.notMatch(sw.output, /Error|weft bug/, 'no fault of ours');
});
