import t from 'tap';
import { VSWITCH_SCHEMA } from '../../src/ovsdb/schema/vswitch.js';
import { hasRealServer } from './peers.js';
import { runWorld } from './run.js';
import { TEST_SCHEMA } from './test-schema.js';

const skip = hasRealServer() ? false : 'needs ovsdb-server';

t.test(
  'random transactions and monitors: what ovsdb-server says; each opens the file of the other',
  { skip },
  async (t) => {
    for (const [schema, seed, n] of [
      [TEST_SCHEMA, 11, 400],
      [VSWITCH_SCHEMA.toJson(), 12, 300],
    ] as const) {
      const { difference, committed, updates } = await runWorld(schema, seed, n);
      t.equal(difference, undefined, `seed ${seed}: ${committed} successes, ${updates} updates`);
      t.ok(committed > 100, 'most did something');
    }
  },
);
