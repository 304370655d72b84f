/** node dist/test/ovsdb/crash-main.js [--kills N] [--seed S]: see crash.ts. */
import { numberOption } from '../support/options.js';
import { crash } from './crash.js';

const kills = numberOption('kills', 200);
const { acknowledged, fault } = await crash(kills, numberOption('seed', 1));
console.log(`killed ${kills} times, ${acknowledged} transactions acknowledged: ${fault ?? 'none lost, none in part'}`);
process.exit(fault === undefined ? 0 : 1);
