/** A database server in a process of its own: node dist/test/ovsdb/serve.js SOCKET [FILE]. Prints "ready"; ends with its standard input. */
import { randomUUID } from 'node:crypto';
import { loadAddon } from '../../src/datapath/driver/load.js';
import { UserError } from '../../src/lib/errors.js';
import { Database } from '../../src/ovsdb/engine/database.js';
import { VSWITCH_SCHEMA } from '../../src/ovsdb/schema/vswitch.js';
import { OvsdbServer } from '../../src/ovsdb/server/server.js';
import { FileStorage } from '../../src/ovsdb/storage/file.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';

const [path, file] = process.argv.slice(2);
const clock = new RealClock();
const log = (text: string) => console.error(text);
const common = { clock, newUuid: randomUUID, log };
const server = new OvsdbServer({ ...common, soon: setImmediate });
try {
  if (file) {
    const storage = FileStorage.open(file, VSWITCH_SCHEMA, { ...common, lock: (p) => loadAddon().lockPidFile(p) });
    server.addDatabase(storage.db, (db) => storage.replace(db));
    process.on('SIGUSR1', () => storage.compact());
  } else {
    server.addDatabase(new Database(VSWITCH_SCHEMA, randomUUID));
  }
  let n = 0;
  await listenUnix(path, (stream) => void server.accept(stream, `client ${n++}`));
  console.log('ready');
} catch (e) {
  if (!(e instanceof UserError)) throw e;
  console.error(e.message);
  process.exit(1);
}
process.stdin.on('end', () => process.exit(0)).resume();
