/** Behind the end there is none: the code of no character is no number. */
const isDigit = (text: string, at: number): boolean => {
  const c = text.charCodeAt(at);
  return c >= 48 && c <= 57;
};

function digitsFrom(text: string, at: number): string {
  let end = at;
  while (isDigit(text, end)) end++;
  return text.slice(at, end);
}

/**
 * Below, equal to or above zero: "p2" before "p10", upper case before lower. A total order: 0 for equal text only.
 * The engine's own collator does as much, and makes a start 20 ms longer: it reads its tables of languages.
 */
export function naturalOrder(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  let from = at;
  while (from > 0 && isDigit(a, from - 1)) from--;
  const [x, y] = [digitsFrom(a, from), digitsFrom(b, from)];
  if (x !== y && x !== '' && y !== '') {
    const [m, n] = [BigInt(x), BigInt(y)];
    if (m === n) return x.length - y.length;
    return m < n ? -1 : 1;
  }
  return at < a.length && at < b.length ? a.charCodeAt(at) - b.charCodeAt(at) : a.length - b.length;
}
