/** Tunnel options that a bridge's map names: written and matched in the pipeline, refused where the map does not have them. */
import t from 'tap';
import { field } from '../flow/fields.js';
import { NO_TUN_OPTIONS } from '../flow/tun-table.js';
import { UserError } from '../lib/errors.js';
import { Switch } from './switch.js';

const MAP = [
  { index: 0, optionClass: 0xffff, optionType: 0, length: 4 },
  { index: 7, optionClass: 0xffff, optionType: 1, length: 8 },
];
const tun = NO_TUN_OPTIONS.with(MAP, (i) => field(`tun_metadata${i}`));

/** Flows, and the datapath actions of a packet from port 1. */
const ROWS: readonly (readonly [flows: readonly string[], sent: boolean])[] = [
  [['actions=set_field:5->tun_metadata0,resubmit(,1)', 'table=1,tun_metadata0=5,actions=2'], true],
  [['actions=set_field:5->tun_metadata0,resubmit(,1)', 'table=1,tun_metadata0=6,actions=2'], false],
  [['actions=set_field:5->tun_metadata0,resubmit(,1)', 'table=1,tun_metadata0,actions=2'], true],
  [['actions=resubmit(,1)', 'table=1,tun_metadata0,actions=2'], false],
  [['actions=resubmit(,1)', 'table=1,tun_metadata0=0,actions=2'], false],
  [
    [
      'actions=set_field:5->tun_metadata0,set_field:0x1122334455667788->tun_metadata7,delete_field:tun_metadata0,resubmit(,1)',
      'table=1,tun_metadata0,actions=drop',
      'table=1,priority=1,tun_metadata7=0x1122334455667788,actions=2',
    ],
    true,
  ],
  [
    [
      'actions=set_field:0x1122334455667788->tun_metadata7,move:NXM_NX_TUN_METADATA7[0..15]->NXM_NX_REG0[0..15],resubmit(,1)',
      'table=1,reg0=0x7788,actions=2',
    ],
    true,
  ],
];

t.test('written and matched', async (t) => {
  for (const [flows, sent] of ROWS) {
    const sw = new Switch({ datapath: 'reference' });
    const br = sw.bridge('br0');
    br.addPort('p1');
    br.addPort('p2');
    br.bridge.tun = tun;
    for (const f of flows) br.addFlow(f);
    const last = br.trace('in_port=1,ip').trimEnd().split('\n').at(-1);
    t.equal(last, `Datapath actions: ${sent ? '3' : 'drop'}`, flows.join(' '));
    sw.close();
  }
});

t.test('not in the map', async (t) => {
  const sw = new Switch({ datapath: 'reference' });
  const br = sw.bridge('br0');
  t.throws(() => br.addFlow('actions=set_field:5->tun_metadata0'), UserError);
  t.throws(() => br.addFlow('tun_metadata0=5,actions=drop'), UserError);
  sw.close();
});

function faultOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (e) {
    return e instanceof UserError ? e.ofError : String(e);
  }
  return undefined;
}

t.test('the table', async (t) => {
  const row = (i: number) => field(`tun_metadata${i}`);
  t.same(tun.mappings(), MAP);
  t.equal(tun.used, 12);
  const option = (index: number, optionType: number, length = 4) => ({
    index,
    optionClass: 0xffff,
    optionType,
    length,
  });
  t.equal(
    faultOf(() => tun.with([option(0, 5)], row)),
    'NXTTMFC_ALREADY_MAPPED',
  );
  t.equal(
    faultOf(() => tun.with([option(1, 1)], row)),
    'NXTTMFC_DUP_ENTRY',
  );
  t.equal(
    faultOf(() => tun.with([option(1, 5, 124), option(2, 6, 124)], row)),
    'NXTTMFC_TABLE_FULL',
  );
  const less = tun.without(new Set([0]));
  t.equal(less.row(row(7)), tun.row(row(7)), 'what stays does not move');
  t.equal(
    less.with([option(3, 9)], row).row(row(3))?.slot.offset,
    tun.row(row(0))?.slot.offset,
    'freed bytes are given again',
  );
});
