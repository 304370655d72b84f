/** Lines of groups as `ovs-ofctl add-groups` reads them, some of them spoilt. */
import { FlowReader } from '../../../src/cli/ofctl/flow-parse.js';
import { checkGroupVersion } from '../../../src/cli/ofctl/group-version.js';
import { protocolsOfVersions } from '../../../src/flow/protocols.js';
import { UserError } from '../../../src/lib/errors.js';
import { Random } from '../../../src/lib/random.js';
import { encode } from '../../../src/openflow/message.js';
import { parseGroupFile } from '../../../src/openflow/text/group-parse.js';
import { randomGroup } from '../../pipelines/random-groups.js';
import { run, type Target, type TwoSwitches } from '../two-switches.js';
import { type Comparison, compareAnswers, isOnPurpose } from './compare.js';
import { optionsOf, realGroupAnswers } from './judge.js';
import type { Peer } from './peer.js';
import { Recorder } from './recorder.js';
import { compareSent, entries, FIRST_XID, type Sent, weftOfctl } from './sent.js';

const NO_NAMES = { ports: new Map<number, string>(), tables: new Map<number, string>() };
/** In 1.0 it is Nicira's message of number 31. */
const isGroupMod = (m: Uint8Array): boolean => (m[0] === 1 ? m[1] === 4 && m[15] === 31 : m[1] === 15);

/** A word in the place of another, or one more, or one less. */
const ODD = [
  'group_id=x',
  'group_id=4294967041',
  'type=foo',
  'type=ff',
  'type=indirect',
  'bucket=',
  'bucket=output:1',
  'bucket=weight:3,drop',
  'bucket=watch_port:1,output:2',
  'bucket=watch_group:4294967041,drop',
  'bucket=bucket_id:4294967041,drop',
  'bucket=goto_table:3',
  'bucket=meter:1',
  'bucket=foo',
  'selection_method=hash',
  'selection_method=0123456789abcdef',
  'selection_method_param=5',
  'selection_method_param=x',
  'fields(ip_src)',
  'fields(foo)',
  'command_bucket_id=3',
  'foo=3',
  'foo',
  '',
];

function spoil(r: Random, line: string): string {
  const words = line.split(/,(?=type|bucket=|selection|fields|weight|watch|actions)/);
  const at = r.below(words.length);
  if (r.chance(0.4)) words.splice(at, 1);
  else words.splice(at, r.below(2), r.pick(ODD));
  return words.join(',');
}

/** Without actions that differ on purpose. */
function groupLine(r: Random, id: number, version: number): string {
  for (;;) {
    const line = randomGroup(r, id, { version });
    if (!isOnPurpose(line.replace(/.*?bucket=/, ''), version)) return line;
  }
}

const COMMANDS = ['add', 'modify', 'add_or_mod', 'delete', 'insert_bucket', 'remove_bucket'];
const PLACES = ['first', 'last', '0', '3', '7', '12', '99'];

/** A line of a file: a group to add, or one of the words and what it takes. Groups that it is about are there about as often as not. */
function commandLine(r: Random, version: number, ids: number): string {
  const word = r.chance(0.5) ? '' : r.pick(COMMANDS);
  const id = r.between(1, ids);
  const group = groupLine(r, id, version);
  const buckets = group.slice(group.indexOf(',bucket=') + 1);
  if (word === 'delete') return `delete group_id=${id}`;
  if (word === 'remove_bucket') {
    return `remove_bucket group_id=${id}${r.chance(0.8) ? `,command_bucket_id=${r.pick([...PLACES, 'all'])}` : ''}`;
  }
  // One without a bucket leaves ovs-vswitchd in a loop for ever.
  if (word === 'insert_bucket')
    return `insert_bucket group_id=${id},command_bucket_id=${r.pick(PLACES)},${group.includes(',bucket=') ? buckets : 'bucket=drop'}`;
  return `${word}${word ? ' ' : ''}${group}`;
}

/** `parse-group` of each: what is taken, the words of a refusal, bytes and text. */
export async function compareGroupTexts(version: number, count: number, seed: number): Promise<Comparison> {
  const r = new Random(seed * 100 + version);
  const lines = Array.from({ length: count }, (_, i) => {
    const line = groupLine(r, i + 1, version);
    return r.chance(0.25) ? spoil(r, line) : line;
  });
  const real = await realGroupAnswers(lines, version);
  const ours: string[] = [];
  for (const line of lines) ours.push(await weftOfctl('-O', optionsOf(version), '-mmmmm', 'parse-group', line));
  return compareAnswers(lines, real, ours);
}

/** Undefined where the line or the version is at fault. */
function messageOf(line: string, version: number, xid: number): Uint8Array | undefined {
  try {
    const [{ mod, protocols }] = parseGroupFile(line, '-', undefined, new FlowReader(NO_NAMES).actionContext());
    if ((protocols & protocolsOfVersions(1 << version)) === 0) return undefined;
    checkGroupVersion(mod, version);
    return encode('group_mod', mod, { version, xid });
  } catch (e) {
    if (e instanceof UserError) return undefined;
    throw e;
  }
}

async function dump(peer: Peer, version: number): Promise<string[]> {
  const from = version === 1 ? 24 : 16;
  const all = { id: 0xfffffffc };
  const groups = await peer.ask(encode('group_desc_request', all, { version, xid: 8 }), from);
  const counts = await peer.ask(encode('group_stats_request', all, { version, xid: 9 }), from);
  return [...entries(groups, {}), ...entries(counts, { duration: version === 1 || version >= 4 ? 32 : 0 })];
}

/** Without tunnel options, too: OVS reads actions of groups as if there were none. */
async function clear(on: Target): Promise<void> {
  const of13 = ['-O', 'OpenFlow13'];
  for (const what of ['del-flows', 'del-groups', 'del-tlv-map']) await run('ovs-ofctl', [...of13, what, 'br0'], on);
}

/** The bytes that the real ovs-ofctl sends for these lines. */
async function comparedWithClient(sent: readonly Sent[], version: number, on: Target): Promise<string[]> {
  const recorder = await Recorder.start(version + 1, isGroupMod);
  try {
    const text = sent.map((s) => `${s.line}\n`).join('');
    const real = await run(
      'ovs-ofctl',
      ['-O', optionsOf(version), '--no-names', 'add-groups', recorder.target, '-'],
      on,
      text,
    );
    const bytes = recorder.take();
    if (real.status !== 0 || bytes.length !== sent.length)
      return [`ovs-ofctl sends ${bytes.length} of ${sent.length}: ${real.err}`];
    return sent.flatMap(({ line, bytes: ours }, i) => {
      const hex = Buffer.from(ours)
        .toString('hex')
        .replace(/^(.{8}).{8}/, '$1');
      return hex === bytes[i] ? [] : [`${line}\n  ovs  ${bytes[i]}\n  weft ${hex}`];
    });
  } finally {
    recorder.close();
  }
}

export async function compareGroupInstalls(
  two: TwoSwitches,
  version: number,
  count: number,
  seed: number,
): Promise<Comparison> {
  const wire = version + 1;
  const r = new Random(seed * 1000 + version);
  const sent: Sent[] = [];
  while (sent.length < count) {
    const line = commandLine(r, version, count >> 1);
    const bytes = messageOf(line, wire, sent.length + FIRST_XID);
    if (bytes) sent.push({ line, bytes });
  }
  await Promise.all([clear(two.ours), clear(two.theirs)]);
  const ofClient = await comparedWithClient(sent, version, two.theirs);
  const { accepted, differences } = await compareSent(two, {
    version,
    sent,
    dump: (peer) => dump(peer, wire),
    shown: [
      ['dump-groups', 'br0'],
      ['dump-group-stats', 'br0'],
    ],
    normal: (t) => t.replace(/duration=[0-9.]+s/g, 'duration=N').replace(/xid=0x[0-9a-f]+/g, 'xid=N'),
  });
  return { accepted, differences: [...ofClient, ...differences] };
}
