/** A database server in a process of its own: node dist/test/ovsdb/serve.js FILE REMOTE... Prints "ready"; SIGUSR1 compacts; ends with its standard input. */
import { UserError } from '../../src/lib/errors.js';
import { EmbeddedDatabase } from '../../src/switch/embedded-database.js';
import { RealClock } from '../../src/switch/real-clock.js';

const [file, ...remotes] = process.argv.slice(2);
try {
  const database = new EmbeddedDatabase({ file, remotes, clock: new RealClock(), log: (text) => console.error(text) });
  process.on('SIGUSR1', () => database.compact());
  const socket = remotes.find((r) => r.startsWith('punix:'))?.slice('punix:'.length);
  const { existsSync } = await import('node:fs');
  while (socket && !existsSync(socket)) await new Promise((r) => setTimeout(r, 5));
  console.log('ready');
  process.stdin
    .on('end', () => {
      database.close();
      process.exit(0);
    })
    .resume();
} catch (e) {
  if (!(e instanceof UserError)) throw e;
  console.error(e.message);
  process.exit(1);
}
