/** `weft ofctl`: the commands of ovs-ofctl(8), with its text and exit status. Commands are loaded when they run: start-up is most of their time. */
import { UserError } from '../lib/errors.js';
import { alarm } from './alarm.js';
import { type Command, type Io, readSettings, type Settings } from './ofctl/context.js';
import { parseLine } from './ofctl/options.js';

/** A number it gives is the exit status; anything else is 0. */
type Run = (command: Command) => Promise<unknown>;

interface Entry {
  readonly min: number;
  readonly max: number;
  /** Changes the switch: refused with --read-only. */
  readonly writes: boolean;
  /** Arguments as list-commands shows them. */
  readonly usage: string;
  readonly load: () => Promise<Run>;
}

const MANY = 0x7fffffff;
const show = () => import('./ofctl/show.js');
const flows = () => import('./ofctl/flows.js');
const ports = () => import('./ofctl/ports.js');
const probing = () => import('./ofctl/probe.js');
const monitoring = () => import('./ofctl/monitor.js');
const printing = () => import('./ofctl/print.js');
const groups = () => import('./ofctl/groups.js');
const meters = () => import('./ofctl/meters.js');
const tables = () => import('./ofctl/tables.js');
const bundling = () => import('./ofctl/bundle-file.js');
const packets = () => import('./ofctl/packet-out.js');
const conntrack = () => import('./ofctl/conntrack.js');
const capturing = () => import('./ofctl/capture.js');
const pieces = () => import('./ofctl/pieces.js');
const matches = () => import('./ofctl/matches.js');
const describing = () => import('./ofctl/usage.js');
const tlv = () => import('./ofctl/tlv.js');
const comparing = () => import('./ofctl/compare.js');

function row(usage: string, min: number, max: number, load: () => Promise<Run>, writes = false): Entry {
  return { usage, min, max, load, writes };
}

export const COMMANDS: Readonly<Record<string, Entry>> = {
  show: row('switch', 1, 1, async () => (await show()).show),
  monitor: row('switch [misslen] [invalid_ttl] [watch:[...]]', 1, 3, async () => (await monitoring()).monitor),
  snoop: row('switch', 1, 1, async () => (await monitoring()).snoop),
  'dump-desc': row('switch', 1, 1, async () => (await show()).dumpDesc),
  'dump-tables': row('switch', 1, 1, async () => (await show()).dumpTables),
  'dump-table-features': row('switch', 1, 1, async () => (await show()).dumpTableFeatures),
  'dump-table-desc': row('switch', 1, 1, async () => (await tables()).dumpTableDesc),
  'dump-flows': row('switch', 1, 2, async () => (await flows()).dumpFlows),
  'dump-aggregate': row('switch', 1, 2, async () => (await flows()).dumpAggregate),
  'queue-stats': row('switch [port [queue]]', 1, 3, async () => (await show()).queueStats),
  'queue-get-config': row('switch [port [queue]]', 1, 3, async () => (await show()).queueConfig),
  'add-flow': row('switch flow', 2, 2, async () => (await flows()).addFlow, true),
  'add-flows': row('switch file', 2, 2, async () => (await flows()).addFlows, true),
  'mod-flows': row('switch flow', 2, 2, async () => (await flows()).modFlows, true),
  'del-flows': row('switch [flow]', 1, 2, async () => (await flows()).delFlows, true),
  'replace-flows': row('switch file', 2, 2, async () => (await comparing()).replaceFlows, true),
  'diff-flows': row('source1 source2', 2, 2, async () => (await comparing()).diffFlows),
  'add-meter': row('switch meter', 2, 2, async () => (await meters()).addMeter, true),
  'mod-meter': row('switch meter', 2, 2, async () => (await meters()).modMeter, true),
  'del-meter': row('switch meter', 1, 2, async () => (await meters()).delMeters, true),
  'del-meters': row('switch', 1, 2, async () => (await meters()).delMeters, true),
  'dump-meter': row('switch meter', 1, 2, async () => (await meters()).dumpMeters),
  'dump-meters': row('switch', 1, 2, async () => (await meters()).dumpMeters),
  'meter-stats': row('switch [meter]', 1, 2, async () => (await meters()).meterStats),
  'meter-features': row('switch', 1, 1, async () => (await meters()).meterFeatures),
  'packet-out': row(
    'switch "in_port=<port> packet=<hex data> actions=..."',
    2,
    MANY,
    async () => (await packets()).packetOut,
    true,
  ),
  'dump-ports': row('switch [port]', 1, 2, async () => (await show()).dumpPorts),
  'dump-ports-desc': row('switch [port]', 1, 2, async () => (await show()).dumpPortsDesc),
  'mod-port': row('switch iface act', 3, 3, async () => (await ports()).modPort, true),
  'mod-table': row('switch mod', 3, 3, async () => (await tables()).modTable, true),
  'get-frags': row('switch', 1, 1, async () => (await show()).getFrags),
  'set-frags': row('switch frag_mode', 2, 2, async () => (await show()).setFrags, true),
  probe: row('target', 1, 1, async () => (await probing()).probe),
  ping: row('target [n]', 1, 2, async () => (await probing()).ping),
  benchmark: row('target n count', 3, 3, async () => (await probing()).benchmark),
  'dump-ipfix-bridge': row('switch', 1, 1, async () => (await show()).dumpIpfixBridge),
  'dump-ipfix-flow': row('switch', 1, 1, async () => (await show()).dumpIpfixFlow),
  'ct-flush-zone': row('switch zone', 2, 2, async () => (await conntrack()).ctFlushZone, true),
  'ct-flush': row(
    'switch [zone=N] [ct-orig-tuple [ct-reply-tuple]]',
    1,
    4,
    async () => (await conntrack()).ctFlush,
    true,
  ),
  'ofp-parse': row('file', 1, 1, async () => (await printing()).ofpParse),
  'ofp-parse-pcap': row('pcap', 1, MANY, async () => (await capturing()).ofpParsePcap),
  'add-group': row('switch group', 1, 2, async () => (await groups()).addGroup, true),
  'add-groups': row('switch file', 1, 2, async () => (await groups()).addGroups, true),
  'mod-group': row('switch group', 1, 2, async () => (await groups()).modGroup, true),
  'del-groups': row('switch [group]', 1, 2, async () => (await groups()).delGroups, true),
  'insert-buckets': row('switch [group]', 1, 2, async () => (await groups()).insertBuckets, true),
  'remove-buckets': row('switch [group]', 1, 2, async () => (await groups()).removeBuckets, true),
  'dump-groups': row('switch [group]', 1, 2, async () => (await groups()).dumpGroups),
  'dump-group-stats': row('switch [group]', 1, 2, async () => (await groups()).dumpGroupStats),
  'dump-group-features': row('switch', 1, 1, async () => (await groups()).dumpGroupFeatures),
  bundle: row('switch file', 2, 2, async () => (await bundling()).bundle, true),
  'add-tlv-map': row('switch map', 2, 2, async () => (await tlv()).addTlvMap, true),
  'del-tlv-map': row('switch [map]', 1, 2, async () => (await tlv()).delTlvMap, true),
  'dump-tlv-map': row('switch', 1, 1, async () => (await tlv()).dumpTlvMap),
  help: row('', 0, MANY, async () => (await describing()).help),
  'list-commands': row(
    '',
    0,
    MANY,
    async () =>
      async ({ io }) =>
        io.out(listCommands()),
  ),
  'parse-flow': row('', 1, 1, async () => (await printing()).parseFlowText),
  'parse-flows': row('', 1, 1, async () => (await printing()).parseFlowFile),
  'parse-group': row('', 1, 1, async () => (await groups()).parseGroupText),
  'parse-nx-match': row('', 0, 0, async () => (await matches()).parseNxMatch),
  'parse-nxm': row('', 0, 0, async () => (await matches()).parseNxMatch),
  'parse-oxm': row('', 1, 1, async () => (await matches()).parseOxm),
  'parse-actions': row('', 1, 1, async () => (await pieces()).parseActionsHex),
  'parse-instructions': row('', 1, 1, async () => (await pieces()).parseInstructionsHex),
  'parse-ofp10-match': row('', 0, 0, async () => (await matches()).parseOfp10Match),
  'parse-ofp11-match': row('', 0, 0, async () => (await matches()).parseOfp11Match),
  'parse-pcap': row('', 1, MANY, async () => (await matches()).parsePcap),
  'print-error': row('', 1, 1, async () => (await printing()).printError),
  'encode-error-reply': row('', 2, 2, async () => (await printing()).encodeErrorReply),
  'ofp-print': row('', 1, 2, async () => (await printing()).ofpPrint),
  'encode-hello': row('', 1, 1, async () => (await pieces()).encodeHello),
  'parse-key-value': row('', 1, MANY, async () => (await pieces()).parseKeyValue),
};

function listCommands(): string {
  const lines = Object.entries(COMMANDS).map(([name, e]) => `  ${name.padEnd(23)} ${e.usage}\n`);
  return `The available commands are:\n${lines.join('')}`;
}

/** Finds the command and checks the number of its arguments. Throws UserError. */
function choose(words: readonly string[], settings: Settings): Entry {
  const [name, ...args] = words;
  if (name === undefined) throw new UserError('missing command name; use --help for help');
  const entry = COMMANDS[name];
  if (!entry) throw new UserError(`unknown command '${name}'; use --help for help`);
  if (args.length < entry.min) throw new UserError(`'${name}' command requires at least ${entry.min} arguments`);
  if (args.length > entry.max) throw new UserError(`'${name}' command takes at most ${entry.max} arguments`);
  if (entry.writes && settings.readOnly) {
    throw new UserError(`'${name}' command does not work in read only mode`);
  }
  return entry;
}

const TERMINAL: Io = {
  out: (text: string): void => void process.stdout.write(text),
  err: (text: string): void => void process.stderr.write(text),
  isTty: process.stdout.isTTY === true,
};

/** Connections that are still open: they would keep the program alive. */
const openClients = new Set<{ close(): void }>();
function hangUp(): void {
  for (const c of [...openClients]) c.close();
}

/** `io`: where to print, when that is not the terminal. */
export async function main(argv: readonly string[], called: string, io = TERMINAL): Promise<number> {
  const program = called === 'ofctl' ? 'weft ofctl' : called;
  let timer: NodeJS.Timeout | undefined;
  try {
    const line = parseLine(argv);
    const flags = new Set(line.options.map(([name]) => name));
    if (flags.has('help')) {
      const { usage } = await import('./ofctl/usage.js');
      io.out(usage(program));
      return 0;
    }
    if (flags.has('version')) {
      const { versionText } = await import('./usage.js');
      io.out(`${versionText(program)}OpenFlow versions 0x1:0x6\n`);
      return 0;
    }
    const settings = readSettings(line, program);
    const entry = choose(line.rest, settings);
    timer = settings.timeout === 0 ? undefined : alarm(settings.timeout, io);
    const run = await entry.load();
    const status = await run({ settings, io, openClients, args: line.rest.slice(1) });
    return typeof status === 'number' ? status : 0;
  } catch (e) {
    return await report(e, program, io);
  } finally {
    clearTimeout(timer);
    hangUp();
  }
}

async function report(e: unknown, program: string, io: Io): Promise<number> {
  if (e instanceof UserError) {
    io.err(`${program}: ${e.message}\n`);
    return 1;
  }
  const { Refused } = await import('./ofctl/client.js');
  if (!(e instanceof Refused)) throw e;
  const { formatBytes } = await import('../openflow/text/message.js');
  io.err(formatBytes(e.bytes, { verbosity: 1 }));
  return 1;
}
