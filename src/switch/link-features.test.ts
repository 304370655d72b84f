import t from 'tap';
import type { DeviceLink } from '../datapath/native.js';
import { linkFeatures } from './link-features.js';

const QUIET: DeviceLink = {
  speed: 0,
  duplex: '',
  autonegotiates: false,
  connector: '',
  supported: new Uint32Array(4),
  advertised: new Uint32Array(4),
  peer: new Uint32Array(4),
  driver: '',
  version: '',
  firmware: '',
};
const NOTHING = { curr: 0, advertised: 0, supported: 0, peer: 0, currSpeed: 0, maxSpeed: 0 };
const modes = (...numbers: number[]): Uint32Array => {
  const words = new Uint32Array(4);
  for (const n of numbers) words[n >> 5] |= 1 << (n & 31);
  return words;
};
const COPPER = 0x800;

const ROWS: readonly (readonly [what: string, said: Partial<DeviceLink>, is: Partial<typeof NOTHING>])[] = [
  ['one that says nothing', {}, {}],
  ['veth', { speed: 10_000, duplex: 'full', connector: 'copper' }, { curr: 0x40 | COPPER, currSpeed: 10_000_000 }],
  ['without a duplex', { speed: 100 }, { curr: 8, currSpeed: 100_000 }],
  ['half duplex', { speed: 10, duplex: 'half' }, { curr: 1, currSpeed: 10_000 }],
  ['no bit of its own', { speed: 25_000, duplex: 'full', connector: 'fiber' }, { curr: 0x1400, currSpeed: 25_000_000 }],
  [
    'a gigabit card on a gigabit switch',
    {
      speed: 1000,
      duplex: 'full',
      autonegotiates: true,
      connector: 'copper',
      supported: modes(0, 1, 2, 3, 5, 6, 7, 13),
      advertised: modes(5, 6, 7),
      peer: modes(5, 13, 14),
    },
    {
      curr: 0x2820,
      supported: 0x682f,
      advertised: 0x2820,
      peer: 0xc020,
      currSpeed: 1_000_000,
      maxSpeed: 1_000_000,
    },
  ],
  ['modes past the first word', { supported: modes(36, 41, 43) }, { supported: 0x160, maxSpeed: 100_000_000 }],
];

for (const [what, said, is] of ROWS) {
  t.test(what, (t) => {
    t.same(linkFeatures({ ...QUIET, ...said }), { ...NOTHING, ...is });
    t.end();
  });
}
