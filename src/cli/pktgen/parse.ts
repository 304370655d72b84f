import { parseArgs } from 'node:util';
import { parseIpv4, parseIpv6, parseMac } from '../../lib/address.js';
import { UserError } from '../../lib/errors.js';

export const USAGE = `usage: weft pktgen --port PORT [OPTION...]
Sends test traffic from a port and, with --receive, measures what comes back.

  --port PORT           device to send from: a veth end or NIC that exists, or the name of a TAP to make;
                        tap:NAME and system:NAME say which; "memory" sends through a switch inside this program
  --netns NAME          network namespace of --port (a name of ip netns, or a path)
  --receive PORT        device to receive on; enables loss, reordering and latency
  --receive-netns NAME  its namespace
  --template KIND       udp (default) or tcp
  --pcap FILE           send the frames of a capture instead
  --flows N             flows, told apart by source port and address (default 1)
  --size BYTES          frame size with check sequence, 64 to 65535 (default 64)
  --vlan VID            tag the frames
  --src-mac, --dst-mac MAC    --src-ip, --dst-ip ADDRESS (IPv4 or IPv6)
  --rate PPS            frames a second (default: as fast as it goes)
  --count N             end after N frames
  --duration SECONDS    end after SECONDS (default 10, without --count)
  --json                print one JSON object instead of text
`;

export function parseIp(text: string): Uint8Array {
  const a = parseIpv4(text) ?? parseIpv6(text);
  if (!a) throw new UserError(`${text}: invalid IP address`);
  return a;
}

export function parseMacOrFail(text: string): Uint8Array {
  const a = parseMac(text);
  if (!a) throw new UserError(`${text}: invalid Ethernet address`);
  return a;
}

export interface PktgenOptions {
  port: string;
  netns: string;
  receive?: string;
  receiveNetns: string;
  template: 'udp' | 'tcp';
  pcap?: string;
  flows: number;
  size: number;
  vlan?: number;
  srcMac: string;
  dstMac: string;
  srcIp: string;
  dstIp: string;
  rate: number;
  count: number;
  durationMs: number;
  json: boolean;
}

const text = { type: 'string' } as const;

function number(name: string, value: string | undefined, otherwise: number, min: number, max: number): number {
  if (value === undefined) return otherwise;
  const n = Number(value);
  if (!Number.isFinite(n) || n < min || n > max)
    throw new UserError(`--${name} must be ${min} to ${max}, not "${value}"`);
  return n;
}

/** Undefined: help was asked for. Throws UserError. */
export function parseOptions(args: readonly string[]): PktgenOptions | undefined {
  const { values: v } = parseArgs({
    args: [...args],
    options: {
      port: text,
      netns: text,
      receive: text,
      'receive-netns': text,
      template: text,
      pcap: text,
      flows: text,
      size: text,
      vlan: text,
      'src-mac': text,
      'dst-mac': text,
      'src-ip': text,
      'dst-ip': text,
      rate: text,
      count: text,
      duration: text,
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (v.help) return undefined;
  if (!v.port) throw new UserError('--port is missing; --help tells more');
  const template = v.template ?? 'udp';
  if (template !== 'udp' && template !== 'tcp') throw new UserError(`--template must be udp or tcp, not "${template}"`);
  const count = Math.floor(number('count', v.count, 0, 0, 1e15));
  return {
    port: v.port,
    netns: netnsPath(v.netns),
    receive: v.receive,
    receiveNetns: netnsPath(v['receive-netns']),
    template,
    pcap: v.pcap,
    flows: Math.floor(number('flows', v.flows, 1, 1, 1e6)),
    size: Math.floor(number('size', v.size, 64, 64, 65535)),
    vlan: v.vlan === undefined ? undefined : Math.floor(number('vlan', v.vlan, 0, 0, 4095)),
    srcMac: v['src-mac'] ?? '02:00:00:00:00:01',
    dstMac: v['dst-mac'] ?? '02:00:00:00:00:02',
    srcIp: v['src-ip'] ?? '10.0.0.1',
    dstIp: v['dst-ip'] ?? '10.0.0.2',
    rate: number('rate', v.rate, 0, 0, 1e9),
    count,
    durationMs: number('duration', v.duration, count ? 0 : 10, 0, 1e6) * 1000,
    json: v.json ?? false,
  };
}

function netnsPath(name: string | undefined): string {
  if (!name) return '';
  return name.includes('/') ? name : `/var/run/netns/${name}`;
}
