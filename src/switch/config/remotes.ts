/** Where the database is: connections that a program's arguments name. */
import { UserError } from '../../lib/errors.js';
import { OVSDB_PORT, parseTarget } from '../../openflow/target.js';
import type { Remote } from '../../ovsdb/client/session.js';
import { dial } from '../target-sockets.js';
import type { Tls } from '../tls.js';

/** "unix:/run/db.sock,tcp:10.0.0.1:6640": each in turn. Throws UserError. */
export function databaseRemotes(text: string, tls: Tls | undefined): Remote[] {
  return text.split(/,(?=(?:unix|tcp|ssl):)/).map((one) => {
    const target = parseTarget(one, OVSDB_PORT);
    if (target.passive) throw new UserError(`${one}: the switch connects to its database, it does not wait for it`);
    if (target.kind === 'ssl' && !tls) {
      throw new UserError(`${one}: ssl needs --private-key, --certificate and --ca-cert`);
    }
    return { text: one, open: (then) => dial(target, tls, then) };
  });
}
