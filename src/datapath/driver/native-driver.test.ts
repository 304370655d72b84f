import t from 'tap';
import { runSuite } from '../suite.js';
import { NativeDriver } from './native-driver.js';

t.test('native engine', (t) => {
  runSuite(t, (config) => new NativeDriver({ ...config, manual: true, maxFlows: 4096 }));
  t.end();
});

t.test('native engine without the microflow cache', (t) => {
  runSuite(t, (config) => new NativeDriver({ ...config, manual: true, maxFlows: 4096, microflow: false }));
  t.end();
});
