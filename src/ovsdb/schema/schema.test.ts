import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { type Json, parseJson, sortedJson } from '../json/json.js';
import { OvsdbError } from '../value/error.js';
import { parseSchema } from './parse.js';
import { VSWITCH_SCHEMA } from './vswitch.js';

const REAL = '/usr/share/openvswitch/vswitch.ovsschema';

const skip = existsSync(REAL) ? false : `needs ${REAL}`;
t.test('our declarations mean what the schema file of Open vSwitch means', { skip }, (t) => {
  const real = parseSchema(parseJson(readFileSync(REAL, 'utf8')));
  t.same([...VSWITCH_SCHEMA.tables.keys()].sort(), [...real.tables.keys()].sort());
  for (const [name, table] of real.tables) {
    const ours = VSWITCH_SCHEMA.table(name);
    t.equal(ours && sortedJson(ours.toJson()), sortedJson(table.toJson()), name);
    t.equal(ours?.isRoot, table.isRoot);
  }
  t.equal(VSWITCH_SCHEMA.version, real.version);
  t.equal(VSWITCH_SCHEMA.cksum, real.cksum);
  t.end();
});

t.test('a schema survives JSON', (t) => {
  const json = VSWITCH_SCHEMA.toJson();
  t.equal(sortedJson(parseSchema(json).toJson()), sortedJson(json));
  t.end();
});

t.test('faults', (t) => {
  const table = (columns: Json, more = {}) => ({ name: 'x', version: '1.0.0', tables: { t: { columns, ...more } } });
  const rows: [Json, string][] = [
    [[], 'Parsing database schema failed: Object expected.'],
    [{ tables: {} }, "Parsing database schema failed: Required 'name' member is missing."],
    [{ name: 'x', version: '1', tables: {} }, 'schema version "1" not in format x.y.z'],
    [table({ _a: { type: 'integer' } }), 'names beginning with "_" are reserved'],
    [table({ a: { type: 'int' } }), '"int" is not an atomic-type'],
    [table({ a: { type: 7 } }), 'ovsdb type expected'],
    [table({ a: { type: { key: 'string', min: 2, max: 3 } } }), 'ovsdb type fails constraint checks'],
    [table({ a: { type: { key: 'string', max: -1 } } }), 'bad min or max value'],
    [
      table({ a: { type: { key: { type: 'integer', minInteger: 3, maxInteger: 2 } } } }),
      'minInteger exceeds maxInteger',
    ],
    [table({ a: { type: { key: { type: 'uuid', refTable: 'u' } } } }), 'column a key refers to undefined table u'],
    [
      table({ a: { type: 'string', ephemeral: true } }, { indexes: [['a']] }),
      'ephemeral columns (such as a) may not be indexed',
    ],
    [table({ a: { type: 'string' } }, { maxRows: 0 }), 'maxRows must be at least 1'],
    [
      table({ a: { type: 'string', foo: 1 } }),
      "Parsing schema for column a failed: Member 'foo' is present but not allowed here.",
    ],
  ];
  for (const [json, details] of rows) {
    try {
      parseSchema(json);
      t.fail(`${details}: accepted`);
    } catch (e) {
      t.equal(e instanceof OvsdbError ? e.details : e, details);
    }
  }
  t.end();
});
