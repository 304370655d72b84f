/** The SSL row as the files of our connections: looked up at each connection, so a changed row counts from the next one on. */
import { UserError } from '../../lib/errors.js';
import { Tls } from '../tls.js';
import type { ConfigTables } from './tables.js';

/** `otherwise`: files that the command line names, for when there is no row. */
export function rowTls(t: ConfigTables, otherwise: Tls | undefined): Tls {
  return new Tls(() => {
    const row = t.ssl.rows.get([...t.root.rows.values()][0]?.ssl ?? '');
    if (row) {
      const { private_key: privateKey, certificate, ca_cert: caCert, bootstrap_ca_cert: bootstrap } = row;
      return { privateKey, certificate, caCert, bootstrap };
    }
    if (otherwise) return otherwise.files;
    throw new UserError('ssl needs a key, a certificate and the authority of peers: ovs-vsctl set-ssl names them');
  });
}
