/** Commands on what carries tunnels: tnl/* and ovs/route/*, in the words of Open vSwitch. */
import type { ControlCommand } from '../../control/unixctl.js';
import { formatMac, parseIpv4, parseIpv6, parseMac, prefixMask } from '../../lib/address.js';
import { UserError } from '../../lib/errors.js';
import { IP_PROTO } from '../../packet/wire/wire.js';
import { listText } from '../../tunnel/text.js';
import { ipText, type Route } from '../../tunnel/underlay.js';
import type { Core } from '../core.js';

const lines = (all: readonly string[]): string => all.map((l) => `${l}\n`).join('');
const address = (text: string | undefined): Uint8Array | undefined =>
  text === undefined ? undefined : (parseIpv4(text) ?? parseIpv6(text));

function prefixOf(text: string): { prefix: Uint8Array; length: number } {
  const [ip, plen] = text.split('/');
  const bytes = address(ip);
  const length = plen === undefined ? (bytes?.length ?? 0) * 8 : /^\d{1,3}$/.test(plen) ? Number(plen) : Number.NaN;
  if (!bytes || !(length <= bytes.length * 8)) throw new UserError('Invalid parameters');
  const mask = prefixMask(length, bytes.length);
  return { prefix: bytes.map((b, i) => b & mask[i]), length };
}

function markOf(text: string | undefined): number | undefined {
  const m = /^pkt_mark=(\d+|0[xX][0-9a-fA-F]+)$/.exec(text ?? '');
  return m ? Number(m[1]) >>> 0 : undefined;
}

function routeText(r: Route): string {
  const mark = r.mark === 0 ? '' : ` MARK ${r.mark}`;
  const gateway = r.gateway ? ` GW ${ipText(r.gateway)}` : '';
  const source = r.source ? ` SRC ${ipText(r.source)}` : '';
  return `${r.user ? 'User' : 'Cached'}: ${ipText(r.prefix)}/${r.length}${mark} dev ${r.device}${gateway}${source}${r.local ? ' local' : ''}`;
}

function routeCommands({ underlay }: Core): ControlCommand[] {
  return [
    {
      name: 'ovs/route/add',
      usage: 'ip_addr/prefix_len out_br_name [gw] [pkt_mark=mark]',
      min: 2,
      max: 4,
      run([to, device, ...rest]) {
        const { prefix, length } = prefixOf(to);
        let mark = 0;
        let gateway: Uint8Array | undefined;
        for (const word of rest) {
          const said = markOf(word);
          if (said === undefined) gateway = address(word);
          mark = said ?? mark;
          if (said === undefined && gateway?.length !== prefix.length) {
            throw new UserError('Invalid pkt_mark or gateway');
          }
        }
        const source = underlay.neighborSource(device, gateway ?? prefix);
        if (!source) throw new UserError('Error while inserting route.');
        underlay.routes.add({ prefix, length, device, gateway, source, mark, user: true, local: false });
        return 'OK';
      },
    },
    {
      name: 'ovs/route/show',
      usage: '',
      min: 0,
      max: 0,
      run: () => lines(['Route Table:', ...underlay.table().map(routeText)]),
    },
    {
      name: 'ovs/route/del',
      usage: 'ip_addr/prefix_len [pkt_mark=mark]',
      min: 1,
      max: 2,
      run([to, mark]) {
        const { prefix, length } = prefixOf(to);
        if (mark !== undefined && markOf(mark) === undefined) throw new UserError('Invalid pkt_mark');
        underlay.routes.remove(prefix, length, markOf(mark) ?? 0);
        return 'OK';
      },
    },
    {
      name: 'ovs/route/lookup',
      usage: 'ip_addr [pkt_mark=mark]',
      min: 1,
      max: 2,
      run([to, mark]) {
        const bytes = address(to);
        if (!bytes) throw new UserError('Invalid parameters');
        if (mark !== undefined && markOf(mark) === undefined) throw new UserError('Invalid pkt_mark');
        const r = underlay.way(bytes, markOf(mark) ?? 0);
        if (!r) throw new UserError('Not found');
        return lines([
          `src ${r.source ? ipText(r.source) : '::'}`,
          `gateway ${r.gateway ? ipText(r.gateway) : '::'}`,
          `dev ${r.device}`,
        ]);
      },
    },
  ];
}

const NEIGHBOR_HEAD = 'IP                                            MAC                 Bridge';

function neighborCommands(core: Core, prefix: string): ControlCommand[] {
  const { neighbors } = core.underlay;
  return [
    {
      name: `${prefix}/show`,
      usage: '',
      min: 0,
      max: 0,
      run: () =>
        lines([
          NEIGHBOR_HEAD,
          '='.repeat(74),
          ...[...neighbors.all()].map((n) => `${ipText(n.address).padEnd(46)}${formatMac(n.mac)}   ${n.device}`),
        ]),
    },
    {
      name: `${prefix}/set`,
      usage: 'BRIDGE IP MAC',
      min: 3,
      max: 3,
      run([device, ip, mac]) {
        const bytes = address(ip);
        const link = parseMac(mac);
        if (!bytes) throw new UserError('bad IP address');
        if (!link) throw new UserError('bad MAC address');
        neighbors.learn(device, bytes, link, core.now());
        return 'OK';
      },
    },
    {
      name: `${prefix}/flush`,
      usage: '',
      min: 0,
      max: 0,
      run() {
        neighbors.flush();
        return 'OK';
      },
    },
    {
      name: `${prefix}/aging`,
      usage: '[SECS]',
      min: 0,
      max: 1,
      run([seconds]) {
        if (seconds === undefined) return String(neighbors.agingMs / 1000);
        const n = /^\d{1,9}$/.test(seconds) ? Number(seconds) : 0;
        if (n === 0 || n > 3600) throw new UserError('bad aging value');
        neighbors.agingMs = n * 1000;
        return 'OK';
      },
    },
  ];
}

function users({ underlay }: Core): string[] {
  return [...underlay.backers.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((b) => `${b.name} (${b.vport}) ref_cnt=${b.users}`);
}

/** What is taken for a tunnel's: of two that look for the same, the first has it. */
function listeners({ underlay }: Core): string[] {
  const by = new Map<string, string>();
  for (const b of underlay.backers.values()) {
    const proto = b.dstPort === 0 ? IP_PROTO.gre : IP_PROTO.udp;
    const l4 = b.dstPort === 0 ? '' : `,udp(dst=${b.dstPort})`;
    for (const { mac, addresses } of underlay.locals()) {
      for (const a of addresses) {
        const [type, family] = a.length === 4 ? ['0x0800', 'ipv4'] : ['0x86dd', 'ipv6'];
        const match = `eth(dst=${formatMac(mac)}),eth_type(${type}),${family}(dst=${ipText(a)},proto=${proto},frag=no)${l4}`;
        if (!by.has(match)) by.set(match, `${b.name} (${b.vport}) : ${match}`);
      }
    }
  }
  const host =
    underlay.hostVport === 0
      ? []
      : [`the host's stack (${underlay.hostVport}) : ${underlay.listens.replaceAll('?', '')}`];
  return [...by.values(), ...host];
}

export function tunnelCommands(core: Core): ControlCommand[] {
  const { underlay } = core;
  return [
    ...routeCommands(core),
    ...neighborCommands(core, 'tnl/neigh'),
    ...neighborCommands(core, 'tnl/arp'),
    {
      name: 'ofproto/list-tunnels',
      usage: '',
      min: 0,
      max: 0,
      run: () => lines([...underlay.tunnels.all()].map((e) => listText(e.name, e.vport, e.config)).sort()),
    },
    {
      name: 'tnl/ports/show',
      usage: '-v',
      min: 0,
      max: 1,
      run: ([word]) =>
        lines(['Listening ports:', ...(word === '-v' ? listeners(core) : []), ...(word === '-v' ? [] : users(core))]),
    },
    {
      name: 'tnl/egress_port_range',
      usage: 'min max',
      min: 0,
      max: 2,
      run(args) {
        if (args.length > 0) throw new UserError('the range of source ports is fixed');
        return 'Tunnel UDP source port range: 32768-61000\n';
      },
    },
  ];
}
