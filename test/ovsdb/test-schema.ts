/** A schema with everything that a schema can say, for the suites. */
import type { Json } from '../../src/ovsdb/json/json.js';

const unlimited = { min: 0, max: 'unlimited' };
const maybe = { min: 0, max: 1 };

export const TEST_SCHEMA: Json = {
  name: 'Test',
  version: '1.2.3',
  tables: {
    Root: {
      isRoot: true,
      maxRows: 12,
      indexes: [['name'], ['n', 'tag']],
      columns: {
        name: { type: 'string', mutable: false },
        n: { type: { key: { type: 'integer', minInteger: -10, maxInteger: 1000000 } } },
        tag: { type: { key: { type: 'integer' }, ...maybe } },
        big: { type: 'integer' },
        real: { type: 'real' },
        reals: { type: { key: { type: 'real', minReal: -100.5, maxReal: 1000 }, min: 0, max: 3 } },
        flag: { type: 'boolean' },
        flags: { type: { key: 'boolean', ...unlimited } },
        color: { type: { key: { type: 'string', enum: ['set', ['red', 'green', 'blue']] }, ...maybe } },
        short: { type: { key: { type: 'string', minLength: 0, maxLength: 3 } } },
        words: { type: { key: 'string', value: 'string', ...unlimited } },
        counts: { type: { key: 'string', value: 'integer', min: 0, max: 3 } },
        some: { type: { key: 'integer', min: 1, max: 'unlimited' } },
        ids: { type: { key: 'uuid', ...unlimited } },
        live: { type: { key: 'string', ...unlimited }, ephemeral: true },
        leaves: { type: { key: { type: 'uuid', refTable: 'Leaf' }, ...unlimited } },
        byName: { type: { key: 'string', value: { type: 'uuid', refTable: 'Leaf' }, ...unlimited } },
        first: { type: { key: { type: 'uuid', refTable: 'Leaf' }, ...maybe } },
        friends: { type: { key: { type: 'uuid', refTable: 'Root', refType: 'weak' }, ...unlimited } },
        weakMap: { type: { key: 'integer', value: { type: 'uuid', refTable: 'Leaf', refType: 'weak' }, ...unlimited } },
      },
    },
    Leaf: {
      columns: {
        text: { type: 'string' },
        next: { type: { key: { type: 'uuid', refTable: 'Leaf' }, ...maybe } },
        up: { type: { key: { type: 'uuid', refTable: 'Root', refType: 'weak' }, ...maybe } },
      },
    },
    Needy: {
      isRoot: true,
      columns: {
        leaf: { type: { key: { type: 'uuid', refTable: 'Leaf', refType: 'weak' }, min: 1, max: 2 } },
        note: { type: 'string' },
      },
    },
  },
};
