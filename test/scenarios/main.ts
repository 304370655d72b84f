/** npm run scenario -- NAME [--tunnel vxlan|gre] [--underlay host|bridge]: plays a network as it is deployed, and says what was seen at each hop. Without a name: which there are. */
import '../support/isolate.js';

import { parseArgs } from 'node:util';
import { play, SCENARIOS } from './play.js';
import { scenarioRefusal } from './stage.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tunnel: { type: 'string', default: 'vxlan' },
    underlay: { type: 'string', default: 'host' },
    quick: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const unknown = positionals.find((n) => !SCENARIOS.some((s) => s.name === n));
  if (unknown || positionals.length === 0) {
    if (unknown) console.log(`no scenario "${unknown}"; there are:`);
    for (const s of SCENARIOS) console.log(`${s.name.padEnd(12)} ${s.about}`);
    return unknown ? 1 : 0;
  }
  let failed = 0;
  let all = 0;
  const check = (ok: boolean, what: string, detail?: string): void => {
    all += 1;
    failed += ok ? 0 : 1;
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${detail ? `\n       ${detail}` : ''}`);
  };
  for (const s of SCENARIOS.filter((s) => positionals.includes(s.name))) {
    const refusal = scenarioRefusal(s);
    if (refusal) {
      check(false, `${s.name} cannot play: ${refusal}`);
      continue;
    }
    const underlay = values.underlay === 'bridge' ? 'bridge' : 'host';
    console.log(`${s.name}, ${values.tunnel}, by ${underlay}: ${s.about}`);
    await play(s, { check }, { tunnel: values.tunnel, quick: values.quick, underlay });
  }
  console.log(`${all - failed} of ${all} as they should be`);
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main();
