import t from 'tap';
import { MESSAGES } from '../fixtures/messages.js';
import { decode, encode, encodeParts } from '../message.js';
import { rowOf } from '../registry.js';
import type { Codec } from '../schema.js';
import { formatBytes } from './message.js';

t.test('messages print as ovs-ofctl prints them', (t) => {
  for (const [hex, text] of MESSAGES) {
    t.equal(formatBytes(Buffer.from(hex, 'hex'), { verbosity: 2 }), text, text.split('\n')[0]);
  }
  t.end();
});

/** Properties that weft reads past: written again they are not there. */
const FORGETS = new Set(['OFPST_PORT reply', 'OFPST_TABLE reply']);

t.test('what was read is written again, byte for byte', (t) => {
  for (const [hex, text] of MESSAGES) {
    const bytes = Buffer.from(hex, 'hex');
    const m = decode(bytes);
    const row = rowOf(m.kind, m.version, m.name);
    if (!row || FORGETS.has(m.name)) continue;
    const to = { version: m.version, xid: m.xid, name: m.name };
    const body: Codec<never> | object = row.body;
    const parts = 'element' in body && Array.isArray(m.value) ? [...encodeParts(m.kind, m.value as never, to)] : [];
    const written = parts.length === 1 ? parts[0] : encode(m.kind, m.value, to);
    t.equal(Buffer.from(written).toString('hex'), hex, text.split('\n')[0]);
  }
  t.end();
});

t.test('no prefix of a message is more than an error', (t) => {
  let shown = 0;
  for (const [hex] of MESSAGES) {
    const bytes = Buffer.from(hex, 'hex');
    for (let n = 0; n < bytes.length; n++) {
      const cut = Buffer.from(bytes.subarray(0, n));
      if (n >= 4) cut.writeUInt16BE(Math.max(8, n), 2);
      if (formatBytes(cut, { verbosity: 0 }).length > 0) shown++;
    }
  }
  t.ok(shown > 10_000, `${shown} prefixes`);
  t.end();
});
