import type { ITable, Json } from '../../../src/api/types';
import { countChanges } from '../../../src/components/changes/change-count';
import { diffPaths, fieldLabel, formatJson, formatPath } from '../../../src/components/changes/path-diff';
import { diffSteps } from '../../../src/components/changes/plan-diff';
import { countRows, diffRows } from '../../../src/components/changes/table-diff';
import {
  countGroups,
  diffLines,
  diffWords,
  shortenParts,
  splitParagraphs
} from '../../../src/components/changes/text-diff';

/** Write parts as text: removed ones in [-…-], added ones in {+…+}. */
function write(parts: readonly { sign: string; text: string }[]): string {
  return parts
    .map(({ sign, text }) => (sign === 'same' ? text : sign === 'removed' ? `[-${text}-]` : `{+${text}+}`))
    .join('');
}

describe('words', () => {
  test.each([
    ['We are sorry.', 'We are sorry that it took so long.', 'We are sorry{+ that it took so long+}.'],
    ['pay 1299.00 EUR', 'pay 1199.00 EUR', 'pay [-1299.00-]{+1199.00+} EUR'],
    ['the money', 'you keep it. The money', '[-the-]{+you keep it. The+} money'],
    ['a\nb\nc', 'a\nc', 'a\n[-b\n-]c'],
    ['', 'new', '{+new+}'],
    ['old', '', '[-old-]'],
    ['same', 'same', 'same'],
    ['\nx', 'y\nx', '{+y+}\nx'],
    ['x', 'x\n', 'x{+\n+}'],
    ['日本語を話す', '日本語を書く', '日本語を[-話す-]{+書く+}'],
    ['👍🏽 yes', '👎🏽 yes', '[-👍🏽-]{+👎🏽+} yes']
  ])('%j to %j', (before, after, expected) => {
    expect(write(diffWords(before, after))).toBe(expected);
  });

  test('both versions can be read from the parts, whatever they are', () => {
    const words = ['a', 'b ', '\n', '  ', 'c.', '\n\n', '👍', '\t'];
    let seed = 7;
    const random = (most: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % most;
    const text = (): string => Array.from({ length: random(12) }, () => words[random(words.length)]).join('');
    for (let round = 0; round < 500; round++) {
      const [before, after] = [text(), text()];
      const parts = diffWords(before, after);
      const side = (sign: string): string =>
        parts
          .filter(one => one.sign === 'same' || one.sign === sign)
          .map(one => one.text)
          .join('');
      expect([side('removed'), side('added')]).toEqual([before, after]);
    }
  });

  test('a text of many words is compared in its changed middle alone', () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i} of the text`);
    const after = [...lines];
    after[15_000] = 'another line';
    const parts = diffWords(lines.join('\n'), after.join('\n'));
    expect(countGroups(parts)).toBe(1);
    expect(parts.length).toBeLessThan(10);
  });

  test('unchanged parts are cut at words, with the change in their middle', () => {
    const rest = 'word '.repeat(30);
    const parts = diffWords(`${rest}old ${rest}`, `${rest}new ${rest}`);
    const short = write(shortenParts(parts, 20));
    expect(short).toBe('… word word word [-old-]{+new+} word word word …');
  });

  test('paragraphs', () => {
    const parts = diffWords('One.\n\nTwo.\n\nThree.', 'One.\n\nTwo, too.\n\nThree.');
    expect(splitParagraphs(parts).map(write)).toEqual(['One.', 'Two{+, too+}.', 'Three.']);
    expect(splitParagraphs(diffWords('a\nb', 'a\nc')).map(write)).toEqual(['a', '[-b-]{+c+}']);
  });
});

describe('lines', () => {
  const read = (before: string, after: string): string[] =>
    diffLines(before, after).map(
      line =>
        `${line.before ?? ''}|${line.after ?? ''}|` +
        line.pieces.map(({ text, marked }) => (marked ? `<${text}>` : text)).join('')
    );

  test('a changed line is removed and added, with its words marked', () => {
    expect(read('a = 1\nq = q.mean()\nsave(q)', 'a = 1\nq = q.median()\nsave(q)')).toEqual([
      '1|1|a = 1',
      '2||q = <q.mean>()',
      '|2|q = <q.median>()',
      '3|3|save(q)'
    ]);
  });

  test('numbers of both versions', () => {
    expect(read('a\nb', 'x\na\nb')).toEqual(['|1|x', '1|2|a', '2|3|b']);
    expect(read('a\nb', 'b')).toEqual(['1||a', '2|1|b']);
  });

  test('lines with nothing in common are not marked', () => {
    expect(read('import os', 'x = 3')).toEqual(['1||import os', '|1|x = 3']);
  });
});

describe('paths', () => {
  test('only what differs, and how many values are the same', () => {
    const before = { model: { name: 'm-3', temperature: 0.7 }, tools: ['read'], limits: { per_day: 50 } };
    const after = { model: { name: 'm-3', temperature: 0.2 }, tools: ['read', 'search'], limits: {} };
    const { changes, same } = diffPaths(before, after);
    expect(changes.map(one => [formatPath(one.path), one.before, one.after])).toEqual([
      ['model.temperature', 0.7, 0.2],
      ['tools[1]', undefined, 'search'],
      ['limits.per_day', 50, undefined]
    ]);
    expect(same.map(({ path }) => formatPath(path))).toEqual(['model.name', 'tools[0]']);
  });

  test('an item at the start of a list is one change', () => {
    const { changes } = diffPaths([1, 2, 3], [0, 1, 2, 3]);
    expect(changes).toEqual([{ path: [0], before: undefined, after: 0 }]);
  });

  test('other types, empty containers, and names that objects inherit', () => {
    const paths = (before: Json, after: Json): string[] =>
      diffPaths(before, after).changes.map(({ path }) => formatPath(path));
    expect(paths({ a: {} }, { a: [] })).toEqual(['a']);
    expect(paths({ a: { b: 1 } }, { a: {} })).toEqual(['a.b']);
    expect(paths({}, JSON.parse('{"constructor": 1}') as Json)).toEqual(['constructor']);
    expect(paths(1, 2)).toEqual(['']);
  });

  test('labels from the schema', () => {
    const schema = {
      properties: {
        amount: { title: 'Amount' },
        lines: { title: 'Lines', items: { properties: { sku: { title: 'Article' } } } }
      }
    };
    expect(fieldLabel(['amount'], schema)).toBe('Amount');
    expect(fieldLabel(['lines', 0, 'sku'], schema)).toBe('Lines › 1 › Article');
    expect(fieldLabel(['other', 0], schema)).toBe('other[0]');
    expect(fieldLabel(['a', 'b'], null)).toBe('a.b');
  });

  test('JSON with real line breaks', () => {
    expect(formatJson('a\nb"c\\n')).toBe('"a\nb\\"c\\\\n"');
    expect(formatJson({ a: 'x\ny' })).toBe('{"a":"x\ny"}');
    expect(formatJson(0.5)).toBe('0.5');
  });
});

describe('tables', () => {
  const table = (...rows: Json[][]): ITable => ({ columns: [{ name: 'a', type: 'string' }], rows });
  const read = (before: ITable, after: ITable): string[] =>
    diffRows(before, after).map(one => `${one.number} ${one.sign} ${String((one.after ?? one.before)![0])}`);

  test('rows keep their numbers while one is removed', () => {
    const before = table(['a', 1], ['b', 2], ['c', 3], ['d', 4]);
    const after = table(['a', 1], ['c', 3], ['D', 4], ['e', 5]);
    expect(read(before, after)).toEqual(['1 same a', '2 removed b', '3 same c', '4 changed D', '5 added e']);
    expect(countRows(diffRows(before, after))).toEqual({ cells: 1, added: 1, removed: 1 });
  });

  test('many rows are compared in time', () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => [`order-${i}`, i]);
    const after = rows.filter((_, i) => i !== 10 && i !== 40_000);
    const changed = diffRows(table(...rows), table(...after)).filter(({ sign }) => sign !== 'same');
    expect(changed.map(({ sign, number }) => [sign, number])).toEqual([
      ['removed', 11],
      ['removed', 40_001]
    ]);
  });
});

describe('plans', () => {
  const read = (before: Json[], after: Json[]): string[] =>
    diffSteps(before, after).map(
      ({ sign, moved, from, to }) =>
        `${sign}${moved ? ` ${moved}` : ''} ${JSON.stringify(to === null ? before[from!] : after[to])}`
    );

  test('added, changed, removed', () => {
    expect(
      read(
        ['Back up table users', 'Drop column address', 'Vacuum', 'Reindex'],
        ['Back up table users', 'Tell the data team', 'Drop column address_old', 'Reindex']
      )
    ).toEqual([
      'same "Back up table users"',
      'added "Tell the data team"',
      'changed "Drop column address_old"',
      'removed "Vacuum"',
      'same "Reindex"'
    ]);
  });

  test('moved, also with other words', () => {
    expect(read(['a', 'b', 'c'], ['c', 'a', 'b'])).toEqual(['same up "c"', 'same "a"', 'same "b"']);
    expect(read(['write the report', 'b', 'c'], ['b', 'c', 'write the long report'])).toEqual([
      'same "b"',
      'same "c"',
      'changed down "write the long report"'
    ]);
  });

  test('a step in place of another one', () => {
    expect(read(['a', 'look around', 'b'], ['a', 'sleep', 'b'])).toEqual([
      'same "a"',
      'changed "sleep"',
      'same "b"'
    ]);
    expect(read(['look around', 'b'], ['sleep', 'dig', 'b']).slice(0, 3)).toEqual([
      'removed "look around"',
      'added "sleep"',
      'added "dig"'
    ]);
  });
});

test.each<[string, Json, Json, number]>([
  ['text', 'one two three', 'ONE two THREE', 2],
  ['markdown', 'same', 'same', 0],
  ['code', 'a\nb\nc', 'A\nb\nC', 2],
  ['json', { a: 1, b: 2, c: 3 }, { a: 2, b: 2 }, 2],
  ['tool_call', { name: 'f', arguments: { a: 1 } }, { name: 'f', arguments: { a: 2 } }, 1],
  ['plan', ['a', 'b'], ['b', 'a', 'c'], 2],
  ['choice', 'a', 'b', 1],
  ['table', table1(['a', 1], ['b', 2]), table1(['a', 9], ['c', 2], ['d', 3]), 3],
  ['table', table1(['a', 1]), 'not a table yet', 1]
])('the changes of a %s are counted: %j to %j', (kind, before, after, expected) => {
  expect(countChanges({ kind: kind as never }, before, after)).toBe(expected);
  expect(countChanges({ kind: kind as never }, before, after)).toBe(expected);
});

function table1(...rows: Json[][]): Json {
  return { columns: [{ name: 'a', type: 'string' }], rows } as unknown as Json;
}
