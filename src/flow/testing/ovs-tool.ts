/** The real ovs-ofctl, where it is installed, as a judge of text. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Undefined, or why ovs-ofctl cannot be asked. */
export function ovsOfctlMissing(): string | undefined {
  const r = spawnSync('ovs-ofctl', ['--version'], { encoding: 'utf8' });
  return r.status === 0 ? undefined : 'ovs-ofctl is not installed';
}

/** Output of a run, both streams, without the remarks about protocols the log and hex dumps. */
export function ovsOfctl(args: readonly string[]): string[] {
  const r = spawnSync('ovs-ofctl', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return `${r.stdout}${r.stderr}`
    .split('\n')
    .filter((line) => line !== '' && !/^(usable protocols|chosen protocol|\d{4}-\d\d-\d\dT|[\da-f]{8} {2})/.test(line));
}

/** What `ovs-ofctl parse-flows` makes of each flow: its text as "priority=...,fields", or the whole line when it is no plain answer. */
export function ovsParseFlows(flows: readonly string[], options: readonly string[] = ['-F', 'NXM,OXM']): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'weft-flows-'));
  try {
    const file = join(dir, 'flows.txt');
    writeFileSync(file, `${flows.map((f) => `${f}${f ? ',' : ''}actions=drop`).join('\n')}\n`);
    return ovsOfctl([...options, 'parse-flows', file]).map((line) => {
      const m = /^\S*FLOW_MOD (?:\(OF1.\d\) )?\(xid=0x[0-9a-f]+\): ADD (.*?) ?actions=drop$/.exec(line);
      return m ? m[1] : line;
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}
