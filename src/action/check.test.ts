import t from 'tap';
import { Match } from '../flow/match.js';
import { parseMatch } from '../flow/parse-match.js';
import { UserError } from '../lib/errors.js';
import type { Action } from './action.js';
import { type CheckOptions, checkActions } from './check.js';
import { formatActions, parseActions } from './list.js';
import { numericCtx } from './ports.js';

const INCONSISTENT = 'OFPBAC_MATCH_INCONSISTENT';

function matchOf(text: string): Match {
  return text === '' ? new Match() : parseMatch(text);
}

function fault(match: string, actions: string, options: CheckOptions): string {
  try {
    checkActions(parseActions(actions, numericCtx()), matchOf(match), options);
  } catch (e) {
    if (e instanceof UserError) return e.ofError ?? e.message;
    throw e;
  }
  return 'ok';
}

/** What OpenFlow 1.0 lets pass and later versions refuse, and what all refuse. */
const TABLE: readonly (readonly [match: string, actions: string, in10: string, in13: string])[] = [
  ['', 'dec_ttl', 'ok', INCONSISTENT],
  ['ip', 'dec_ttl', 'ok', 'ok'],
  ['ipv6', 'dec_ttl', 'ok', 'ok'],
  ['arp', 'mod_nw_tos:12', 'ok', INCONSISTENT],
  ['', 'mod_nw_src:1.2.3.4', 'ok', INCONSISTENT],
  ['ipv6', 'mod_nw_src:1.2.3.4', 'ok', INCONSISTENT],
  ['ip', 'mod_nw_src:1.2.3.4', 'ok', 'ok'],
  ['', 'mod_tp_src:1', 'ok', INCONSISTENT],
  ['icmp', 'mod_tp_src:1', 'ok', INCONSISTENT],
  ['sctp', 'mod_tp_src:1', 'ok', 'ok'],
  ['tcp,ip_frag=later', 'mod_tp_src:1', 'ok', INCONSISTENT],
  ['', 'strip_vlan', 'ok', INCONSISTENT],
  ['vlan_tci=0x1000/0x1000', 'strip_vlan', 'ok', 'ok'],
  ['vlan_tci=0x1000/0x1000', 'strip_vlan,strip_vlan', 'ok', INCONSISTENT],
  ['', 'push_vlan:0x8100,strip_vlan', 'ok', 'ok'],
  ['', 'push_vlan:0x8100,push_vlan:0x88a8', 'ok', 'ok'],
  ['', 'push_vlan:0x8100,push_vlan:0x88a8,push_vlan:0x8100', 'OFPBAC_BAD_TAG', 'OFPBAC_BAD_TAG'],
  ['', 'set_vlan_vid:5', 'ok', INCONSISTENT],
  ['', 'mod_vlan_vid:5,strip_vlan', 'ok', 'ok'],
  ['', 'set_field:4101->vlan_vid', INCONSISTENT, INCONSISTENT],
  ['', 'push_vlan:0x8100,set_field:4101->vlan_vid', 'ok', 'ok'],
  ['', 'set_field:0x1005->vlan_tci,set_field:4101->vlan_vid', 'ok', 'ok'],
  ['', 'set_field:1.2.3.4->ip_src', INCONSISTENT, INCONSISTENT],
  ['ip', 'set_field:1.2.3.4->ip_src', 'ok', 'ok'],
  ['', 'load:1->NXM_OF_TCP_SRC[]', INCONSISTENT, INCONSISTENT],
  ['tcp', 'load:1->NXM_OF_TCP_SRC[]', 'ok', 'ok'],
  ['', 'move:NXM_OF_IP_SRC[]->NXM_NX_REG0[]', INCONSISTENT, INCONSISTENT],
  ['', 'push:NXM_OF_IP_SRC[]', INCONSISTENT, INCONSISTENT],
  ['', 'clone(dec_ttl)', 'ok', INCONSISTENT],
  ['', 'write_actions(dec_ttl)', 'ok', 'ok'],
  ['', 'write_actions(set_field:1.2.3.4->ip_src)', INCONSISTENT, INCONSISTENT],
  ['', 'clone(push_vlan:0x8100),strip_vlan', 'ok', INCONSISTENT],
  ['', 'push_mpls:0x8847,set_mpls_ttl:3,dec_mpls_ttl,pop_mpls:0x0800,dec_ttl', 'ok', 'ok'],
  ['ip', 'push_mpls:0x8847,dec_ttl', 'ok', INCONSISTENT],
  ['tcp', 'push_mpls:0x8847,pop_mpls:0x0800,mod_tp_src:1', 'ok', INCONSISTENT],
  ['', 'pop_mpls:0x0800', 'ok', INCONSISTENT],
  ['udp', 'fin_timeout(idle_timeout=1)', 'ok', INCONSISTENT],
  ['tcp', 'fin_timeout(idle_timeout=1)', 'ok', 'ok'],
  ['', 'ct(commit)', INCONSISTENT, INCONSISTENT],
  ['udp', 'ct(commit,alg=ftp)', INCONSISTENT, INCONSISTENT],
  ['', 'resubmit(,5,ct)', INCONSISTENT, INCONSISTENT],
  ['', 'learn(tcp_dst=tcp_src)', INCONSISTENT, INCONSISTENT],
  ['tcp', 'learn(tcp_dst=tcp_src)', INCONSISTENT, INCONSISTENT],
  ['tcp', 'learn(eth_type=0x800,nw_proto=6,tcp_dst=tcp_src)', 'ok', 'ok'],
  ['', 'output:NONE', 'OFPBAC_BAD_OUT_PORT', 'OFPBAC_BAD_OUT_PORT'],
  ['', 'enqueue(FLOOD,1)', 'OFPBAC_BAD_OUT_PORT', 'OFPBAC_BAD_OUT_PORT'],
  ['', 'bundle(eth_src,0,hrw,ofport,members:CONTROLLER)', 'OFPBAC_BAD_OUT_PORT', 'OFPBAC_BAD_OUT_PORT'],
  ['', 'delete_field:reg0', 'OFPBAC_BAD_ARGUMENT', 'OFPBAC_BAD_ARGUMENT'],
  ['', 'goto_table:3', 'OFPBIC_BAD_TABLE_ID', 'OFPBIC_BAD_TABLE_ID'],
  ['', 'goto_table:4', 'ok', 'ok'],
  ['', 'goto_table:20', 'OFPBIC_BAD_TABLE_ID', 'OFPBIC_BAD_TABLE_ID'],
  ['', 'group:1', 'ok', 'ok'],
  ['', 'group:2', 'OFPBAC_BAD_OUT_GROUP', 'OFPBAC_BAD_OUT_GROUP'],
  ['', 'clone(group:2)', 'OFPBAC_BAD_OUT_GROUP', 'OFPBAC_BAD_OUT_GROUP'],
  ['', 'meter:0', 'OFPMMFC_INVALID_METER', 'OFPMMFC_INVALID_METER'],
  ['', 'meter:2', 'OFPMMFC_INVALID_METER', 'OFPMMFC_INVALID_METER'],
  ['', 'meter:1', 'ok', 'ok'],
];

t.test('actions that do not suit their match', (t) => {
  for (const [match, actions, in10, in13] of TABLE) {
    const options = {
      table: 3,
      nTables: 20,
      groupExists: (id: number) => id === 1,
      meterExists: (id: number) => id === 1,
    };
    t.equal(fault(match, actions, { ...options, version: 1 }), in10, `1.0: ${match || 'any'}: ${actions}`);
    t.equal(fault(match, actions, { ...options, version: 4 }), in13, `1.3: ${match || 'any'}: ${actions}`);
  }
  t.end();
});

t.test('notes about the match are filled in, and change no text', (t) => {
  const actions: Action[] = parseActions('mod_vlan_vid:5,mod_tp_src:80', numericCtx());
  const checked = checkActions(actions, parseMatch('udp,vlan_tci=0x1000/0x1000'), { version: 4 });
  t.match(checked, [{ flowHasVlan: true }, { flowIpProto: 17 }]);
  t.equal(formatActions(checked), formatActions(actions));
  t.end();
});

t.test('the match is left as it was', (t) => {
  const match = parseMatch('tcp');
  const before = [match.value.slice(), match.mask.slice()];
  checkActions(parseActions('push_vlan:0x8100,push_mpls:0x8847', numericCtx()), match, { version: 4 });
  t.same([match.value, match.mask], before);
  t.end();
});
