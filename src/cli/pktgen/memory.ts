import { UserError } from '../../lib/errors.js';
import type { PktgenOptions } from './parse.js';
import type { Frames } from './templates.js';

export function generateInMemory(_o: PktgenOptions, _frames: Frames): Promise<number> {
  throw new UserError('memory ports are not there yet');
}
