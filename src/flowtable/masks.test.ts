/** Soundness has its own suite; this is the other side: masks of rule sets of size must stay narrow, or the cache fills with flows. */
import t from 'tap';
import { KEY_BYTES, newKey, words } from '../flow/key.js';
import { Random } from '../lib/random.js';
import { K, type Slot } from '../packet/key.js';
import { keyOf, matchOf, ruleOf } from './cases.js';
import { TupleClassifier } from './tuple.js';

function bitsOf(mask: Uint8Array, slot: Slot): number {
  let n = 0;
  for (let i = 0; i < slot.bytes; i++) for (let b = mask[slot.offset + i]; b; b &= b - 1) n++;
  return n;
}

function table(rules: readonly (readonly [number, string])[]): TupleClassifier {
  const c = new TupleClassifier();
  for (const [priority, match] of rules) c.insert(ruleOf(priority, matchOf(match)));
  return c;
}

/** Looks up keys; returns their masks, and how many flows a cache would hold in the end. */
function flows(c: TupleClassifier, keys: Iterable<string>): { masks: Uint8Array[]; count: number } {
  const masks: Uint8Array[] = [];
  const seen = new Set<string>();
  for (const text of keys) {
    const key = keyOf(text);
    const mask = newKey();
    c.lookup(words(key), words(mask));
    masks.push(mask);
    for (let i = 0; i < KEY_BYTES; i++) key[i] &= mask[i];
    seen.add(Buffer.concat([mask, key]).toString('latin1'));
  }
  return { masks, count: seen.size };
}

const IP = 'eth_type=0x0800';
const dotted = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');

t.test('1,000 routes of 24 bits: no mask takes more than 24 bits of the address, and one flow a route', (t) => {
  const routes = Array.from({ length: 1000 }, (_, i) => [10, `${IP} nw_dst=10.${i >> 8}.${i & 255}.0/24`] as const);
  const c = table([...routes, [0, '']]);
  const r = new Random(1);
  const inside = Array.from({ length: 4_000 }, () => {
    const i = r.below(1000);
    return `${IP} nw_dst=10.${i >> 8}.${i & 255}.${r.below(256)} nw_src=${dotted(r.u32())} tp_dst=${r.below(65536)}`;
  });
  const hit = flows(c, inside);
  t.ok(hit.masks.every((m) => bitsOf(m, K.nwDst) <= 24));
  t.ok(hit.masks.every((m) => bitsOf(m, K.nwSrc) + bitsOf(m, K.tpDst) + bitsOf(m, K.ethDst) === 0));
  t.ok(hit.count > 900 && hit.count <= 1000, `${hit.count} flows`);
  const outside = Array.from({ length: 4_000 }, () => `${IP} nw_dst=${dotted((r.u32() | 0x80000000) >>> 0)}`);
  t.equal(flows(c, outside).count, 1, 'what is far from every route is one flow');
  const anywhere = flows(
    c,
    Array.from({ length: 4_000 }, () => `${IP} nw_dst=${dotted(r.u32())}`),
  );
  t.ok(anywhere.count <= 24, `random addresses: ${anywhere.count} flows`);
  const noIp = flows(
    c,
    Array.from({ length: 1000 }, () => `eth_type=0x0806 nw_dst=${dotted(r.u32())}`),
  );
  t.ok(noIp.count <= 24, `ARP: ${noIp.count} flows`);
  t.end();
});

t.test('a host route does not make hosts of the others', (t) => {
  const c = table([
    [32, `${IP} nw_dst=10.0.0.1`],
    [16, `${IP} nw_dst=10.0.0.0/16`],
    [0, ''],
  ]);
  const r = new Random(2);
  const keys = Array.from({ length: 4_000 }, () => `${IP} nw_dst=${dotted(0x0a000000 + r.below(65536))}`);
  const { count } = flows(c, keys);
  t.ok(count <= 17, `${count} flows for 65,536 hosts`);
  t.end();
});

t.test('an ACL of ports under one of addresses', (t) => {
  const rules: [number, string][] = [[0, '']];
  for (const p of [22, 23, 25, 53, 80, 110, 143, 443, 3306, 8080]) rules.push([50, `${IP} nw_proto=6 tp_dst=${p}`]);
  for (let i = 0; i < 200; i++) rules.push([100, `${IP} nw_src=192.168.${i}.0/24`]);
  const c = table(rules);
  const r = new Random(3);
  const clients = Array.from(
    { length: 4_000 },
    () => `${IP} nw_proto=6 nw_src=10.0.0.${r.below(256)} tp_src=${r.below(65536)} tp_dst=${r.between(32768, 65535)}`,
  );
  const { masks, count } = flows(c, clients);
  t.ok(masks.every((m) => bitsOf(m, K.tpSrc) === 0));
  t.ok(masks.every((m) => bitsOf(m, K.nwSrc) <= 8));
  t.ok(count <= 2, `${count} flows for 4,000 connections to high ports`);
  const udp = flows(
    c,
    Array.from({ length: 1000 }, () => `${IP} nw_proto=17 tp_dst=${r.below(65536)}`),
  );
  t.equal(udp.count, 1, 'another protocol never has its ports read');
  t.end();
});

t.test('a table of MAC addresses: one flow an address', (t) => {
  const c = table([
    ...Array.from({ length: 500 }, (_, i) => [10, `vlan_tci=0x1001 eth_dst=${0x020000000000 + i}`] as const),
    [0, ''],
  ]);
  const keys = Array.from(
    { length: 5000 },
    (_, i) => `vlan_tci=0x1001 eth_dst=${0x020000000000 + (i % 500)} nw_dst=${i}`,
  );
  t.equal(flows(c, keys).count, 500);
  t.end();
});
