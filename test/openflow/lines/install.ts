/** Flow_mods to ovs-vswitchd and to weft. */
import { FlowReader } from '../../../src/cli/ofctl/flow-parse.js';
import { flowModName, hasTableIds } from '../../../src/cli/ofctl/protocol.js';
import { Match } from '../../../src/flow/match.js';
import { firstProtocol, protocolsOfVersions } from '../../../src/flow/protocols.js';
import { TABLE_ALL } from '../../../src/flowtable/flow-mod.js';
import { UserError } from '../../../src/lib/errors.js';
import { Random } from '../../../src/lib/random.js';
import { encode } from '../../../src/openflow/message.js';
import { fromFlowMod } from '../../../src/openflow/messages/flow-mod.js';
import { run, type Target, type TwoSwitches } from '../two-switches.js';
import { type Comparison, linesFor, withoutTunnelOptions } from './compare.js';
import type { Peer } from './peer.js';
import { compareSent, entries, FIRST_XID, type Sent } from './sent.js';

export const NOTHING = { ports: new Map<number, string>(), tables: new Map<number, string>() };

/** The message of a line; undefined where no form of the version has it. */
export function messageOf(line: string, version: number, xid: number): Uint8Array | undefined {
  const reader = new FlowReader(NOTHING);
  try {
    const [mod] = reader.file(line, '-');
    const protocol = firstProtocol(reader.usable.protocols & protocolsOfVersions(1 << version));
    if (!mod || protocol === 0) return undefined;
    const message = fromFlowMod(mod, version, hasTableIds(protocol));
    return encode('flow_mod', message, { version, xid, name: flowModName(protocol) });
  } catch (e) {
    if (e instanceof UserError) return undefined;
    throw e;
  }
}

/** Groups, meters and tunnel options that flows may name. */
async function prepare(on: Target): Promise<void> {
  const groups = Array.from({ length: 16 }, (_, i) => `group_id=${i},type=all,bucket=output:1\n`).join('');
  const meters = Array.from({ length: 15 }, (_, i) => `meter=${i + 1},kbps,band=type=drop,rate=100`);
  const options = Array.from(
    { length: 20 },
    (_, i) => `{class=0xffff,type=${i},len=${4 * (1 + (i % 3))}}->tun_metadata${i}`,
  );
  const of13 = ['-O', 'OpenFlow13'];
  for (const clear of ['del-flows', 'del-groups', 'del-meters']) await run('ovs-ofctl', [...of13, clear, 'br0'], on);
  const done = await Promise.all([
    run('ovs-ofctl', [...of13, 'add-groups', 'br0', '-'], on, groups),
    ...meters.map((m) => run('ovs-ofctl', [...of13, 'add-meter', 'br0', m], on)),
  ]);
  await run('ovs-ofctl', ['del-tlv-map', 'br0'], on);
  done.push(await run('ovs-ofctl', ['add-tlv-map', 'br0', options.join(',')], on));
  for (const r of done) if (r.status !== 0) throw new Error(r.err);
}

const START_OF_ENTRIES: Readonly<Record<string, number>> = { OFPST: 12, NXST: 24, multipart: 16 };

/** Flows in bytes, without the times in controller actions' and statistics' properties. */
function flowEntries(parts: readonly Uint8Array[], duration: number): string[] {
  return entries(parts, { duration })
    .map((entry) => entry.replace(/(80020008).{16}/, '$1').replace(/(80020208).{16}/, '$1'))
    .sort();
}

/** Controller actions with properties: OVS aligns them to the message, where entries of this form stand 4 bytes off, and cannot read them back. */
const MISALIGNED = /0000232000250/;

async function dump(peer: Peer, version: number): Promise<string[]> {
  const filter = {
    table: TABLE_ALL,
    match: new Match(),
    cookieFilter: 0n,
    cookieMask: 0n,
    outPort: 0xffffffff,
    outGroup: 0xffffffff,
  };
  const request = (name: string, xid: number) => encode('flow_stats_request', filter, { version, xid, name });
  if (version > 1) {
    const parts = await peer.ask(request('OFPST_FLOW request', 9), START_OF_ENTRIES.multipart);
    return flowEntries(parts, version === 6 ? 0 : 4);
  }
  return [
    ...flowEntries(await peer.ask(request('NXST_FLOW request', 8), START_OF_ENTRIES.NXST), 4).map(
      // Ages.
      (entry) => `${entry.slice(0, 40)}${entry.slice(48)}`,
    ),
    ...flowEntries(await peer.ask(request('OFPST_FLOW request', 9), START_OF_ENTRIES.OFPST), 44).filter(
      (entry) => !MISALIGNED.test(entry),
    ),
  ];
}

/** Tables in the commands of 1.0. */
export const TABLE_IDS = Buffer.from('0104001800000001000023200000000f0100000000000000', 'hex');

/** `version`: 0 is 1.0. */
export async function compareInstalls(
  two: TwoSwitches,
  version: number,
  count: number,
  seed: number,
): Promise<Comparison> {
  const wire = version + 1;
  const sent: Sent[] = [];
  const r = new Random(seed * 1000 + version);
  while (sent.length < count) {
    for (const line of linesFor(r, 100, version)) {
      // Bits that an option does not have are refused by both, one at once and the other after other faults. Table 254 is the switch's own. What was learned goes with its teacher in a whole bridge, of which weft's here has tables only.
      if (/delete_learned|table=254\b|tun_metadata\d+\[\d/i.test(line)) continue;
      const bytes = messageOf(line, wire, sent.length + FIRST_XID);
      if (bytes && sent.length < count) sent.push({ line, bytes });
    }
  }
  await Promise.all([prepare(two.ours), prepare(two.theirs)]);
  return compareSent(two, {
    version,
    sent,
    first: wire === 1 ? [TABLE_IDS] : [],
    dump: (peer) => dump(peer, wire),
    shown: [['--no-stats', 'dump-flows', 'br0']],
    normal: withoutTunnelOptions,
  });
}
