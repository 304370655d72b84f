/** The _Server database, in which a server tells about its databases: ovsdb-server(5). */
import { DatabaseSchema } from './schema.js';
import { boolean, integer, one, oneOf, optional, string, uuid } from './std.js';

export const SERVER_SCHEMA = new DatabaseSchema('_Server', '1.2.0', '', {
  Database: {
    columns: {
      name: { type: one(string) },
      model: { type: one(oneOf('standalone', 'clustered', 'relay')) },
      connected: { type: one(boolean) },
      leader: { type: one(boolean) },
      schema: { type: optional(string) },
      cid: { type: optional(uuid) },
      sid: { type: optional(uuid) },
      index: { type: optional(integer) },
    },
  },
});
