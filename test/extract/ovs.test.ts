import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { formatHex } from '../../src/lib/bytes.js';
import { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { DP_KEY_BYTES } from '../../src/packet/key.js';
import { writePcap } from '../../src/packet/pcap.js';
import { randomFrame } from '../../src/packet/random.js';
import { differences } from './ovs-text.js';

const FRAMES = 20_000;
const missing = needPrograms({ 'ovs-ofctl': 'openvswitch-common' });

t.test(`the real ovs-ofctl reads ${FRAMES} random frames as we do`, { skip: missing ?? false }, (t) => {
  const r = new Random(99);
  const frames: Uint8Array[] = [];
  while (frames.length < FRAMES) {
    const f = randomFrame(r);
    if (f.length >= 14) frames.push(f);
  }
  const dir = mkdtempSync(join(tmpdir(), 'weft-extract-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'frames.pcap');
  writeFileSync(file, writePcap(frames, 0, false));
  const run = spawnSync('ovs-ofctl', ['parse-pcap', file], { encoding: 'utf8', maxBuffer: 256 << 20 });
  const lines = run.stdout.trimEnd().split('\n');
  t.equal(lines.length, FRAMES, run.stderr);
  const faults: string[] = [];
  const key = new Uint8Array(DP_KEY_BYTES);
  lines.forEach((line, i) => {
    extract(frames[i], key, 2);
    const found = differences(line, key);
    if (found.length > 0) faults.push(`${found.join('; ')}\n  ${line}\n  ${formatHex(frames[i])}`);
  });
  t.same(faults.slice(0, 5), [], `${faults.length} differ`);
  t.end();
});
