/** A database server in a process of its own: node dist/test/ovsdb/serve.js SOCKET. Prints "ready"; ends with its standard input. */
import { randomUUID } from 'node:crypto';
import { Database } from '../../src/ovsdb/engine/database.js';
import { VSWITCH_SCHEMA } from '../../src/ovsdb/schema/vswitch.js';
import { OvsdbServer } from '../../src/ovsdb/server/server.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';

const [path] = process.argv.slice(2);
const server = new OvsdbServer({
  clock: new RealClock(),
  newUuid: randomUUID,
  soon: setImmediate,
  log: (text) => console.error(text),
});
server.addDatabase(new Database(VSWITCH_SCHEMA, randomUUID));
let n = 0;
await listenUnix(path, (stream) => void server.accept(stream, `client ${n++}`));
console.log('ready');
process.stdin.on('end', () => process.exit(0)).resume();
