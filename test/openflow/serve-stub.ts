/** A stub bridge on a Unix socket, for trying clients by hand: node dist/test/openflow/serve-stub.js PATH */
import { OpenFlowServer } from '../../src/openflow/server/server.js';
import { StubBridge } from '../../src/openflow/testing/stub-bridge.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';

const clock = new RealClock();
const server = new OpenFlowServer(new StubBridge(clock), clock);
await listenUnix(process.argv[2], (s) => server.accept(s));
console.log('ready');
