import t from 'tap';
import { runSuite } from '../suite.js';
import { runTunnelSuite } from '../suite-tunnel.js';
import { ReferenceDatapath } from './datapath.js';

t.test('reference engine', (t) => {
  runSuite(t, (config) => new ReferenceDatapath(config));
  runTunnelSuite(t, (config) => new ReferenceDatapath(config));
  t.end();
});
