import t from 'tap';
import { runSuite } from '../suite.js';
import { MISS_CASES } from '../suite-miss.js';
import { runTunnelSuite } from '../suite-tunnel.js';
import { ReferenceDatapath } from './datapath.js';

t.test('reference engine', (t) => {
  runSuite(t, (config) => new ReferenceDatapath(config));
  runSuite(t, (config) => new ReferenceDatapath(config), MISS_CASES);
  runTunnelSuite(t, (config) => new ReferenceDatapath(config));
  t.end();
});
