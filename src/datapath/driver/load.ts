import { createRequire } from 'node:module';
import { UserError } from '../../lib/errors.js';
import { LAYOUT_VERSION, type NativeAddon } from '../native.js';

const require = createRequire(import.meta.url);
const PLACES = ['build/Release/weft.node', `prebuilds/linux-${process.arch}/weft.node`];

/**
 * The addon, from where `npm ci` built it or else from the package's prebuilds. This is the documented boundary where an untyped value
 * becomes the typed page of src/datapath/native.ts; the layout version is compared before anything else is asked of it.
 */
export function loadAddon(): NativeAddon {
  const errors: string[] = [];
  for (const place of PLACES) {
    let addon: NativeAddon;
    try {
      addon = require(`../../../../${place}`) as NativeAddon;
    } catch (e) {
      errors.push(`${place}: ${e instanceof Error ? e.message.split('\n')[0] : String(e)}`);
      continue;
    }
    const found = addon.layoutVersion();
    if (found !== LAYOUT_VERSION) {
      throw new UserError(
        `${place} has layout version ${found}, this program needs ${LAYOUT_VERSION}; run npm run build`,
      );
    }
    return addon;
  }
  throw new UserError(`the native addon is not built (npm run build):\n  ${errors.join('\n  ')}`);
}
