/** dpctl on datapaths, their ports and caches. Which ports that of the switch has is said by the database: none is made or taken away here. */
import type { PortCounters, TunnelCounter } from '../../../datapath/datapath.js';
import type { NativeDriver } from '../../../datapath/driver/native-driver.js';
import { backerText } from '../../../tunnel/text.js';
import { VPORT_KINDS } from '../../../vport/kinds.js';
import type { Core } from '../../core.js';
import type { Lookups } from '../lookups.js';
import { Datapaths, type DpFace } from './datapaths.js';
import { type DpctlCommand, type Errno, optionalDatapath, type Reply } from './reply.js';

const MANY = Number.POSITIVE_INFINITY;
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** "1500", or with a unit behind it from 1 KiB on. */
function bytesText(direction: string, bytes: number): string {
  const unit = UNITS.findLast((_, i) => bytes >= 1024 ** (i + 1));
  const more = unit === undefined ? '' : ` (${(bytes / 1024 ** (UNITS.indexOf(unit) + 1)).toFixed(1)} ${unit})`;
  return `${direction} bytes:${bytes}${more}`;
}

/** `losses`: they are known. */
function statistics(c: Omit<PortCounters, 'forwarded' | 'held' | TunnelCounter>, losses: boolean): string[] {
  const dropped = c.drops.reduce((n, d) => n + d, 0);
  const known = (n: number): string => (losses ? String(n) : '?');
  return [
    `    RX packets:${c.rx_packets} errors:${known(c.rx_errors)} dropped:${known(dropped)} overruns:? frame:?`,
    `    TX packets:${c.tx_packets} errors:? dropped:${known(c.tx_dropped)} aborted:? carrier:?`,
    '    collisions:?',
    `    ${bytesText('RX', c.rx_bytes)}  ${bytesText('TX', c.tx_bytes)}`,
  ];
}

export interface PortDeps {
  readonly core: Core;
  readonly dp: NativeDriver;
  readonly lookups: Lookups;
}

function show({ core, dp, lookups }: PortDeps, withStatistics: boolean, reply: Reply): void {
  const { hit, missed, lost } = lookups.counts();
  reply.line(`${core.datapathName}:`);
  reply.line(`  lookups: hit:${hit} missed:${missed} lost:${lost}`);
  reply.line(`  flows: ${core.upcalls.flows.all.length}`);
  const devices = core.dpPorts().map(({ vport, name }) => ({ vport, name, type: core.describe(name) }));
  const backers = [...core.underlay.backers.values()].map((b) => ({
    vport: b.vport,
    name: b.name,
    type: backerText(b),
  }));
  for (const port of [...devices, ...backers].sort((a, b) => a.vport - b.vport)) {
    const { type } = port;
    reply.line(`  port ${port.vport}: ${port.name}${type === 'system' ? '' : ` (${type})`}`);
    const losses = !core.device(port.vport)?.spec.dummy && !core.underlay.isBacker(port.vport);
    if (withStatistics) for (const line of statistics(dp.portCounters(port.vport), losses)) reply.line(line);
  }
}

const NONE = { rx_packets: 0, tx_packets: 0, rx_bytes: 0, tx_bytes: 0, rx_errors: 0, tx_dropped: 0, drops: [] };

function showSpare(face: DpFace, withStatistics: boolean, reply: Reply): void {
  reply.line(`${face.name}:`);
  reply.line('  lookups: hit:0 missed:0 lost:0');
  reply.line('  flows: 0');
  for (const { number, name, type } of face.ports()) {
    reply.line(`  port ${number}: ${name}${type === 'system' ? '' : ` (${type})`}`);
    if (withStatistics) for (const line of statistics(NONE, false)) reply.line(line);
  }
}

/** "NAME,KEY=VALUE...". */
function interfaceOf(text: string): { name: string; settings: Map<string, string> } {
  const [name = '', ...rest] = text.split(',').filter(Boolean);
  const pairs = rest.map((part): [string, string] => {
    const at = part.indexOf('=');
    return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
  });
  return { name, settings: new Map(pairs) };
}

function leadingNumber(text: string): number {
  return Number(/^\d+/.exec(text)?.[0] ?? 0);
}

export function portCommands(deps: PortDeps): DpctlCommand[] {
  const { core } = deps;
  const datapaths = new Datapaths(core);

  const openDatapath = (name: string, reply: Reply): DpFace =>
    datapaths.find(name) ?? reply.fail('opening datapath', datapaths.error(name));

  const addInterface = (face: DpFace, text: string, reply: Reply): void => {
    const { name, settings } = interfaceOf(text);
    if (name === '') return reply.note(' is not a valid network device name');
    const type = settings.get('type') || 'system';
    const cannotOpen = (errno: Errno): void => reply.note(`${name}: failed to open network device`, errno);
    const kind = VPORT_KINDS.find((k) => k.type === type);
    if (!kind) return cannotOpen('noFamily');
    const open = datapaths.open(name);
    if (open && open.type !== type) return cannotOpen('exist');
    // Without a word more, as there.
    if (type === 'patch') return reply.stop();
    const fault = (errno: Errno): void => reply.note(`adding ${name} to ${face.name} failed`, errno);
    const there = face.ports();
    if (there.some((p) => p.name === name)) return fault('exist');
    const asked = settings.get('port_no');
    const number = asked === undefined ? datapaths.freeNumber(face, name) : leadingNumber(asked);
    if (number === 0 || there.some((p) => p.number === number)) return fault('busy');
    face.add({ number, name, type });
  };

  const setInterface = (face: DpFace, text: string, reply: Reply): void => {
    const { name, settings } = interfaceOf(text);
    if (name === '') return reply.note(' is not a valid network device name', undefined, false);
    const port = face.ports().find((p) => p.name === name);
    if (!port) return reply.note(`${name}: failed to query port in ${face.name}`, 'noDevice');
    const asked = settings.get('type');
    if (asked !== undefined && asked !== port.type) {
      reply.note(`${name}: can't change type from ${port.type} to ${asked}`);
    }
    const number = settings.get('port_no');
    if (number !== undefined && leadingNumber(number) !== port.number) {
      reply.note(`${name}: can't change port number from ${port.number} to ${leadingNumber(number)}`);
    }
  };

  const deleteInterface = (face: DpFace, text: string, reply: Reply): void => {
    const isNumber = /^\d+$/.test(text);
    const port = face.ports().find((p) => (isNumber ? p.number === Number(text) : p.name === text));
    // The datapath's own port; ours has none to show.
    const isLocal = isNumber ? Number(text) === 0 : face.name.endsWith(`@${text}`);
    if (!port && !isNumber && !isLocal) return reply.note(`no port named ${text}`);
    const fault = (errno: Errno): void => reply.note(`deleting port ${text} from ${face.name} failed`, errno);
    if (isLocal) return fault('invalid');
    if (!port) return fault('noDevice');
    if (!face.remove(port.number)) fault('notSupported');
  };

  type Act = (face: DpFace, text: string, reply: Reply) => void;
  const interfaces = (name: string, act: Act): DpctlCommand => ({
    name,
    usage: 'dp iface...',
    min: 2,
    max: MANY,
    run([datapath, ...rest], _o, reply) {
      const face = openDatapath(datapath, reply);
      for (const text of rest) act(face, text, reply);
    },
  });

  return [
    {
      name: 'add-dp',
      usage: 'dp [iface...]',
      min: 1,
      max: MANY,
      run([name, ...rest], _o, reply) {
        const errno = datapaths.make(name);
        if (errno) reply.fail('add_dp', errno);
        const face = openDatapath(name, reply);
        for (const text of rest) addInterface(face, text, reply);
      },
    },
    {
      name: 'del-dp',
      usage: 'dp',
      min: 1,
      max: 1,
      run([name], _o, reply) {
        openDatapath(name, reply);
        datapaths.remove(name);
      },
    },
    interfaces('add-if', addInterface),
    interfaces('del-if', deleteInterface),
    interfaces('set-if', setInterface),
    {
      name: 'dump-dps',
      usage: '',
      min: 0,
      max: 0,
      run(_args, _o, reply) {
        for (const name of datapaths.names()) reply.line(name);
      },
    },
    {
      name: 'show',
      usage: '[-s] [dp...]',
      min: 0,
      max: MANY,
      run(args, options, reply) {
        for (const name of args.length === 0 ? datapaths.names() : args) {
          const face = datapaths.find(name);
          if (!face) reply.note(`opening datapath ${name} failed`, datapaths.error(name));
          else if (datapaths.isMain(name)) show(deps, options.statistics, reply);
          else showSpare(face, options.statistics, reply);
        }
      },
    },
    {
      name: 'offload-stats-show',
      usage: '[dp]',
      min: 0,
      max: 1,
      run(args, _o, reply) {
        optionalDatapath(args, 1, reply);
        reply.fail('retrieving offload statistics', 'invalid');
      },
    },
    {
      name: 'cache-get-size',
      usage: '[dp]',
      min: 0,
      max: 1,
      run([name], _o, reply) {
        if (name !== undefined && !datapaths.find(name)) {
          reply.fail(`Opening datapath ${name} failed`, datapaths.error(name));
        }
        for (const one of datapaths.names().slice(0, 1)) reply.line(`${datapaths.find(name ?? one)?.name}:`);
      },
    },
    {
      name: 'cache-set-size',
      usage: 'dp cache <size>',
      min: 3,
      max: 3,
      run([name, , size], _o, reply) {
        if (!/^\d+/.test(size)) reply.fail('size is malformed', 'invalid');
        if (!datapaths.find(name)) reply.fail(`Opening datapath ${name} failed`, datapaths.error(name));
        reply.fail('Setting caches not supported', 'notSupported');
      },
    },
  ];
}
