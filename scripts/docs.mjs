// What documents and comments name must be there: files, npm scripts, sub-commands, rows of the bench, commands of the switch. A name that nothing here could ever have had
// (Open vSwitch's own, a placeholder in capitals) is nobody's fault: only what looks like ours is looked up.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOTS = 'src|native|test|bench|scripts|docs|packaging';
const SOURCE = /\.(ts|mjs|cc|h|md|txt|sh|js)$/;
/** A path from the top: in a code span to its end, in a comment only as far as its ending. */
const PATH = new RegExp(`(?<![\\w/.@~$-])(?:dist/)?(?:${ROOTS})/[\\w./{},*-]*[\\w*}]`, 'g');

/** `a/{b,c}*.{h,cc}` as an expression. */
function glob(pattern) {
  const parts = { '{': '(?:', '}': ')', ',': '|', '*': '[^/]*', '.': '\\.' };
  return new RegExp(`^${pattern.replace(/[{},*.]/g, (c) => parts[c])}(?:/|$)`);
}

/** `rows`: names of the bench's. */
export function docFaults(root, files, rows) {
  const text = (f) => readFileSync(join(root, f), 'utf8');
  const there = new Set(files);
  for (const f of files) for (let d = dirname(f); d !== '.' && !there.has(d); d = dirname(d)) there.add(d);
  const all = [...there];
  const commands = new Set();
  for (const f of files.filter((f) => /^src\/.*\.ts$/.test(f) && !f.endsWith('.test.ts')))
    for (const [, command] of text(f).matchAll(/'(weft\/[a-z-]+)'/g)) commands.add(command);
  const { scripts } = JSON.parse(text('package.json'));
  const sources = files.filter((f) => SOURCE.test(f));

  const isPath = (p) => {
    const made = /^dist\/(.*)\.js$/.exec(p);
    const path = made ? `${made[1]}.ts` : p.replace(/^dist\//, '');
    if (/[A-Z]{3}/.test(path)) return true;
    return /[{*]/.test(path) ? all.some((f) => glob(path).test(f)) : there.has(path);
  };
  const isFile = (name) => sources.some((f) => f === name || f.endsWith(`/${name}`));

  /** Of a code span in a document. */
  function* ofSpan(span) {
    for (const [p] of span.matchAll(PATH)) if (!isPath(p)) yield p;
    const [, file] = /^((?:[\w-]+\/)*[\w-]+\.(?:ts|mjs|cc|h))$/.exec(span) ?? [];
    if (file && !isFile(file)) yield file;
    for (const [, s] of span.matchAll(/npm run ([\w:-]+)/g)) if (!scripts[s]) yield `npm run ${s}`;
    for (const [, r] of span.matchAll(/--row ([a-z][\w-]*)/g))
      if (!rows.some((name) => name.startsWith(r))) yield `--row ${r}`;
    const [, program] = /^weft ([a-z][a-z-]*)/.exec(span) ?? [];
    if (program && !there.has(`src/cli/${program}.ts`)) yield `weft ${program}`;
    for (const [command] of span.matchAll(/(?<![\w/-])weft\/[a-z-]+/g)) if (!commands.has(command)) yield command;
  }

  const faults = [];
  for (const f of files.filter((f) => f.endsWith('.md'))) {
    text(f)
      .split('\n')
      .forEach((line, i) => {
        for (const [, span] of line.matchAll(/`([^`]+)`/g))
          for (const name of ofSpan(span)) faults.push(`${f}:${i + 1}: there is no ${name}`);
      });
  }
  for (const f of files.filter((f) => /\.(ts|mjs|cc|h|sh)$/.test(f) && !/\/(generated|fixtures|data)\//.test(f))) {
    text(f)
      .split('\n')
      .forEach((line, i) => {
        for (const [p] of line.matchAll(PATH))
          if (SOURCE.test(p) && !isPath(p)) faults.push(`${f}:${i + 1}: there is no ${p}`);
      });
  }
  return [...new Set(faults)];
}
