import { BUNDLE_TYPES } from '../messages/bundle.js';
import { bitNames, type Formatters, hex } from './context.js';
import { formatBytes } from './message.js';

const FLAGS: readonly (readonly [number, string])[] = [
  [1, 'atomic'],
  [2, 'ordered'],
];

const idText = (id: number) => (id === 0 ? '0' : `0x${hex(id)}`);

export const bundleFormatters: Formatters = {
  bundle_control: ({ value }) =>
    `\n bundle_id=${idText(value.id)} type=${BUNDLE_TYPES[value.type] ?? ''} flags=${bitNames(value.flags, FLAGS, '0')}`,
  bundle_add: ({ value }, ctx) =>
    `\n bundle_id=${idText(value.id)} flags=${bitNames(value.flags, FLAGS, '0')}\n${formatBytes(value.message, ctx)}`,
};
