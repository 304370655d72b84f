/**
 * dpctl on tracked connections and fragments. There are none of either: what can be set is kept and told, tables are empty, what is to be flushed is not
 * found. The texts are those of a datapath that tracks and has seen nothing.
 */
import { parseIpv4Number, parseIpv6 } from '../../../lib/address.js';
import { type DpctlCommand, isDatapath, optionalDatapath, type Reply } from './reply.js';

interface Limits {
  default: number;
  readonly zones: Map<number, number>;
}

interface Fragments {
  readonly enabled: Record<string, boolean>;
  readonly smallest: Record<string, number>;
  most: number;
}

const FAMILIES = ['v4', 'v6'] as const;
/** Smallest fragments that may be asked for, as ovs-dpctl(8) has them. */
const LEAST: Readonly<Record<string, number>> = { v4: 400, v6: 400 };
const MOST_FRAGMENTS = 5000;
const U32 = 2 ** 32;

/** A decimal number with a sign, in the way of scanf: what does not fit is cut to 32 bits. */
function unsigned(text: string): number | undefined {
  const m = /^[+-]?\d+/.exec(text);
  return m ? Number(BigInt.asUintN(32, BigInt(m[0]))) % U32 : undefined;
}

function zoneOf(text: string): number | undefined {
  const m = /^zone=(\d+)/.exec(text);
  return m ? Number(m[1]) & 0xffff : undefined;
}

function zoneList(text: string, reply: Reply): number[] {
  const list = /^zone=(.*)$/.exec(text)?.[1];
  if (list === undefined) reply.fail(`invalid argument ${text}`, 'invalid');
  return list
    .split(',')
    .filter(Boolean)
    .map((z) => {
      if (!/^\d+$/.test(z) || Number(z) > 0xffff) reply.fail('invalid zone', 'invalid');
      return Number(z);
    });
}

/** "zone=1,limit=5", in any order. */
function zoneLimit(text: string, reply: Reply): { zone: number; limit: number } {
  const said = new Map<string, number>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at < 0) reply.fail(`field ${part} missing value`, 'invalid');
    const name = part.slice(0, at);
    if (name !== 'zone' && name !== 'limit') reply.fail(`invalid zone limit field: ${name}`, 'invalid');
    const n = unsigned(part.slice(at + 1));
    if (n === undefined || (name === 'zone' && n > 0xffff)) reply.fail(`failed to parse field ${name}`, 'invalid');
    said.set(name, n);
  }
  const zone = said.get('zone');
  const limit = said.get('limit');
  if (zone === undefined || limit === undefined) reply.fail('failed to parse zone limit', 'invalid');
  return { zone, limit };
}

const PORT = /^\d{1,5}$/;
const TUPLE: Readonly<Record<string, (v: string) => boolean>> = {
  ct_nw_src: (v) => parseIpv4Number(v) >= 0,
  ct_nw_dst: (v) => parseIpv4Number(v) >= 0,
  ct_ipv6_src: (v) => parseIpv6(v) !== undefined,
  ct_ipv6_dst: (v) => parseIpv6(v) !== undefined,
  ct_nw_proto: (v) => /^\d{1,3}$/.test(v) && Number(v) < 256,
  ct_tp_src: (v) => PORT.test(v),
  ct_tp_dst: (v) => PORT.test(v),
  icmp_id: (v) => PORT.test(v),
  icmp_type: (v) => PORT.test(v),
  icmp_code: (v) => PORT.test(v),
};
/** What names one connection; with less, all that fit are meant, of which there are none. */
const WHOLE = [/\bct_(nw|ipv6)_src=/, /\bct_(nw|ipv6)_dst=/, /\bct_nw_proto=/, /\b(ct_tp_src|icmp_id)=/];

function checkTuple(text: string, reply: Reply): void {
  for (const part of text.split(',').filter(Boolean)) {
    const at = part.indexOf('=');
    if (at < 0) reply.fail(`field ${part} missing value`, 'invalid');
    const name = part.slice(0, at);
    const isValid = Object.hasOwn(TUPLE, name) ? TUPLE[name] : undefined;
    if (!isValid) reply.fail(`invalid conntrack tuple field: ${name}`, 'invalid');
    if (!isValid(part.slice(at + 1))) reply.fail(`failed to parse field ${name}`, 'invalid');
  }
}

/** [dp] [zone=N] [tuple] [tuple]. */
function flush(args: readonly string[], reply: Reply): void {
  let rest = args.length > 0 && isDatapath(args[0]) ? args.slice(1) : args;
  if (rest[0]?.startsWith('zone=')) {
    if (zoneOf(rest[0]) === undefined) reply.fail('failed to parse zone', 'invalid');
    rest = rest.slice(1);
  }
  const [original, answer] = rest;
  if (original !== undefined) checkTuple(original, reply);
  if (answer !== undefined) checkTuple(answer, reply);
  if (rest.length > 2) reply.fail('invalid arguments', 'invalid');
  if (original !== undefined && answer === undefined && WHOLE.every((w) => w.test(original))) {
    reply.fail('failed to flush conntrack', 'noEntry');
  }
}

/** Without the last argument where that is KEY=N. */
function without(args: readonly string[], key: RegExp): readonly string[] {
  return key.test(args[args.length - 1] ?? '') ? args.slice(0, -1) : args;
}

export function conntrackCommands(): DpctlCommand[] {
  let connections = 3_000_000;
  let isSequenceChecked = true;
  const limits: Limits = { default: 0, zones: new Map() };
  const fragments: Fragments = { enabled: { v4: true, v6: true }, smallest: { v4: 1200, v6: 1280 }, most: 1000 };
  const limitOf = (zone: number): number => limits.zones.get(zone) ?? limits.default;
  const sequence =
    (on: boolean): DpctlCommand['run'] =>
    (_args, _o, reply) => {
      isSequenceChecked = on;
      reply.line(`${on ? 'enabling' : 'disabling'} TCP sequence checking successful`);
    };
  const reassembly =
    (on: boolean): DpctlCommand['run'] =>
    (args, _o, reply) => {
      const family = args[args.length - 1];
      if (!FAMILIES.some((f) => f === family))
        return reply.fail("parameter missing: 'v4' for IPv4 or 'v6' for IPv6", 'invalid');
      fragments.enabled[family] = on;
      reply.line(`${on ? 'enabling' : 'disabling'} fragmentation reassembly successful`);
    };
  const family = (f: 'v4' | 'v6'): string =>
    `        min ${f} frag size: ${fragments.smallest[f]}\n${['accepted', 'completed', 'expired', 'too small', 'overlapped', 'purged'].map((what) => `        ${f} frags ${what}: 0\n`).join('')}`;

  return [
    {
      name: 'dump-conntrack',
      usage: '[-m] [-s] [dp] [zone=N]',
      min: 0,
      max: 4,
      run: (args, _o, reply) => void optionalDatapath(without(args, /^zone=\d/), 1, reply),
    },
    {
      name: 'flush-conntrack',
      usage: '[dp] [zone=N] [ct-orig-tuple] [ct-reply-tuple]',
      min: 0,
      max: 4,
      run: (args, _o, reply) => flush(args, reply),
    },
    {
      name: 'ct-stats-show',
      usage: '[dp] [zone=N]',
      min: 0,
      max: 3,
      run(args, _o, reply) {
        optionalDatapath(without(args, /^zone=\d/), 1, reply);
        reply.line('Connections Stats:');
        reply.line('    Total: 0');
      },
    },
    {
      name: 'ct-bkts',
      usage: '[dp] [gt=N]',
      min: 0,
      max: 2,
      run(args, _o, reply) {
        optionalDatapath(without(args, /^gt=\d/), 1, reply);
        reply.line('Total Buckets: 1');
        reply.line('Current Connections: 0\n');
      },
    },
    {
      name: 'ct-set-maxconns',
      usage: '[dp] maxconns',
      min: 1,
      max: 2,
      run(args, _o, reply) {
        const rest = optionalDatapath(args, 2, reply);
        const n = unsigned(rest[rest.length - 1] ?? '');
        if (n === undefined) return reply.fail('maxconns missing or malformed', 'invalid');
        connections = n;
        reply.line('setting maxconns successful');
      },
    },
    {
      name: 'ct-get-maxconns',
      usage: '[dp]',
      min: 0,
      max: 1,
      run(args, _o, reply) {
        optionalDatapath(args, 1, reply);
        reply.line(String(connections));
      },
    },
    {
      name: 'ct-get-nconns',
      usage: '[dp]',
      min: 0,
      max: 1,
      run(args, _o, reply) {
        optionalDatapath(args, 1, reply);
        reply.line('0');
      },
    },
    // Whatever it is given, the one datapath is meant.
    { name: 'ct-enable-tcp-seq-chk', usage: '[dp]', min: 0, max: 1, run: sequence(true) },
    { name: 'ct-disable-tcp-seq-chk', usage: '[dp]', min: 0, max: 1, run: sequence(false) },
    {
      name: 'ct-get-tcp-seq-chk',
      usage: '[dp]',
      min: 0,
      max: 1,
      run(args, _o, reply) {
        optionalDatapath(args, 1, reply);
        reply.line(`TCP sequence checking: ${isSequenceChecked ? 'enabled' : 'disabled'}`);
      },
    },
    {
      name: 'ct-set-limits',
      usage: '[dp] [default=L] [zone=N,limit=L]...',
      min: 1,
      max: Number.POSITIVE_INFINITY,
      run(args, _o, reply) {
        let rest = isDatapath(args[0]) ? args.slice(1) : args;
        if (rest.length === 0) return reply.fail('too few arguments', 'invalid');
        if (rest[0].startsWith('default=')) {
          const n = unsigned(rest[0].slice('default='.length));
          if (n === undefined) return reply.fail('invalid default limit', 'invalid');
          limits.default = n;
          rest = rest.slice(1);
        }
        const wanted = rest.map((text) => zoneLimit(text, reply));
        for (const { zone, limit } of wanted) limits.zones.set(zone, limit);
      },
    },
    {
      name: 'ct-del-limits',
      usage: '[dp] zone=N1[,N2]...',
      min: 1,
      max: 2,
      run(args, _o, reply) {
        const rest = optionalDatapath(args, 2, reply);
        if (rest.length === 0) return reply.fail('too few arguments', 'invalid');
        for (const zone of zoneList(rest[0], reply)) limits.zones.delete(zone);
      },
    },
    {
      name: 'ct-get-limits',
      usage: '[dp] [zone=N1[,N2]...]',
      min: 0,
      max: 2,
      run(args, _o, reply) {
        const rest = optionalDatapath(args, 2, reply);
        const zones = rest.length === 0 ? [...limits.zones.keys()].sort((a, b) => a - b) : zoneList(rest[0], reply);
        reply.line(`default limit=${limits.default}`);
        for (const z of zones) reply.line(`zone=${z},limit=${limitOf(z)},count=0`);
      },
    },
    { name: 'ipf-set-enabled', usage: '[dp] v4|v6', min: 1, max: 2, run: reassembly(true) },
    { name: 'ipf-set-disabled', usage: '[dp] v4|v6', min: 1, max: 2, run: reassembly(false) },
    {
      name: 'ipf-set-min-frag',
      usage: '[dp] v4|v6 minfragment',
      min: 2,
      max: 3,
      run(args, _o, reply) {
        const [version, size] = optionalDatapath(args, 3, reply);
        if (!FAMILIES.some((f) => f === version))
          return reply.fail('parameter missing: v4 for IPv4 or v6 for IPv6', 'invalid');
        const n = unsigned(size ?? '');
        if (n === undefined) return reply.fail('parameter missing for minimum fragment size', 'invalid');
        if (n < LEAST[version])
          return reply.fail('requested minimum fragment size too small; see documentation', 'notPermitted');
        fragments.smallest[version] = n;
        reply.line('setting minimum fragment size successful');
      },
    },
    {
      name: 'ipf-set-max-nfrags',
      usage: '[dp] maxfrags',
      min: 1,
      max: 2,
      run(args, _o, reply) {
        const rest = optionalDatapath(args, 2, reply);
        const n = unsigned(rest[0] ?? '');
        if (n === undefined) return reply.fail('parameter missing for maximum fragments', 'invalid');
        if (n > MOST_FRAGMENTS) return reply.fail('setting maximum fragments failed', 'notPermitted');
        fragments.most = n;
        reply.line('setting maximum fragments successful');
      },
    },
    {
      name: 'ipf-get-status',
      usage: '[dp]',
      min: 0,
      max: 1,
      run(args, { verbosity }, reply) {
        optionalDatapath(args, 1, reply);
        const on = (f: string): number => (fragments.enabled[f] ? 1 : 0);
        reply.text += `        Fragmentation Module Status\n        ---------------------------\n        v4 enabled: ${on('v4')}\n        v6 enabled: ${on('v6')}\n`;
        reply.text += `        max num frags (v4/v6): ${fragments.most}\n        num frag: 0\n${family('v4')}${family('v6')}`;
        if (verbosity > 0) reply.text += '\n        Fragment Lists:\n\n';
      },
    },
  ];
}
