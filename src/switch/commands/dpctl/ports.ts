/** dpctl on the datapath itself, its ports and its caches. Which ports there are is said by the database: none is made or taken away here. */
import type { PortCounters } from '../../../datapath/datapath.js';
import type { NativeDriver } from '../../../datapath/driver/native-driver.js';
import { UserError } from '../../../lib/errors.js';
import { backerText } from '../../../tunnel/text.js';
import { vportKind } from '../../../vport/kinds.js';
import type { Core } from '../../core.js';
import { DATAPATH_NAME } from '../../datapath-text.js';
import { type DpctlCommand, datapathError, openDatapath, optionalDatapath, type Reply } from './reply.js';

const MANY = Number.POSITIVE_INFINITY;
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** "1500", or with a unit behind it from 1 KiB on. */
function bytesText(direction: string, bytes: number): string {
  const unit = UNITS.findLast((_, i) => bytes >= 1024 ** (i + 1));
  const more = unit === undefined ? '' : ` (${(bytes / 1024 ** (UNITS.indexOf(unit) + 1)).toFixed(1)} ${unit})`;
  return `${direction} bytes:${bytes}${more}`;
}

/** `losses`: they are known. */
function statistics(c: PortCounters, losses: boolean): string[] {
  const dropped = c.drops.reduce((n, d) => n + d, 0);
  const known = (n: number): string => (losses ? String(n) : '?');
  return [
    `    RX packets:${c.rx_packets} errors:${known(c.rx_errors)} dropped:${known(dropped)} overruns:? frame:?`,
    `    TX packets:${c.tx_packets} errors:? dropped:${known(c.tx_dropped)} aborted:? carrier:?`,
    '    collisions:?',
    `    ${bytesText('RX', c.rx_bytes)}  ${bytesText('TX', c.tx_bytes)}`,
  ];
}

function show(core: Core, dp: NativeDriver, withStatistics: boolean, reply: Reply): void {
  const sum = { hit: 0, missed: 0, lost: 0 };
  for (let w = 0; w < dp.workers; w++) {
    const c = dp.workerCounters(w);
    sum.hit += c.microflow_hits + c.megaflow_hits;
    sum.missed += c.misses;
    sum.lost += c.upcalls_lost;
  }
  reply.line(`${core.datapathName}:`);
  reply.line(`  lookups: hit:${sum.hit} missed:${sum.missed} lost:${sum.lost}`);
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

export function portCommands(core: Core, dp: NativeDriver): DpctlCommand[] {
  const named = (name: string) => core.dpPorts().find((p) => p.name === name);

  const addInterface = (text: string, reply: Reply): void => {
    const { name, settings } = interfaceOf(text);
    if (name === '') return reply.note(' is not a valid network device name');
    try {
      vportKind(settings.get('type') ?? '');
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      return reply.note(`${name}: failed to open network device`, 'noFamily');
    }
    if (named(name)) return reply.note(`${name}: failed to open network device`, 'exist');
    // One that is of no bridge would be taken away again in the next moment.
    reply.note(`adding ${name} to ${DATAPATH_NAME} failed`, 'notSupported');
  };

  const setInterface = (text: string, reply: Reply): void => {
    const { name, settings } = interfaceOf(text);
    if (name === '') return reply.note(' is not a valid network device name', undefined, false);
    const port = named(name);
    if (!port) return reply.note(`${name}: failed to query port in ${DATAPATH_NAME}`, 'noDevice');
    const type = core.typeOf(name);
    const asked = settings.get('type');
    if (asked !== undefined && asked !== type) reply.note(`${name}: can't change type from ${type} to ${asked}`);
    const number = settings.get('port_no');
    if (number !== undefined && leadingNumber(number) !== port.vport) {
      reply.note(`${name}: can't change port number from ${port.vport} to ${leadingNumber(number)}`);
    }
  };

  const deleteInterface = (text: string, reply: Reply): void => {
    const isNumber = /^\d+$/.test(text);
    const port = isNumber ? core.dpPorts().find((p) => p.vport === Number(text)) : named(text);
    if (!port && !isNumber) return reply.note(`no port named ${text}`);
    const number = port?.vport ?? Number(text);
    reply.note(`deleting port ${number} from ${DATAPATH_NAME} failed`, port ? 'notSupported' : 'noDevice');
  };

  const interfaces = (name: string, act: (text: string, reply: Reply) => void): DpctlCommand => ({
    name,
    usage: 'dp iface...',
    min: 2,
    max: MANY,
    run([datapath, ...rest], _o, reply) {
      openDatapath(datapath, reply);
      for (const text of rest) act(text, reply);
    },
  });

  return [
    {
      name: 'add-dp',
      usage: 'dp [iface...]',
      min: 1,
      max: MANY,
      run([name], _o, reply) {
        const errno = datapathError(name);
        if (errno) reply.fail('add_dp', errno === 'noDevice' ? 'notSupported' : errno);
        reply.fail('add_dp', 'exist');
      },
    },
    {
      name: 'del-dp',
      usage: 'dp',
      min: 1,
      max: 1,
      run([name], _o, reply) {
        openDatapath(name, reply);
        reply.fail('del_dp', 'notSupported');
      },
    },
    interfaces('add-if', addInterface),
    interfaces('del-if', deleteInterface),
    interfaces('set-if', setInterface),
    { name: 'dump-dps', usage: '', min: 0, max: 0, run: (_args, _o, reply) => reply.line(core.datapathName) },
    {
      name: 'show',
      usage: '[-s] [dp...]',
      min: 0,
      max: MANY,
      run(args, options, reply) {
        for (const name of args.length === 0 ? [core.datapathName] : args) {
          const errno = datapathError(name);
          if (errno) reply.note(`opening datapath ${name} failed`, errno);
          else show(core, dp, options.statistics, reply);
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
        const errno = name === undefined ? undefined : datapathError(name);
        if (errno) reply.fail(`Opening datapath ${name} failed`, errno);
        reply.line(`${core.datapathName}:`);
      },
    },
    {
      name: 'cache-set-size',
      usage: 'dp cache <size>',
      min: 3,
      max: 3,
      run([name, , size], _o, reply) {
        if (!/^\d+/.test(size)) reply.fail('size is malformed', 'invalid');
        const errno = datapathError(name);
        if (errno) reply.fail(`Opening datapath ${name} failed`, errno);
        reply.fail('Setting caches not supported', 'notSupported');
      },
    },
  ];
}
