import t from 'tap';
import { GENERATOR_BUCKETS, GENERATOR_HEADER } from '../../datapath/native.js';
import { latencyOfBucket, percentile, summarize } from './report.js';

t.test('bucket edges ascend, and are exact at powers of two', (t) => {
  for (let i = 1; i < 600; i++) {
    if (latencyOfBucket(i) <= latencyOfBucket(i - 1)) t.fail(`bucket ${i}`);
  }
  t.equal(latencyOfBucket(16), 16);
  t.equal(latencyOfBucket(32), 32);
  t.equal(latencyOfBucket(33), 34);
  t.equal(latencyOfBucket(16 * 7), 1024);
  t.end();
});

t.test('percentiles and rates', (t) => {
  const c = new Float64Array(GENERATOR_HEADER + GENERATOR_BUCKETS);
  c[0] = 200;
  c[1] = 12000;
  c[3] = 100;
  c[7] = 1000;
  c[10] = 2e9;
  c[GENERATOR_HEADER + 3] = 99;
  c[GENERATOR_HEADER + 32] = 1;
  const buckets = c.subarray(GENERATOR_HEADER);
  t.equal(percentile(buckets, 0.5), 3);
  t.equal(percentile(buckets, 0.99), 3);
  t.equal(percentile(buckets, 1), 32);
  const r = summarize(c, true);
  t.equal(r.sentPps, 100);
  t.equal(r.lost, 100);
  t.equal(r.latency?.mean, 0.01);
  t.end();
});
