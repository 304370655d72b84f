/** Sessions of commands, by family: each builds on those before it, and starts from a switch without flows, groups, meters and options. */
import { type CommandRow, row } from './commands.js';

const TLV0 = '{class=0xffff,type=0,len=4}->tun_metadata0';
const TLV1 = '{class=0xffff,type=1,len=8}->tun_metadata1';

const tlv: readonly CommandRow[] = [
  row('dump-tlv-map BR'),
  row('add-flow BR tun_metadata0=5,actions=drop'),
  row('add-flow BR actions=set_field:5->tun_metadata0'),
  row(`add-tlv-map BR ${TLV0},${TLV1}`),
  row('dump-tlv-map BR'),
  row('-O OpenFlow15 dump-tlv-map BR'),
  row('add-flow BR tun_metadata0=5,actions=drop'),
  row('add-flow BR tun_metadata2=5,actions=drop'),
  row(
    "add-flow BR 'tun_metadata1=5/7,actions=set_field:5->tun_metadata0,set_field:1/3->tun_metadata1,move:NXM_NX_TUN_METADATA0[0..31]->NXM_NX_REG0[],move:NXM_NX_REG0[]->NXM_NX_TUN_METADATA1[5..36],load:0x7->NXM_NX_TUN_METADATA0[0..7]'",
  ),
  row('add-flow BR tun_metadata0,actions=drop'),
  row('add-flow BR table=1,tun_metadata0=0x123456789,actions=drop'),
  row('add-flow BR table=2,actions=set_field:0x123456789->tun_metadata0'),
  row("add-flow BR 'table=3,actions=move:NXM_NX_TUN_METADATA0[8..39]->NXM_NX_REG0[]'"),
  row("add-flow BR 'table=4,actions=load:0x7->NXM_NX_TUN_METADATA0[28..35]'"),
  row("add-flow BR 'table=5,actions=push:NXM_NX_TUN_METADATA0[],delete_field:tun_metadata0'"),
  row("add-flow BR 'table=5,actions=push:NXM_NX_TUN_METADATA0[0..15],delete_field:tun_metadata0'"),
  row('add-flow BR table=6,actions=delete_field:tun_metadata5'),
  row('add-flow BR table=7,actions=learn(table=9,tun_metadata0=5)'),
  row("add-flow BR 'table=8,actions=output:NXM_NX_TUN_METADATA0[0..31]'"),
  ...[0, 1, 2, 3, 4, 5].map((v) => row(`-O OpenFlow1${v} dump-flows BR`)),
  row('dump-flows BR tun_metadata0'),
  row('dump-flows BR tun_metadata0=5'),
  row('del-flows BR tun_metadata0=5'),
  row('--strict del-flows BR table=0,tun_metadata1=5/7'),
  row('--no-stats dump-flows BR'),
  row('del-tlv-map BR'),
  row(`-O OpenFlow15 del-tlv-map BR ${TLV1}`),
  row(`del-tlv-map BR ${TLV0}`),
  row(`add-tlv-map BR ${TLV0}`),
  row('add-tlv-map BR {class=0xffff,type=0,len=4}->tun_metadata5'),
  row('add-tlv-map BR {class=0xffff,type=3,len=5}->tun_metadata6'),
  row('add-tlv-map BR {class=0xffff,type=3,len=128}->tun_metadata6'),
  row('add-tlv-map BR {class=0xffff,type=3,len=124}->tun_metadata66'),
  row('add-tlv-map BR {class=0xffff,type=3,ln=124}->tun_metadata6'),
  row('add-tlv-map BR {class=0xffff,type=3,len=0}->tun_metadata9'),
  row(
    'add-tlv-map BR {class=1,type=3,len=124}->tun_metadata6,{class=1,type=4,len=124}->tun_metadata7,{class=1,type=5,len=124}->tun_metadata8',
  ),
  row('-O OpenFlow14 add-tlv-map BR {class=1,type=3,len=124}->tun_metadata6'),
  row('del-tlv-map BR {class=0xffff,type=9,len=4}->tun_metadata63'),
  row('dump-tlv-map BR'),
  row('del-flows BR'),
  row('del-tlv-map BR'),
  row('dump-tlv-map BR'),
];

export const SESSIONS: Readonly<Record<string, readonly CommandRow[]>> = { tlv };
