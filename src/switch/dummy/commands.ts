/** Commands for tests: netdev-dummy/*, time/*. Names and words are those of Open vSwitch's. */
import type { ControlCommand } from '../../control/unixctl.js';
import { parseIpMasked, prefixLength } from '../../lib/address.js';
import { UserError } from '../../lib/errors.js';
import type { DummyDevice } from './device.js';
import { frameFromText } from './packet-text.js';
import type { TestBed } from './test-bed.js';

/** As C's atoi: what is no number is 0. */
function number(text: string): number {
  return Number(/^\s*[-+]?\d+/.exec(text)?.[0] ?? 0);
}

/** `changed`: whether a device is up. */
export function dummyCommands(bed: TestBed, changed: (device: DummyDevice) => void): ControlCommand[] {
  const { devices } = bed;
  const device = (name: string, refusal = 'Unknown Dummy Interface'): DummyDevice => {
    const found = devices.get(name);
    if (!found) throw new UserError(refusal);
    return found;
  };
  const setUp = (one: DummyDevice, up: boolean): void => {
    one.up = up;
    changed(one);
  };
  return [
    {
      name: 'netdev-dummy/receive',
      usage: 'name [--qid queue_id] packet|flow [--len packet_len]',
      min: 2,
      max: Number.POSITIVE_INFINITY,
      async run([name, ...words]) {
        const to = device(name, 'no such dummy netdev');
        let rest = words;
        if (words[0] === '--qid') {
          const queue = number(words[1] ?? '');
          if (queue < 0 || queue >= to.queues) throw new UserError('bad rx queue id.');
          rest = words.slice(2);
        }
        // Frames before a faulty one arrive.
        try {
          for (const frame of frames(rest)) bed.receive(to, frame);
        } finally {
          bed.move();
        }
        if ([...devices.all].some((d) => d.hasWire)) await bed.quiet();
        bed.count();
        return '';
      },
    },
    {
      name: 'netdev-dummy/set-admin-state',
      usage: '[netdev] up|down',
      min: 1,
      max: 2,
      async run(args) {
        const state = args[args.length - 1];
        if (state !== 'up' && state !== 'down') throw new UserError('Invalid Admin State');
        for (const d of args.length > 1 ? [device(args[0])] : devices.all) setUp(d, state === 'up');
        bed.move();
        await bed.report();
        return 'OK';
      },
    },
    {
      name: 'netdev-dummy/conn-state',
      usage: '[netdev]',
      min: 0,
      max: 1,
      run([name]) {
        if (name !== undefined) return `${name}: ${devices.get(name)?.connection ?? 'unknown'}\n`;
        const known = [...devices.all].filter((d) => d.connection !== undefined);
        return known.map((d) => `${d.name}: ${d.connection}\n`).join('');
      },
    },
    {
      name: 'netdev-dummy/ip4addr',
      usage: '[netdev] ipaddr/mask-prefix-len',
      min: 2,
      max: 2,
      run([name, address]) {
        const to = device(name);
        to.ip4 = ip4(address);
        const parsed = parseIpMasked(address, 4);
        if (parsed) bed.underlay?.addAddress(name, parsed.value, prefixLength(parsed.mask));
        return 'OK';
      },
    },
    {
      name: 'netdev-dummy/ip6addr',
      usage: '[netdev] ip6addr',
      min: 2,
      max: 2,
      run([name, address]) {
        device(name);
        const parsed = parseIpMasked(address, 6);
        if (!parsed) throw new UserError(`${address}: invalid IPv6 address`);
        bed.underlay?.addAddress(name, parsed.value, prefixLength(parsed.mask));
        return 'OK';
      },
    },
    {
      name: 'time/stop',
      usage: '',
      min: 0,
      max: 0,
      run() {
        bed.clock.stop();
        bed.move();
        return '';
      },
    },
    {
      name: 'time/warp',
      usage: '[large_msecs] msecs',
      min: 1,
      max: 2,
      async run(args) {
        const [total, step] = [number(args[0]), number(args[args.length - 1])];
        if (total <= 0 || step <= 0) throw new UserError('invalid MSECS');
        await bed.warp(total, step);
        return 'warped';
      },
    },
  ];
}

/** Packets, each followed by its length or not. */
function* frames(words: readonly string[]): Iterable<Uint8Array> {
  for (let i = 0; i < words.length; i++) {
    const text = words[i];
    const hasLength = words[i + 1] === '--len';
    if (hasLength && words[i + 2] === undefined) throw new UserError('--len takes a number of bytes');
    yield frameFromText(text, hasLength ? number(words[i + 2]) : undefined);
    if (hasLength) i += 2;
  }
}

function ip4(text: string): Uint8Array {
  const [address, length] = text.split('/');
  if (length !== undefined && !(/^\d+$/.test(length) && Number(length) <= 32))
    throw new UserError(`${text}: IPv4 network prefix bits not between 0 and 32, inclusive`);
  const parsed = parseIpMasked(address, 4);
  if (!parsed) throw new UserError(`${text}: invalid IP address`);
  return parsed.value;
}
