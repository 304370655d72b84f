/** Tuples of tracked connections as text, and from text. */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../lib/address.js';
import { isZero } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { ANY_TUPLE, type CtFlush, type CtTuple, isIcmp } from '../messages/ct-flush.js';
import type { Formatters } from './context.js';

const MAPPED = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
const isMapped = (a: Uint8Array): boolean => MAPPED.every((b, i) => a[i] === b);
const addressText = (a: Uint8Array): string => (isMapped(a) ? formatIpv4(a, MAPPED.length) : formatIpv6(a));

function tupleText(t: CtTuple, flush: CtFlush): string {
  const { orig, reply, proto } = flush;
  const family = [orig.src, orig.dst, reply.src, reply.dst].some(isMapped) ? 'nw' : 'ipv6';
  const ends = `ct_${family}_src=${addressText(t.src)},ct_${family}_dst=${addressText(t.dst)}`;
  if (isIcmp(proto)) return `${ends},icmp_id=${t.icmpId},icmp_type=${t.icmpType},icmp_code=${t.icmpCode}`;
  return `${ends},ct_tp_src=${t.srcPort},ct_tp_dst=${t.dstPort}`;
}

export const ctFlushFormatters: Formatters = {
  ct_flush_zone: ({ value }) => ` zone_id=${value.zone ?? 0}`,
  ct_flush: ({ value: v }) =>
    ` zone=${v.zone ?? 0} '${tupleText(v.orig, v)},ct_nw_proto=${v.proto}' '${tupleText(v.reply, v)}'`,
};

type Read = (text: string) => Partial<CtTuple & { proto: number }> | undefined;

function number(name: string, max: number): Read {
  return (text) => {
    const v = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
    return v <= max ? { [name]: v } : undefined;
  };
}

function address(name: 'src' | 'dst', family: 4 | 6): Read {
  return (text) => {
    const bytes = family === 4 ? parseIpv4(text) : parseIpv6(text);
    if (!bytes) return undefined;
    return { [name]: family === 4 ? Uint8Array.from([...MAPPED, ...bytes]) : bytes };
  };
}

const KEYS: Readonly<Record<string, Read>> = {
  ct_nw_src: address('src', 4),
  ct_nw_dst: address('dst', 4),
  ct_ipv6_src: address('src', 6),
  ct_ipv6_dst: address('dst', 6),
  ct_nw_proto: number('proto', 0xff),
  ct_tp_src: number('srcPort', 0xffff),
  ct_tp_dst: number('dstPort', 0xffff),
  icmp_id: number('icmpId', 0xffff),
  icmp_type: number('icmpType', 0xff),
  icmp_code: number('icmpCode', 0xff),
};

/** "ct_nw_src=10.1.1.1,ct_nw_proto=6,ct_tp_dst=80". `proto`: what the other tuple said. Throws UserError in ovs-ofctl's words. */
export function parseTuple(text: string, proto: number): { readonly tuple: CtTuple; readonly proto: number } {
  let t: CtTuple & { proto: number } = { ...ANY_TUPLE, proto };
  const bad = (what: string): never => {
    throw new UserError(`Failed to parse ct-tuple: ${what}`);
  };
  for (const item of text.split(/[\s,]+/).filter(Boolean)) {
    const [key, value] = item.split('=', 2);
    if (value === undefined || value === '') bad(`field ${key} missing value`);
    const read = KEYS[key];
    if (!read) return bad(`invalid conntrack tuple field: ${key}`);
    t = { ...t, ...(read(value) ?? bad(`failed to parse field ${key}`)) };
  }
  const four = [t.src, t.dst].filter((a) => !isZero(a)).map(isMapped);
  if (new Set(four).size > 1) bad('L3 protocols mismatch');
  if (t.proto === 0 && (t.srcPort || t.dstPort)) bad('port is set without protocol');
  const { proto: found, ...tuple } = t;
  return { tuple, proto: found };
}
