/** Networks as they are deployed, in their quick form: built with the real tools, frames compared at every hop. `npm run scenario` plays them whole. */
import '../support/isolate.js';

import t from 'tap';
import { play, SCENARIOS } from './play.js';
import { scenarioRefusal } from './stage.js';

t.setTimeout(180_000);
for (const s of SCENARIOS) {
  // One of them with its tunnels through a bridge.
  const underlay = s.name === 'dragonflow' ? 'bridge' : 'host';
  t.test(`${s.name}, by ${underlay}: ${s.about}`, { skip: scenarioRefusal(s) }, async (t) => {
    const check = (ok: boolean, what: string, detail?: string): void => {
      t.ok(ok, what, { detail: ok ? undefined : detail });
    };
    await play(s, { check }, { tunnel: 'vxlan', quick: true, underlay });
  });
}
