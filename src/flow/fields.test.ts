import t from 'tap';
import { UserError } from '../lib/errors.js';
import { Random } from '../lib/random.js';
import { K } from '../packet/key.js';
import type { FieldRow } from './field.js';
import {
  actionName,
  codePointFor,
  FIELDS,
  field,
  fieldByAnyName,
  fieldByHeader,
  fieldByName,
  markBits,
  readBits,
  readField,
  readNumber,
  wholeField,
  writeBits,
  writeField,
} from './fields.js';
import { KEY_BYTES, newKey, setU } from './key.js';
import { Match } from './match.js';
import { checkPrereqs, matchHasPrereqs } from './prereqs.js';
import { formatSubfield, parseSubfield } from './subfield.js';

t.test('rows agree with themselves', (t) => {
  const names = FIELDS.flatMap((f) => [f.name, ...f.aliases, ...f.ids.map((id) => id.name)]);
  t.equal(new Set(names).size, names.length, 'no name twice');
  for (const f of FIELDS) {
    for (const name of [f.name, ...f.aliases]) t.equal(fieldByName(name), f, name);
    for (const id of f.ids) {
      t.equal(fieldByHeader(id.class, id.field, id.experimenter), f, id.name);
      t.equal(fieldByAnyName(id.name), f);
    }
    t.ok(f.slot.offset + f.slot.bytes <= KEY_BYTES, `${f.name} is in the key`);
    if (f.tunMetadata === undefined && f.bits > 16)
      t.ok(f.bits + f.shift <= f.slot.bytes * 8, `${f.name} fits its slot`);
    t.ok(f.bytes * 8 >= f.bits, `${f.name} fits its payload`);
  }
  t.equal(fieldByAnyName('NXM_OF_IP_SRC_W'), field('nw_src'));
  t.equal(fieldByName('nonsense'), undefined);
  t.end();
});

t.test('code points by OpenFlow version', (t) => {
  const rows: [string, number, string][] = [
    ['eth_src', 0, 'NXM_OF_ETH_SRC'],
    ['eth_src', 4, 'OXM_OF_ETH_SRC'],
    ['tcp_flags', 0, 'NXM_NX_TCP_FLAGS'],
    ['tcp_flags', 4, 'ONFOXM_ET_TCP_FLAGS'],
    ['tcp_flags', 6, 'OXM_OF_TCP_FLAGS'],
    ['actset_output', 5, 'ONFOXM_ET_ACTSET_OUTPUT'],
    ['packet_type', 0, 'OXM_OF_PACKET_TYPE'],
    ['metadata', 0, 'OXM_OF_METADATA'],
    ['reg3', 6, 'NXM_NX_REG3'],
  ];
  for (const [name, version, id] of rows) t.equal(codePointFor(field(name), version)?.name, id, `${name} ${version}`);
  t.equal(codePointFor(field('dl_vlan'), 4), undefined);
  t.equal(actionName(field('tun_ttl')), 'tun_ttl');
  t.end();
});

t.test('values are read back as written, and nothing else is touched', (t) => {
  const r = new Random(7);
  const fault = (f: FieldRow): string | undefined => {
    for (let i = 0; i < 20; i++) {
      const before = Uint8Array.from(r.bytes(KEY_BYTES));
      const key = before.slice();
      let v = 0n;
      for (const b of r.bytes(16)) v = (v << 8n) | BigInt(b);
      v &= f.valid;
      writeField(key, f, v);
      if (readField(key, f) !== v) return `${f.name}: wrote ${v}, read ${readField(key, f)}`;
      if (f.slot.bytes <= 4 && BigInt(readNumber(key, f)) !== v) return `${f.name} as a number`;
      for (let b = 0; b < KEY_BYTES; b++) {
        if (key[b] !== before[b] && (b < f.slot.offset || b >= f.slot.offset + f.slot.bytes)) {
          return `${f.name} changed byte ${b}`;
        }
      }
      const ofs = r.below(f.bits);
      const sub = { field: f, ofs, bits: r.between(1, f.bits - ofs) };
      const mask = ((1n << BigInt(sub.bits)) - 1n) & v;
      const expected = (v & ~(mask << BigInt(ofs))) | ((~v & mask) << BigInt(ofs));
      writeBits(key, sub, ~v & mask, mask);
      if (f.bytes !== 2 || f.format !== 'of_port') {
        if (readField(key, f) !== (expected & f.valid)) return `bits of ${formatSubfield(sub)}`;
        if (
          f.valid === (1n << BigInt(f.bits)) - 1n &&
          readBits(key, sub) !== ((expected >> BigInt(ofs)) & ((1n << BigInt(sub.bits)) - 1n))
        ) {
          return `read of ${formatSubfield(sub)}`;
        }
      }
    }
    return undefined;
  };
  for (const f of FIELDS) if (f.tunMetadata === undefined) t.equal(fault(f), undefined, f.name);
  t.end();
});

t.test('special places', (t) => {
  const key = newKey();
  writeField(key, field('in_port'), 0xfffen);
  t.equal(readField(key, field('in_port_oxm')), 0xfffffffen, 'LOCAL');
  writeField(key, field('dl_vlan'), 5n);
  t.equal(readField(key, field('vlan_tci')), 0x1005n, 'a VLAN id implies a tag');
  const mask = newKey();
  markBits(mask, wholeField(field('vlan_vid')));
  t.equal(readField(mask, field('vlan_tci')), 0x1fffn);
  markBits(mask, wholeField(field('nw_tos')));
  t.equal(mask[K.nwTos.offset], 0xfc);
  markBits(mask, parseSubfield('reg1[4..7]'));
  t.equal(readField(mask, field('reg1')), 0xf0n);
  t.equal(readField(mask, field('xreg0')), 0xf0n);
  t.end();
});

t.test('subfield text', (t) => {
  const rows = [
    ['NXM_NX_REG0[0..15]', 'NXM_NX_REG0[0..15]'],
    ['reg0[3]', 'NXM_NX_REG0[3]'],
    ['eth_src', 'NXM_OF_ETH_SRC[]'],
    ['NXM_OF_ETH_DST[]', 'NXM_OF_ETH_DST[]'],
    ['OXM_OF_METADATA[0..31]', 'OXM_OF_METADATA[0..31]'],
    ['ONFOXM_ET_TCP_FLAGS[]', 'NXM_NX_TCP_FLAGS[]'],
    ['xreg1', 'OXM_OF_PKT_REG1[]'],
    ['vlan_vid', 'OXM_OF_VLAN_VID[]'],
    ['dl_vlan', 'dl_vlan[]'],
  ];
  for (const [text, printed] of rows) t.equal(formatSubfield(parseSubfield(text)), printed, text);
  const faults = [
    ['foo[]', "foo[]: unknown field `foo'"],
    ['reg0[3', 'reg0[3: syntax error expecting [] or [<bit>] or [<start>..<end>]'],
    ['reg0[5..3]', 'reg0[5..3]: starting bit 5 is after ending bit 3'],
    ['reg0[32]', 'reg0[32]: starting bit 32 is not valid because field is only 32 bits wide'],
    ['reg0[30..33]', 'reg0[30..33]: ending bit 33 is not valid because field is only 32 bits wide'],
    ['reg0[-1]', 'reg0[-1]: starting bit -1 is not valid because field is only 32 bits wide'],
  ];
  for (const [text, message] of faults) t.throws(() => parseSubfield(text), new UserError(message), text);
  t.throws(() => parseSubfield('reg0[]x'), UserError);
  t.end();
});

t.test('prerequisites of packets and of matches', (t) => {
  const key = newKey();
  const mask = newKey();
  t.notOk(checkPrereqs('tcp', key, mask));
  t.equal(readField(mask, field('eth_type')), 0xffffn, 'the type was looked at');
  t.equal(readField(mask, field('nw_proto')), 0n, 'the protocol was not');
  setU(key, K.ethType, 0x86dd);
  setU(key, K.nwProto, 6);
  t.ok(checkPrereqs('tcp', key, mask));
  t.equal(mask[K.nwFrag.offset], 2);
  setU(key, K.nwFrag, 3);
  t.notOk(checkPrereqs('tcp', key));

  const m = new Match();
  t.notOk(matchHasPrereqs('ipv4', m));
  t.ok(matchHasPrereqs('ethernet', m));
  setU(m.value, K.ethType, 0x800);
  t.notOk(matchHasPrereqs('ipv4', m), 'a value without its mask says nothing');
  setU(m.mask, K.ethType, 0xffff);
  t.ok(matchHasPrereqs('ipv4', m));
  t.ok(matchHasPrereqs('ip', m));
  t.notOk(matchHasPrereqs('ipv6', m));
  setU(m.value, K.packetType, 0x10800);
  setU(m.mask, K.packetType, 0xffffffff);
  setU(m.mask, K.ethType, 0);
  setU(m.value, K.ethType, 0);
  t.ok(matchHasPrereqs('ipv4', m), 'a packet type of namespace 1 stands for the Ethernet type');
  t.notOk(matchHasPrereqs('ethernet', m));
  t.notOk(matchHasPrereqs('ct', m));
  setU(m.value, K.ctState, 0x20);
  setU(m.value, K.packetType, 0);
  setU(m.value, K.ethType, 0x800);
  setU(m.mask, K.ethType, 0xffff);
  setU(m.mask, K.ctState, 0x30);
  t.ok(matchHasPrereqs('ct', m), '+trk-inv');
  t.end();
});
