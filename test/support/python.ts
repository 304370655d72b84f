/** Modules of Debian's Python, installed as programs are (needPrograms), and named in a skip otherwise. */
import { spawnSync } from 'node:child_process';
import { installPackages } from '../../src/cli/lab/packages.js';

const PYTHON = '/usr/bin/python3';

/** Rows are module → package. Undefined when all are there. */
export function lacksModules(rows: Readonly<Record<string, string>>): string | undefined {
  const missing = () => Object.keys(rows).filter((m) => spawnSync(PYTHON, ['-c', `import ${m}`]).status !== 0);
  const lacking = missing();
  if (lacking.length === 0) return undefined;
  const failed = installPackages([...new Set(lacking.map((m) => rows[m]))]);
  if (missing().length === 0) return undefined;
  return `no Python modules ${lacking.join(', ')} (Debian packages: ${lacking.map((m) => rows[m]).join(' ')})${failed ? `; installing them failed: ${failed}` : ''}`;
}
