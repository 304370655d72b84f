// Where the lines of a bundle came from: a trace names the module, as it does where there is no bundle. Loaded with the first trace that somebody reads.
const { readFileSync } = require('node:fs');
const { SourceMap } = require('node:module');
const { join } = require('node:path');

/** By bundle; null: it has no map. */
const maps = new Map();

function mapOf(file) {
  if (!maps.has(file)) {
    let map = null;
    try {
      map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
    } catch {
      // The trace names the bundle, then.
    }
    maps.set(file, map);
  }
  return maps.get(file);
}

function place(frame) {
  const text = String(frame);
  const file = frame.getFileName();
  const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()];
  if (!file?.endsWith('.cjs') || !line || !column) return text;
  const from = mapOf(file)?.findEntry(line - 1, column - 1);
  if (from?.originalSource === undefined) return text;
  const source = join(file, '..', from.originalSource);
  return text.replace(`${file}:${line}:${column}`, `${source}:${from.originalLine + 1}:${from.originalColumn + 1}`);
}

/** What `stack` of an error says: Error.prepareStackTrace. */
exports.trace = (error, frames) => {
  let head;
  try {
    head = Error.prototype.toString.call(error);
  } catch {
    head = '<error>';
  }
  return [head, ...frames.map((f) => `    at ${place(f)}`)].join('\n');
};
