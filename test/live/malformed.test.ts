import '../support/isolate.js';

import t from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { malformed } from './malformed.js';

const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping' });

t.test('malformed frames into a live switch', { skip: refusal }, async (t) => {
  const r = await malformed(40_000, 7, 8000);
  t.comment(JSON.stringify(r));
  t.ok(r.sent > 30_000, 'frames were sent');
  t.ok(r.received >= r.sent * 0.99, 'and arrived');
  t.ok(r.unseen < 0.05, `${(100 * (1 - r.unseen)).toFixed(1)} % of them in the pipeline`);
  t.same(r.unbalanced, [], 'received = forwarded + dropped + held on every port');
  t.same(r.pings, { NORMAL: true, pipeline: true }, 'it still forwards');
  t.ok(r.residentMb < 700, `resident memory stays bounded: ${r.residentMb} MB`);
  t.equal(r.exit, 0, 'it ends as asked');
});
