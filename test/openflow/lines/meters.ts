/** Lines of meters as `ovs-ofctl add-meter` reads them, some of them spoilt. Meters are OpenFlow 1.3's and later. */
import { UserError } from '../../../src/lib/errors.js';
import { Random } from '../../../src/lib/random.js';
import { encode } from '../../../src/openflow/message.js';
import { type MeterCommand, parseMeter } from '../../../src/openflow/text/meter-parse.js';
import { randomMeter } from '../../pipelines/random-groups.js';
import { run, type Target, type TwoSwitches } from '../two-switches.js';
import type { Comparison } from './compare.js';
import { askEach, OVS_OFCTL, optionsOf } from './judge.js';
import type { Peer } from './peer.js';
import { Recorder } from './recorder.js';
import { compareSent, entries, FIRST_XID, type Sent, weftOfctl } from './sent.js';

export const FIRST_WITH_METERS = 3;
const isMeterMod = (m: Uint8Array): boolean => m[1] === 29;

const ODD = [
  'meter=x',
  'meter=0',
  'meter=4294901760',
  'meter=4294901761',
  'meter=all',
  'kbps',
  'pktps',
  'burst',
  'stats',
  'foo',
  'foo=3',
  'band=',
  'type=drop',
  'type=dscp_remark',
  'rate=0',
  'rate=5',
  'rate=x',
  'rate=4294967296',
  'burst_size=1',
  'prec_level=1',
  'prec_level=256',
  '',
];

function meterLine(r: Random, id: number): string {
  let line = randomMeter(r, id);
  // Not that a switch would take it.
  if (r.chance(0.1)) line = line.replace('type=drop', 'type=dscp_remark,prec_level=1');
  if (!r.chance(0.25)) return line;
  const words = line.split(',');
  const at = r.below(words.length);
  if (r.chance(0.4)) words.splice(at, 1);
  else words.splice(at, r.below(2), r.pick(ODD));
  return words.join(',');
}

/** What add-meter says and sends, of each. */
export async function compareMeterTexts(version: number, count: number, seed: number): Promise<Comparison> {
  const r = new Random(seed * 100 + version);
  const lines = Array.from({ length: count }, (_, i) => meterLine(r, i + 1));
  // One for each shell, so that what comes is in order.
  const recorders = [await Recorder.start(version + 1, isMeterMod), await Recorder.start(version + 1, isMeterMod)];
  try {
    const half = count >> 1;
    const targets = recorders.map((rec) => rec.target);
    const asked = lines.map((line, i) => `${targets[i < half ? 0 : 1]} ${line}`);
    const ask = `{ ${OVS_OFCTL} -O "$1" add-meter "\${line%% *}" "\${line#* }" && echo sent; }`;
    const real = await askEach(asked, ask, optionsOf(version));
    const sent = recorders.flatMap((rec) => rec.take());
    const differences: string[] = [];
    let accepted = 0;
    for (const [i, line] of lines.entries()) {
      const said = await weftOfctl('-O', optionsOf(version), 'add-meter', targets[0], line);
      const taken = real[i] === 'sent\n';
      const theirs = taken ? sent[accepted++] : real[i];
      const ours = said === '' ? recorders[0].take().join() : said;
      if (theirs !== ours) differences.push(`${line}\n  ovs  ${theirs}\n  weft ${ours}`);
    }
    return { accepted, differences };
  } finally {
    for (const rec of recorders) rec.close();
  }
}

const COMMANDS: readonly MeterCommand[] = ['add', 'add', 'modify', 'delete'];

/** Undefined where the line is at fault. */
function messageOf(r: Random, line: string, version: number, xid: number): Sent | undefined {
  const command = r.pick(COMMANDS);
  const text = command === 'delete' ? line.replace(/,.*/, '') : line;
  try {
    return {
      line: `${command} ${text}`,
      bytes: encode('meter_mod', parseMeter(text, command), { version, xid }),
    };
  } catch (e) {
    if (e instanceof UserError) return undefined;
    throw e;
  }
}

async function dump(peer: Peer, version: number): Promise<string[]> {
  const all = { id: 0xffffffff };
  const meters = await peer.ask(encode('meter_config_request', all, { version, xid: 8 }), 16);
  const counts = await peer.ask(encode('meter_stats_request', all, { version, xid: 9 }), 16);
  return [...entries(meters, {}), ...entries(counts, { length: 4, duration: 32 })];
}

async function clear(on: Target): Promise<void> {
  for (const what of ['del-flows', 'del-meters']) await run('ovs-ofctl', ['-O', 'OpenFlow13', what, 'br0'], on);
}

export async function compareMeterInstalls(
  two: TwoSwitches,
  version: number,
  count: number,
  seed: number,
): Promise<Comparison> {
  const r = new Random(seed * 1000 + version);
  const sent: Sent[] = [];
  while (sent.length < count) {
    const line = meterLine(r, r.between(1, count >> 1));
    const message = messageOf(r, line, version + 1, sent.length + FIRST_XID);
    if (message) sent.push(message);
  }
  await Promise.all([clear(two.ours), clear(two.theirs)]);
  return compareSent(two, {
    version,
    sent,
    dump: (peer) => dump(peer, version + 1),
    shown: [
      ['dump-meters', 'br0'],
      ['meter-stats', 'br0'],
    ],
    normal: (t) => t.replace(/duration:[0-9.]+s/g, 'duration:N').replace(/xid=0x[0-9a-f]+/g, 'xid=N'),
  });
}
