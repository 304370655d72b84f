/**
 * Small parts by themselves: no peer, but every change of one is seen. Native ones come from the programs of native/bench, those of TypeScript from the
 * package benchmark. `action-*` are measured whole: what a packet takes that does nothing else but leave by a port; `native-action-*` are the executor's part of it, for each
 * datapath action, above what it takes to have the frame and its key.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Benchmark from 'benchmark';
import { ACTION_PARTS } from '../lib/action-parts.js';
import { frames, scratch } from '../lib/files.js';
import { group, OURS, type Point, type Row, type Session, type Turn } from '../lib/row.js';
import { SCRIPT_PARTS } from '../lib/script-parts.js';
import { weftBench } from '../lib/weft-bench.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const said = new Map<string, Map<string, number>>();

/** Nanoseconds by name, of a program of native/bench, which is built and run once. */
function native(program: string): Map<string, number> {
  const known = said.get(program);
  if (known) return known;
  const r = spawnSync(join(ROOT, 'scripts/bench-native.sh'), [program], { encoding: 'utf8', timeout: 400_000 });
  if (r.status !== 0) throw new Error(`bench-native.sh ${program}: ${(r.stderr || String(r.error)).slice(0, 200)}`);
  const figures = new Map<string, number>();
  for (const m of r.stdout.matchAll(/^(.+?) +([\d.]+) ns +[\d.]+ cycles$/gm)) figures.set(m[1], Number(m[2]));
  said.set(program, figures);
  return figures;
}

const common = { unit: 'ns', better: 'lower', targets: {}, exact: true } as const;

/** `label`: the name in the program's output. */
function nativeRow(name: string, program: string, label: string, point?: Point): Row<Session> {
  return {
    ...common,
    name: `native-${name}`,
    what: label,
    point,
    measure() {
      const ns = native(program).get(label);
      if (ns === undefined) throw new Error(`${program} says nothing of "${label}"`);
      return ns;
    },
  };
}

const MASKS = [1, 2, 4, 8, 16, 32, 64];
const SHARED = [4, 16, 64];
const PACKET = {
  'extract-tcp': 'extract: TCP',
  'extract-mixed': 'extract: TCP or UDP by chance',
  'extract-vlan': 'extract: tagged UDP',
  'extract-ipv6': 'extract: IPv6 UDP',
  'extract-arp': 'extract: ARP',
  'extract-hash': 'extract_received (hash too)',
  hash: 'hash_key, line 0',
} as const;
const CHECKSUMS = [20, 64, 256, 576, 1460, 9000];

/** What stands before `output:2`. */
const ACTIONS: Readonly<Record<string, string>> = {
  output: '',
  'two-outputs': 'output:2,',
  'set-mac': 'mod_dl_dst:02:00:00:00:00:09,',
  'set-ip': 'mod_nw_dst:10.9.9.9,',
  'set-port': 'mod_tp_dst:99,',
  'dec-ttl': 'dec_ttl,',
  route: 'mod_dl_src:02:00:00:00:00:08,mod_dl_dst:02:00:00:00:00:09,dec_ttl,',
  'push-vlan': 'mod_vlan_vid:5,',
  'push-mpls': 'push_mpls:0x8847,set_field:7->mpls_label,',
};

function actionRow([name, text]: readonly [string, string]): Row<Session> {
  return {
    ...common,
    name: `action-${name}`,
    what: `a packet that goes through ${text}output, of the worker's processor time`,
    measure(_, { seconds }: Turn) {
      const file = join(scratch(), `action-${name}.txt`);
      writeFileSync(file, `in_port=1,actions=${text}output:2\n`);
      const args = ['--frames', frames(1), '--flows', file, '--seconds', String(seconds)];
      return 1000 / weftBench<{ mpps_processor: number }>('forward', ...args).mpps_processor;
    },
  };
}

function scriptRow(name: string): Row<Session> {
  return {
    ...common,
    name: `script-${name}`,
    what: SCRIPT_PARTS[name].what,
    async measure(_, { seconds }) {
      const fn = await SCRIPT_PARTS[name].prepare();
      const b = new Benchmark(name, fn, { maxTime: seconds / 2, minSamples: 5 });
      b.run();
      // The best: others on the machine only make it slower.
      return Math.min(...b.stats.sample) * 1e9;
    },
  };
}

export const micro = group<Session>({
  name: 'micro',
  what: 'small parts by themselves, nanoseconds each',
  sides: [{ name: OURS, open: async () => ({ close() {} }) }],
  rows: [
    ...Object.entries(PACKET).map(([name, label]) => nativeRow(name, 'packet', label)),
    ...CHECKSUMS.map((x) =>
      nativeRow(`checksum-${x}`, 'packet', `checksum of ${x} bytes`, { plot: 'checksum', axis: 'bytes', x }),
    ),
    ...ACTION_PARTS.map((name) => nativeRow(`action-${name}`, 'action', name)),
    nativeRow('microflow', 'cache', 'microflow, 8,192 keys'),
    ...MASKS.map((x) =>
      nativeRow(`megaflow-${x}`, 'cache', `megaflow, ${x} masks`, { plot: 'megaflow-masks', axis: 'masks', x }),
    ),
    ...SHARED.map((x) => nativeRow(`megaflow-shared-${x}`, 'cache', `megaflow, ${x} masks, shared`)),
    ...Object.entries(ACTIONS).map(actionRow),
    ...Object.keys(SCRIPT_PARTS).map(scriptRow),
  ],
});
