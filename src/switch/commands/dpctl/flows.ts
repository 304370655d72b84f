/**
 * dpctl on flows. A flow that is put in by hand is judged with the next statistics: what the tables do not say is taken away or set right, as the
 * revalidators of Open vSwitch do it.
 */
import { readFileSync } from 'node:fs';
import type { FlowCounters } from '../../../datapath/datapath.js';
import { formatDpActions, parseDpActions } from '../../../datapath/text/actions.js';
import { type DpKeyMask, formatDpStats, parseDpKey } from '../../../datapath/text/flow.js';
import { splitCall, splitItems } from '../../../datapath/text/members.js';
import { OFPP } from '../../../flow/field.js';
import { OK } from '../../../flow/key.js';
import { parseExactMatch } from '../../../flow/parse-exact.js';
import type { TunTable } from '../../../flow/tun-table.js';
import { get16, get32, put32 } from '../../../lib/bytes.js';
import { UserError } from '../../../lib/errors.js';
import { DP_KEY_BYTES, FRAG, K } from '../../../packet/key.js';
import type { DpFlow } from '../../../upcall/megaflows.js';
import type { Core } from '../../core.js';
import { datapathFlowLine, flowUfid, slotsInKernel } from '../../datapath-text.js';
import { reason } from '../../of-sockets.js';
import { type DpctlCommand, type DpctlOptions, optionalDatapath, type Reply } from './reply.js';

const HEADER = 'flow-dump from the main thread:';
const UFID = /^ufid:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/;
const DUMP_TYPES: readonly string[] = ['ovs', 'tc', 'dpdk', 'offloaded', 'non-offloaded', 'partially-offloaded', 'all'];
/** Ours are of the switch, in no hardware; some of them the kernel repeats by itself. */
const OUR_TYPES: ReadonlySet<string> = new Set(['ovs', 'non-offloaded', 'all']);
const KERNEL_TYPES: ReadonlySet<string> = new Set(['tc', 'offloaded', 'all']);

/** Which header a type of frame or a protocol brings along: a flow that names the one must say something of the other. */
const BY_TYPE: Readonly<Record<number, string>> = {
  2048: 'ipv4',
  34525: 'ipv6',
  2054: 'arp',
  32821: 'arp',
  34887: 'mpls',
  34888: 'mpls',
  35151: 'nsh',
};
const TRANSPORTS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

/** Names of the parts of a flow, those within encap(...) included. */
function partNames(text: string): Set<string> {
  const names = new Set<string>();
  for (const item of splitItems(text)) {
    const { name, args } = splitCall(item);
    names.add(name);
    if (name === 'encap' && args !== undefined) for (const n of partNames(args)) names.add(n);
  }
  return names;
}

/** False: it leaves out what the rest of it asks for. */
function isComplete({ value, mask }: DpKeyMask, text: string): boolean {
  const names = partNames(text);
  if (!names.has('in_port') || !names.has('eth_type')) return false;
  const type = get16(mask, K.ethType.offset) === 0xffff ? get16(value, K.ethType.offset) : 0;
  const network = BY_TYPE[type];
  if (network !== undefined && !names.has(network)) return false;
  for (const n of new Set(Object.values(BY_TYPE))) if (names.has(n) && n !== network) return false;
  const isIp = network === 'ipv4' || network === 'ipv6';
  const isKnown = isIp && mask[K.nwProto.offset] === 0xff && (value[K.nwFrag.offset] & FRAG.later) === 0;
  const transport = isKnown ? TRANSPORTS[value[K.nwProto.offset]] : undefined;
  const expects = transport === 'icmp' ? network === 'ipv4' : transport === 'icmpv6' ? network === 'ipv6' : true;
  if (transport !== undefined && expects && !names.has(transport)) return false;
  return Object.values(TRANSPORTS).every((n) => !names.has(n) || n === transport);
}

function parsed<T>(run: () => T, failed: (message: string) => never): T {
  try {
    return run();
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    return failed(e.message);
  }
}

/** The fault in a flow's text: from the first part on that cannot be read. */
export function syntaxError(text: string, read: (part: string) => void): string {
  const items = splitItems(text);
  let at = 0;
  for (let i = 0; i < items.length; i++) {
    try {
      read(items.slice(0, i + 1).join(','));
    } catch {
      break;
    }
    at = text.indexOf(items[i], at) + items[i].length + 1;
  }
  return `syntax error at ${text.slice(at)}`;
}

/** Takes "KEY=..." from the end of the arguments, each key once. */
function takeFilters(args: readonly string[]): { rest: readonly string[]; said: Map<string, string> } {
  const rest = [...args];
  const said = new Map<string, string>();
  for (;;) {
    const m = /^(filter|type|pmd)=(.*)$/s.exec(rest[rest.length - 1] ?? '');
    if (!m || said.has(m[1])) return { rest, said };
    said.set(m[1], m[2]);
    rest.pop();
  }
}

export function flowCommands(core: Core): DpctlCommand[] {
  const { upcalls } = core;
  const { flows } = upcalls;
  const ctx = { portNumber: (name: string) => core.dpPorts().find((p) => p.name === name)?.vport };

  const readKey = (text: string, reply: Reply, inFront = ''): DpKeyMask =>
    parsed(
      () => parseDpKey(text, ctx),
      () => {
        const fault = syntaxError(text, (part) => void parseDpKey(part, ctx));
        return reply.fail(inFront ? `${inFront} (${fault})` : fault, 'invalid');
      },
    );

  const tellStatistics = (c: FlowCounters, reply: Reply): void => {
    const age = c.packets === 0 ? undefined : Math.max(0, core.now() - c.usedMs) / 1000;
    reply.line(formatDpStats({ ...c, age }));
  };

  const put = (verb: 'add' | 'mod', text: string, actionsText: string, o: DpctlOptions, reply: Reply): void => {
    const { key, ufid } = splitUfid(text);
    if (ufid === null) reply.fail('parsing flow ufid', 'invalid');
    const { value, mask } = readKey(key, reply, 'parsing flow key');
    const actions = parsed(
      () => parseDpActions(actionsText),
      () => reply.fail('parsing actions', 'invalid'),
    );
    // Packets that come back are others.
    put32(mask, K.recircId.offset, 0xffffffff);
    if (!isComplete({ value, mask }, key)) reply.fail('updating flow table', 'invalid');
    const known = flows.match(value);
    if (verb === 'add' && known) reply.fail('updating flow table', 'exist');
    if (verb === 'mod' && o.zero) reply.fail('updating flow table', 'notSupported');
    if (verb === 'mod' && !known && !o.mayCreate) reply.fail('updating flow table', 'noEntry');
    parsed(
      () => upcalls.putByHand(known, value, mask, actions),
      () => reply.fail('updating flow table', 'invalid'),
    );
    if (o.statistics)
      tellStatistics(known ? flows.counters(known) : { packets: 0, bytes: 0, usedMs: 0, tcpFlags: 0 }, reply);
  };

  const remove = (text: string, o: DpctlOptions, reply: Reply): void => {
    const { key, ufid } = splitUfid(text);
    if (ufid === null) reply.fail('parsing flow ufid', 'invalid');
    let flow: DpFlow | undefined;
    if (ufid !== undefined) flow = byUfid(ufid);
    else {
      const { value, mask } = readKey(key, reply);
      put32(mask, K.recircId.offset, 0xffffffff);
      flow = flows.exact(value, mask);
    }
    if (!flow) {
      reply.note('deleting flow', 'noEntry');
      reply.line('Perhaps you need to specify a UFID?');
      return;
    }
    const last = flows.counters(flow);
    flows.remove(flow);
    if (o.statistics) tellStatistics(last, reply);
  };

  const byUfid = (ufid: string): DpFlow | undefined => flows.all.find((f) => flowUfid(core, f) === ufid);

  /** Each line "[add|modify|delete] FLOW ACTIONS". Faults are told, and the rest goes on. */
  const file = (args: readonly string[], verb: 'add' | 'modify' | 'delete', o: DpctlOptions, reply: Reply): void => {
    const path = args[args.length - 1];
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (e) {
      const why = reason(e);
      const upper = why.charAt(0).toUpperCase() + why.slice(1);
      return reply.note(`Opening file "${path}" failed (${upper})`, undefined, false);
    }
    text.split('\n').forEach((line, i) => {
      const words = line.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
      if (words.length === 0) return;
      const said = /^(add|modify|delete)$/.exec(words[0])?.[1];
      const what = said ?? verb;
      const [key, actions] = said === undefined ? words : words.slice(1);
      if (key === undefined || (actions === undefined) !== (what === 'delete')) {
        reply.note(`Failed parsing line number ${i + 1}, skipped!`, undefined, false);
        return;
      }
      reply.quietly(() => {
        if (what === 'delete') remove(key, o, reply);
        else put(what === 'add' ? 'add' : 'mod', key, actions, o, reply);
      });
    });
  };

  const dump = (args: readonly string[], o: DpctlOptions, reply: Reply): void => {
    const { rest, said } = takeFilters(args);
    const pmd = said.get('pmd');
    if (pmd !== undefined && !/^-?\d+/.test(pmd)) reply.stop();
    const filterText = said.get('filter');
    const types = said.get('type');
    for (const type of (types ?? '').split(',').filter(Boolean)) {
      if (!DUMP_TYPES.includes(type)) reply.fail(`Failed to parse type (${type})`, 'invalid');
    }
    optionalDatapath(rest, 1, reply);
    const passes = filterText === undefined ? () => true : filter(filterText, reply);
    const asks = (of: ReadonlySet<string>): boolean =>
      types === undefined || types.split(',').some((type) => of.has(type));
    const [ours, kernels] = [asks(OUR_TYPES), asks(KERNEL_TYPES)];
    if (!ours && !kernels) return;
    const kernel = slotsInKernel(core);
    // One list serves all workers.
    if (pmd !== undefined && Number.parseInt(pmd, 10) !== -1) return;
    let told = pmd !== undefined;
    for (const flow of flows.all) {
      if (!(kernel.has(flow.slot) ? kernels : ours) || !passes(flow)) continue;
      if (!told) reply.line(HEADER);
      told = true;
      reply.line(datapathFlowLine(core, flow, o.verbosity > 0, o.names, kernel));
    }
  };

  /** Those of the first bridge that has any: bridges share places. */
  const options = (): TunTable | undefined => {
    for (const { tun } of core.bridges.values()) if (tun.size > 0) return tun;
    return undefined;
  };

  /** OpenFlow's words, with numbers and names of datapath ports. A flow that says nothing of a field passes. */
  const filter = (text: string, reply: Reply): ((flow: DpFlow) => boolean) => {
    const { value, mask } = parsed(
      () => parseExactMatch(text, { ports: ctx.portNumber, tun: options(), looseOptions: true }),
      (why) => reply.fail(`Failed to parse filter (${why})`),
    );
    const port = get32(mask, OK.ofInPort.offset) === 0 ? undefined : get32(value, OK.ofInPort.offset);
    return (flow) => {
      const f = flows.expand(flow);
      if (port !== undefined && get32(f.mask, K.inPort.offset) !== 0) {
        const wanted = port === OFPP.local ? undefined : port;
        if (get32(f.key, K.inPort.offset) !== wanted) return false;
      }
      for (let i = 0; i < DP_KEY_BYTES; i++) {
        // The bytes that say which lines are there are no part of the packet.
        if (i !== K.lines.offset && (f.key[i] ^ value[i]) & f.mask[i] & mask[i]) return false;
      }
      return true;
    };
  };

  const verb = (name: string, max: number, usage: string, run: DpctlCommand['run'], min: number): DpctlCommand => ({
    name,
    usage,
    min,
    max,
    run,
  });
  return [
    verb('dump-flows', 6, '[-m] [--names] [dp] [filter=..] [type=..] [pmd=..]', dump, 0),
    ...(['add', 'mod'] as const).map((v) =>
      verb(
        `${v}-flow`,
        3,
        '[dp] flow actions',
        (args, o, reply) => {
          const [key, actions] = optionalDatapath(args, 3, reply);
          put(v, key, actions ?? '', o, reply);
        },
        2,
      ),
    ),
    verb(
      'del-flow',
      2,
      '[dp] flow',
      (args, o, reply) => remove(optionalDatapath(args, 2, reply)[0] ?? '', o, reply),
      1,
    ),
    verb(
      'get-flow',
      2,
      '[dp] ufid',
      (args, o, reply) => {
        const [text] = optionalDatapath(args, 2, reply);
        const ufid = UFID.exec(text ?? '')?.[1];
        if (ufid === undefined) return reply.note('parsing flow ufid', undefined, false);
        const flow = byUfid(ufid);
        if (!flow) return reply.note('getting flow', 'noEntry');
        reply.line(datapathFlowLine(core, flow, o.verbosity > 0, o.names, slotsInKernel(core)));
      },
      1,
    ),
    verb('add-flows', 2, '[dp] file', (args, o, reply) => file(args, 'add', o, reply), 1),
    verb('mod-flows', 2, '[dp] file', (args, o, reply) => file(args, 'modify', o, reply), 1),
    verb(
      'del-flows',
      2,
      '[dp] [file]',
      (args, o, reply) => {
        const rest = args.length > 0 ? optionalDatapath(args, Number.POSITIVE_INFINITY, reply) : args;
        if (rest.length > 0) return file(rest, 'delete', o, reply);
        upcalls.removeAll();
      },
      0,
    ),
    {
      name: 'parse-actions',
      usage: 'actions',
      min: 1,
      max: Number.POSITIVE_INFINITY,
      run(args, _o, reply) {
        for (const text of args) {
          const actions = parsed(
            () => parseDpActions(text),
            () => reply.fail('odp_actions_from_string', 'invalid'),
          );
          reply.line(formatDpActions(actions));
        }
      },
    },
  ];
}

/** "ufid:..., " in front of a flow; null: what is there is none. */
function splitUfid(text: string): { key: string; ufid: string | null | undefined } {
  if (!text.startsWith('ufid:')) return { key: text, ufid: undefined };
  const m = UFID.exec(text);
  return m ? { key: text.slice(m[0].length).replace(/^[,\s]+/, ''), ufid: m[1] } : { key: '', ufid: null };
}
