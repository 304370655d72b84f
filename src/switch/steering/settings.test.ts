import t from 'tap';
import { affinityOf, maskBits, steeringSettings } from './settings.js';

t.test('masks', (t) => {
  const rows: [text: string, bits: number[] | undefined][] = [
    ['3', [0, 1]],
    ['0x6', [1, 2]],
    ['F0', [4, 5, 6, 7]],
    ['100000001', [0, 32]],
    ['0', []],
    ['zz', undefined],
    ['0x', undefined],
    ['', undefined],
    ['-1', undefined],
  ];
  for (const [text, bits] of rows) t.same(maskBits(text), bits, text);
  t.end();
});

t.test('settings', (t) => {
  const rows: [config: Record<string, string>, want: object, said: RegExp[]][] = [
    [{}, { processors: undefined, assign: 'cycles', isolate: true }, []],
    [{ 'pmd-cpu-mask': '2' }, { processors: [1] }, []],
    [{ 'pmd-cpu-mask': '6' }, { processors: [1] }, [/there is no processor 2 for a worker/]],
    [
      { 'pmd-cpu-mask': 'f0' },
      { processors: undefined },
      [/no processor 4, 5, 6, 7/, /names no processor that there is/],
    ],
    [{ 'pmd-cpu-mask': 'x' }, { processors: undefined }, [/"x" is no hexadecimal mask/]],
    [{ 'pmd-rxq-assign': 'group', 'pmd-rxq-isolate': 'false' }, { assign: 'group', isolate: false }, []],
    [{ 'pmd-rxq-isolate': 'false' }, { isolate: true }, [/can only be set false when using pmd-rxq-assign=group/]],
    [{ 'pmd-rxq-assign': 'foo' }, { assign: 'cycles' }, [/Unsupported rx queue to PMD assignment mode/]],
    [{ 'pmd-auto-lb': 'true' }, { balance: { on: true, interval: 1, load: 95, improvement: 25 } }, []],
    [
      {
        'pmd-auto-lb-rebal-interval': '0',
        'pmd-auto-lb-load-threshold': '70',
        'pmd-auto-lb-improvement-threshold': '101',
      },
      { balance: { on: false, interval: 1, load: 70, improvement: 25 } },
      [],
    ],
  ];
  for (const [config, want, said] of rows) {
    const words: string[] = [];
    t.match(
      steeringSettings(new Map(Object.entries(config)), [0, 1], (w) => words.push(w)),
      want,
      JSON.stringify(config),
    );
    t.match(words, said);
    t.equal(words.length, said.length);
  }
  t.end();
});

t.test('affinity', (t) => {
  const said: string[] = [];
  t.same(
    [...affinityOf('0:3,1:7, 3 : 8 ,,4:x,9', (w) => said.push(w))],
    [
      [0, 3],
      [1, 7],
      [3, 8],
    ],
  );
  t.match(said, [/"4:x" is not QUEUE:CORE/, /"9" is not QUEUE:CORE/]);
  t.end();
});
