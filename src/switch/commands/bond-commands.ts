/** bond/*: ports of several interfaces, of which one carries the traffic. */
import type { ControlCommand } from '../../control/unixctl.js';
import { finish, mix } from '../../flowtable/mini.js';
import { parseMac } from '../../lib/address.js';
import { get16, get32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';

export interface BondMember {
  readonly name: string;
  /** It could carry traffic. */
  readonly up: boolean;
  readonly mac: string;
}

export interface BondView {
  readonly name: string;
  readonly members: readonly BondMember[];
  /** By name; undefined: none can. */
  readonly active: string | undefined;
  readonly primary: string | undefined;
  /** Milliseconds, as they are configured. */
  readonly updelay: number;
  readonly downdelay: number;
}

/** Where bonds are looked up and changed. */
export interface BondSource {
  views(): BondView[];
  /** The member carries the traffic from now on, as long as it can. */
  choose(bond: string, member: string): void;
}

const NO_MAC = '00:00:00:00:00:00';
const SLAVE: Readonly<Record<string, string>> = {
  'bond/enable-member': 'bond/enable-slave',
  'bond/disable-member': 'bond/disable-slave',
  'bond/set-active-member': 'bond/set-active-slave',
};

function showBond(b: BondView): string {
  const lines = [
    `---- ${b.name} ----`,
    'bond_mode: active-backup',
    'bond may use recirculation: no, Recirc-ID : -1',
    'bond-hash-basis: 0',
    'lb_output action: disabled, bond-id: -1',
    `updelay: ${b.updelay} ms`,
    `downdelay: ${b.downdelay} ms`,
    'lacp_status: off',
    'lacp_fallback_ab: false',
    `active-backup primary: ${b.primary ?? '<none>'}`,
    `active member mac: ${b.members.find((m) => m.name === b.active)?.mac ?? NO_MAC}(${b.active ?? 'none'})`,
    '',
  ];
  for (const m of b.members) {
    lines.push(`member ${m.name}: ${m.up ? 'enabled' : 'disabled'}`);
    if (m.name === b.active) lines.push('  active member');
    lines.push(`  may_enable: ${m.up}`, '');
  }
  return lines.map((l) => `${l}\n`).join('');
}

/** A decimal number in front, cut to so many bits; undefined: there is none. */
function whole(text: string, bits: number): number | undefined {
  const m = /^[+-]?\d+/.exec(text);
  return m ? Number(BigInt.asUintN(bits, BigInt(m[0]))) : undefined;
}

/** The bucket that bonds with balance-slb put an address in. */
function bucketOf(mac: Uint8Array, vlan: number, basis: number): number {
  const high = (vlan << 16) | get16(mac, 0);
  return finish(mix(mix(basis, get32(mac, 2)), high) ^ 8) & 0xff;
}

export function bondCommands(source: BondSource): ControlCommand[] {
  const find = (name: string): BondView => {
    const bond = source.views().find((b) => b.name === name);
    if (!bond) throw new UserError('no such bond');
    return bond;
  };
  const withMember = (name: string, act: (b: BondView, m: BondMember) => string): ControlCommand[] => {
    const run: ControlCommand['run'] = ([bond, member]) => {
      const b = find(bond);
      const m = b.members.find((x) => x.name === member);
      if (!m) throw new UserError('no such member');
      return act(b, m);
    };
    // By their old names they are taken still, and not listed.
    return [
      { name, usage: 'port member', min: 2, max: 2, run },
      { name: SLAVE[name], usage: null, min: 2, max: 2, run },
    ];
  };
  return [
    {
      name: 'bond/list',
      usage: '',
      min: 0,
      max: 0,
      run() {
        const rows = source
          .views()
          .map((b) => `${b.name}\tactive-backup\t0\t${b.members.map((m) => m.name).join(', ')}\n`);
        return `bond\ttype\trecircID\tmembers\n${rows.join('')}`;
      },
    },
    {
      name: 'bond/show',
      usage: '[port]',
      min: 0,
      max: 1,
      run: ([name]) => (name === undefined ? source.views() : [find(name)]).map(showBond).join(''),
    },
    {
      name: 'bond/migrate',
      usage: 'port hash member',
      min: 3,
      max: 3,
      run([name]) {
        find(name);
        throw new UserError('not an SLB bond');
      },
    },
    ...withMember('bond/set-active-member', (b, m) => {
      if (!m.up) throw new UserError('cannot make disabled member active');
      if (b.active === m.name) return 'no change';
      source.choose(b.name, m.name);
      return 'done';
    }),
    // A member is enabled as long as it has a link: what is said here lasts until that is looked at, which is at once.
    ...withMember('bond/enable-member', () => 'enabled'),
    ...withMember('bond/disable-member', () => 'disabled'),
    {
      name: 'bond/hash',
      usage: 'mac [vlan] [basis]',
      min: 1,
      max: 3,
      run([macText, vlanText, basisText]) {
        const vlan = vlanText === undefined ? 0 : whole(vlanText, 16);
        if (vlan === undefined) throw new UserError('invalid vlan');
        const basis = basisText === undefined ? 0 : whole(basisText, 32);
        if (basis === undefined) throw new UserError('invalid basis');
        const mac = parseMac(macText);
        if (!mac) throw new UserError('invalid mac');
        return String(bucketOf(mac, vlan, basis));
      },
    },
  ];
}
