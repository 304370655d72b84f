// Scripts of scripts/ on ovs-vswitchd and on weft: tunnels between dummy ports, and the same words from both. With names of scripts: those only.
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { sayTheSame, scriptsRefusal } from '../support/scripts.js';
import '../support/isolate.js';

const SCRIPTS = fileURLToPath(new URL('../../../test/tunnels/scripts/', import.meta.url));
t.setTimeout(900_000);

t.test('scripts say the same', { skip: scriptsRefusal ?? false, timeout: 900_000 }, (t) =>
  sayTheSame(t, SCRIPTS, '--enable-dummy'),
);
