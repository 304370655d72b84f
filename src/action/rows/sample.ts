/** Sampling of packets for collectors. */
import { OFPP } from '../../flow/field.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import type { WireReader } from '../context.js';
import { argument, mustBeZero, nx, nxForm } from '../emit.js';
import { formatPort, port16, port32, tryPort } from '../ports.js';
import type { ActionRow } from '../row.js';
import { parseU16, parseU32, splitItems } from '../text.js';

type Sample = ActionOf<'sample'>;
const DIRECTIONS = ['default', 'ingress', 'egress'] as const;

function pull(r: WireReader) {
  const probability = r.u16();
  argument(probability !== 0, 'a sample of probability 0');
  return { probability, collectorSet: r.u32(), obsDomain: r.u32(), obsPoint: r.u32() };
}

function direction(n: number): Sample['direction'] {
  const d = DIRECTIONS[n];
  argument(d !== undefined, 'a sample in an unknown direction');
  return d;
}

export const sample: ActionRow<Sample> = {
  type: 'sample',
  keywords: ['sample'],
  syntax: ['sample(argument...)'],
  doc: 'Sends so many of 65535 packets to a set of collectors.',
  parse(_key, arg, ctx) {
    const a = { probability: 0, collectorSet: 0, obsDomain: 0, obsPoint: 0, samplingPort: OFPP.none as number };
    let dir: Sample['direction'] = 'default';
    for (const { key, arg: value } of splitItems(arg)) {
      if (key === 'probability') {
        a.probability = parseU16(value, 'probability');
        if (a.probability === 0) throw new UserError(`invalid probability value "${value}"`);
      } else if (key === 'collector_set_id') a.collectorSet = parseU32(value);
      else if (key === 'obs_domain_id') a.obsDomain = parseU32(value);
      else if (key === 'obs_point_id') a.obsPoint = parseU32(value);
      else if (key === 'sampling_port') {
        const port = tryPort(ctx, value);
        if (port === undefined) throw new UserError(`${value}: unknown port`);
        a.samplingPort = port;
      } else if (key === 'ingress' || key === 'egress') dir = key;
      else throw new UserError(`invalid key "${key}" in "sample" argument`);
    }
    if (a.probability === 0) throw new UserError('non-zero "probability" must be specified on sample');
    return { type: 'sample', ...a, direction: dir };
  },
  format(a, names) {
    const port = a.samplingPort === OFPP.none ? '' : `,sampling_port=${formatPort(a.samplingPort, names)}`;
    const dir = a.direction === 'default' ? '' : `,${a.direction}`;
    return `sample(probability=${a.probability},collector_set_id=${a.collectorSet},obs_domain_id=${a.obsDomain},obs_point_id=${a.obsPoint}${port}${dir})`;
  },
  encode(a, w) {
    const third = a.wire === 'sample3' || a.direction !== 'default';
    const second = a.wire === 'sample2' || a.samplingPort !== OFPP.none;
    nx(w, third ? 41 : second ? 38 : 29, () => {
      w.u16(a.probability);
      w.u32(a.collectorSet);
      w.u32(a.obsDomain);
      w.u32(a.obsPoint);
      if (!third && !second) return;
      w.u16(port16(a.samplingPort));
      w.u8(DIRECTIONS.indexOf(a.direction));
    });
  },
  forms: [
    nxForm(29, 24, (r) => ({ type: 'sample', ...pull(r), samplingPort: OFPP.none, direction: 'default' })),
    nxForm(38, 32, (r) => ({
      type: 'sample',
      ...pull(r),
      samplingPort: port32(r.u16()),
      direction: 'default',
      wire: 'sample2',
    })),
    nxForm(41, 32, (r) => {
      const a = { ...pull(r), samplingPort: port32(r.u16()), direction: direction(r.u8()) };
      mustBeZero(r);
      return { type: 'sample', ...a, wire: 'sample3' };
    }),
  ],
  translate(a, x) {
    x.sample(a);
    return undefined;
  },
};
