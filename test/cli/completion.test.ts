/** Completion of command lines, by a real bash: its own list of rules, its own words, and what it is left with. */
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LiveSwitch, WEFT } from '../support/live.js';

/** Completes "$LINE" as bash does at the end of it: by the function that `complete` knows for the line's first word. */
const DRIVER = `
source <(weft completion bash)
compopt() { :; }
COMP_LINE=$LINE COMP_POINT=\${#LINE}
rule=$(complete -p "\${LINE%% *}") || exit 3
[[ $rule =~ -F\\ ([^ ]+) ]] || exit 4
read -ra COMP_WORDS <<<"$LINE"
[[ $LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
"\${BASH_REMATCH[1]}" "\${COMP_WORDS[0]}" "\${COMP_WORDS[COMP_CWORD]}" ''
printf '%s\\n' "\${COMPREPLY[@]}"
`;

interface Row {
  readonly line: string;
  /** All there is, where it ends with "only"; else among others. */
  readonly gives: readonly string[];
  readonly only?: true;
}
const only = (line: string, ...gives: string[]): Row => ({ line, gives, only: true });
const among = (line: string, ...gives: string[]): Row => ({ line, gives });

const ROWS: readonly Row[] = [
  only('weft ofc', 'ofctl'),
  among('weft ', 'switchd', 'ofctl', 'vsctl', 'completion'),
  only('weft ofctl dump-fl', 'dump-flows'),
  among('weft ofctl --', '--strict', '--protocols=', '--names'),
  only('ovs-ofctl --prot', '--protocols='),
  only('ovs-ofctl -O OpenFlow13 dump-group', 'dump-group-features', 'dump-group-stats', 'dump-groups'),
  only('ovs-ofctl dump-flows ', 'wcomp0', 'wcomp1'),
  only('ovs-ofctl -O OpenFlow13 dump-flows wcomp1', 'wcomp1'),
  only('ovs-ofctl mod-port wcomp0 ', 'wcomp0', 'wcp1', 'wcp2'),
  only('ovs-ofctl dump-ports wcomp1 wc', 'wcomp1', 'wcp3'),
  only('weft ofctl queue-stats wcomp0 wcp', 'wcp1', 'wcp2'),
  only('ovs-ofctl add-flow wcomp0 '),
  only('ovs-ofctl add-flows wcomp0 '),
  among('ovs-vsctl add-', 'add-br', 'add-port', 'add-bond'),
  only('ovs-vsctl list Brid', 'Bridge'),
  only('ovs-vsctl list-ports wcomp0', 'wcomp0'),
  only('ovs-vsctl add-br new0 -- del-br', 'del-br'),
  only('ovs-vsctl --timeout=5 del-port wcomp0 wcp2', 'wcp2'),
  only('ovs-vsctl add-br '),
  among('ovs-vsctl --no-w', '--no-wait'),
  only('ovs-appctl fdb/sh', 'fdb/show'),
  only('ovs-appctl fdb/show wcomp0', 'wcomp0'),
  only('ovs-dpctl dump-f', 'dump-flows'),
  among('ovs-vswitchd --', '--detach', '--pidfile=', '--bridge='),
  among('ovsdb-client ', 'dump', 'monitor', 'transact'),
  only('weft completion ', 'bash'),
  only('weft nonsense '),
];

t.test('bash completes', { timeout: 120_000 }, async (t) => {
  const bridges = ['--bridge', 'wcomp0=wcp1,wcp2', '--bridge', 'wcomp1=wcp3'];
  const portsOf = ['wcp1', 'wcp2', 'wcp3'].flatMap((p) => ['--port', `${p}:type=null`]);
  const sw = new LiveSwitch([...bridges, ...portsOf]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  symlinkSync(WEFT, join(sw.dir, 'weft'));
  const complete = (line: string, dir = sw.dir) => {
    const env = {
      ...process.env,
      PATH: `${sw.dir}:${process.env.PATH}`,
      WEFT_RUNDIR: dir,
      OVS_RUNDIR: dir,
      LINE: line,
    };
    const r = spawnSync('bash', ['--norc', '-c', DRIVER], { env, encoding: 'utf8', timeout: 30_000 });
    return { status: r.status, words: r.stdout.split('\n').filter(Boolean), err: r.stderr };
  };
  for (const { line, gives, only } of ROWS) {
    const { status, words, err } = complete(line);
    t.equal(status, 0, `${line}: ${err}`);
    if (only) t.same(words, gives, `"${line}"`);
    else
      t.same(
        gives.filter((w) => !words.includes(w)),
        [],
        `"${line}" of ${words.length}`,
      );
  }
  const none = complete('ovs-ofctl dump-flows ', join(sw.dir, 'nowhere'));
  t.same([none.words, none.err], [[], ''], 'without a switch there is nothing, and nothing is said');
});
