import * as Y from 'yjs';
import type { Json, Kind } from '../../src/api/types';
import { SharedDocument } from '../../src/drafts/shared-document';
import { pair } from '../drafts';

/** Edit a value in two windows, exchange the updates, check that both have the same value, and return it. */
function both(kind: Kind, value: Json, one: (now: Json) => Json, other: (now: Json) => Json): Json {
  const sides = pair({ document: 'd', kind, value });
  sides.one.write(one(sides.one.value));
  sides.other.write(other(sides.other.value));
  sides.meet();
  expect(sides.one.value).toEqual(sides.other.value);
  expect(new SharedDocument({ kind, value }).value).toEqual(kind === 'text' ? '' : value);
  return sides.one.value;
}

test('two people who type in one text both keep what they typed', () => {
  expect(
    both(
      'text',
      'Dear Ann, hello.',
      () => 'Dear Bo, hello.',
      () => 'Dear Ann, hello 😀.'
    )
  ).toBe('Dear Bo, hello 😀.');
});

test('a character of two units is replaced as a whole', () => {
  const { one, other, meet } = pair({ document: 'd', kind: 'text', value: 'a😀b' });
  one.write('a😁b');
  meet();
  expect(other.value).toBe('a😁b');
});

test('different fields of one object are both kept, also deep inside', () => {
  const value = { amount: 1.5, to: { street: 'Elm 1', zip: 123 }, tags: ['a', 'b'] };
  expect(
    both(
      'json',
      value,
      now => ({ ...(now as typeof value), amount: 2, to: { ...value.to, zip: 456 } }),
      now => ({ ...(now as typeof value), to: { ...value.to, street: 'Oak 2' }, tags: ['a', 'c', 'b'] })
    )
  ).toEqual({ amount: 2, to: { street: 'Oak 2', zip: 456 }, tags: ['a', 'c', 'b'] });
});

test('fields come and go, and stand in the order of the proposal, then by name', () => {
  const made = both(
    'json',
    { z: 1, a: 2, m: 3 },
    () => ({ z: 1, a: 2, m: 3, y: 0, b: 0 }),
    () => ({ z: 1, m: 3 })
  );
  expect(JSON.stringify(made)).toBe('{"z":1,"m":3,"b":0,"y":0}');
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  'a field called %s is a field like any other',
  name => {
    for (const item of [null, {}, { a: 1 }]) {
      const { one, other, meet } = pair({ document: 'd', kind: 'plan', value: [{}] });
      const written = Object.fromEntries([[name, item]]);
      for (const value of [[written], [{}], [{ in: written }], [{ in: {} }]] as Json[]) {
        one.write(value);
        meet();
        expect(JSON.stringify(other.value)).toBe(JSON.stringify(value));
      }
    }
  }
);

test('a number stays as it was spelled until somebody changes it', () => {
  const { one } = pair({ document: 'd', kind: 'json', value: { a: 1, b: 2 } });
  const parts = (one.doc.getMap('value') as Y.Map<Y.Map<string>>).get('v')!;
  parts.set('a', '1.0');
  one.write({ a: 1, b: 3 });
  expect([parts.get('a'), parts.get('b')]).toEqual(['1.0', '3']);
});

test('steps of a plan that two people change, add and remove', () => {
  expect(
    both(
      'plan',
      ['look', 'ask', 'write', 'send'],
      () => ['look twice', 'ask', 'write'],
      () => ['look', 'ask', 'think', 'write', 'send']
    )
  ).toEqual(['look twice', 'ask', 'think', 'write']);
});

test('fields of a step that is an object, changed while the step before it goes', () => {
  expect(
    both(
      'plan',
      ['look', { tool: 'pay', amount: 5 }],
      () => [{ tool: 'pay', amount: 5 }],
      () => ['look', { tool: 'pay', amount: 7 }]
    )
  ).toEqual([{ tool: 'pay', amount: 7 }]);
});

test('steps keep their names while others come and go before them', () => {
  const { one, other, meet } = pair({ document: 'd', kind: 'plan', value: ['a', 'b'] });
  const [, b] = one.keys!;
  other.write(['new', 'a', 'b']);
  meet();
  expect(one.keys![2]).toBe(b);
  expect(one.keys).toEqual(other.keys);
});

test('a choice is the last one’s', () => {
  const { one, other, meet } = pair({ document: 'd', kind: 'choice', value: 'pay' });
  expect(one.value).toBe('pay');
  one.write('deny');
  meet();
  other.write('pay');
  meet();
  expect([one.value, other.value]).toEqual(['pay', 'pay']);
});

describe('a table', () => {
  const columns = [
    { name: 'order', type: 'string' },
    { name: 'amount', type: 'integer' }
  ];
  const rows: Json[][] = [
    ['a', 1],
    ['b', 2],
    ['c', 3],
    ['d', 4]
  ];
  const table = { columns, rows } as unknown as Json;

  /** Return the rows after two people wrote theirs. */
  function rowsOf(one: Json[][], other: Json[][]): Json {
    const made = both(
      'table',
      table,
      () => ({ columns, rows: one }) as unknown as Json,
      () => ({ columns, rows: other }) as unknown as Json
    );
    return (made as unknown as { rows: Json }).rows;
  }

  test('of which two people change cells of one row', () => {
    const [, b, c, d] = rows;
    expect(rowsOf([['A', 1], b, c, d], [['a', 10], b, c, d])).toEqual([['A', 10], b, c, d]);
  });

  test('of which rows are added, removed and moved', () => {
    const [a, b, c, d] = rows;
    expect(rowsOf([a, ['new', 0], b, c, d], [a, c, d])).toEqual([a, ['new', 0], c, d]);
    expect(rowsOf([d, a, b, c], [a, ['b', 20], c, d])).toEqual([d, a, ['b', 20], c]);
    expect(rowsOf([a, b, d, c], [a, b, d, c])).toEqual([a, b, d, c]);
    expect(rowsOf([], [...rows, ['e', 5]])).toEqual([['e', 5]]);
  });

  test('that nobody changed is the very same, and costs nothing', () => {
    const { one } = pair({ document: 'd', kind: 'table', value: table });
    expect((one.value as unknown as { rows: Json[][] }).rows[0]).toBe(rows[0]);
    const told = jest.fn();
    one.doc.on('update', told);
    one.write(table);
    expect(told).not.toHaveBeenCalled();
  });

  test('whose rows have names that stay', () => {
    const { one, other, meet } = pair({ document: 'd', kind: 'table', value: table });
    other.write({ columns, rows: [['new', 0], ...rows.slice(1)] } as unknown as Json);
    other.write({ columns, rows: [['first', 0], ['new', 0], ...rows.slice(1)] } as unknown as Json);
    meet();
    expect(one.keys!.slice(1)).toEqual(['0', '1', '2', '3']);
    expect(one.keys![0]).toMatch(/[a-z]/);
  });

  test('written many times over ends up equal', () => {
    const { one, other, meet } = pair({ document: 'd', kind: 'table', value: table });
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 60; round++) {
      for (const side of [one, other]) {
        const now = (side.value as unknown as { rows: Json[][] }).rows.slice();
        const at = random(now.length + 1);
        const turn = random(4);
        if (turn === 0 || now.length === 0) {
          now.splice(at, 0, [`n${round}`, round]);
        } else if (turn === 1) {
          now.splice(at % now.length, 1);
        } else if (turn === 2) {
          now.splice(at % now.length, 0, ...now.splice(random(now.length), 1));
        } else {
          now[at % now.length] = [now[at % now.length][0], round];
        }
        side.write({ columns, rows: now } as unknown as Json);
        expect((side.value as unknown as { rows: Json }).rows).toEqual(now);
      }
      meet();
      expect(one.value).toEqual(other.value);
      expect(one.keys).toEqual(other.keys);
    }
  });
});

test('what is no value yet is kept until there is one', () => {
  const { one, other, meet } = pair({ document: 'd', kind: 'json', value: [1] });
  one.writeUnfinished('[1,');
  meet();
  expect([other.unfinishedText, other.value]).toEqual(['[1,', [1]]);
  other.write([1, 2]);
  meet();
  expect([one.unfinishedText, one.value]).toEqual([null, [1, 2]]);
});

test.each<[Kind, Json, Json, Json, Json]>([
  ['text', 'abc', 'Xabc', 'abcY', 'abcY'],
  ['json', { a: 1, b: 2 }, { a: 9, b: 2 }, { a: 1, b: 9 }, { a: 1, b: 9 }]
])('undoing in a %s takes back what was written here alone', (kind, value, mine, theirs, left) => {
  const { one, other, meet } = pair({ document: 'd', kind, value });
  one.write(mine);
  other.write(theirs);
  meet();
  one.undoManager.undo();
  meet();
  expect([one.value, other.value]).toEqual([left, left]);
  one.undoManager.redo();
  expect(one.value).not.toEqual(left);
});

test('whoever wrote a value knows it again', () => {
  const { one } = pair({ document: 'd', kind: 'json', value: { a: 1 } });
  const made = { a: 2 };
  one.write(made);
  expect(one.value).toBe(made);
  expect(one.value).toBe(one.value);
});

test('what somebody put there that does not belong there leaves a value', () => {
  const { one } = pair({ document: 'd', kind: 'json', value: { a: 1 } });
  (one.doc.getMap('value').get('v') as Y.Map<unknown>).set('a', '{');
  one.doc.getMap('typed').set('unfinished', 7);
  expect([one.value, one.unfinishedText]).toEqual([{ a: '{' }, null]);
  const table = { columns: [{ name: 'x', type: 'string' }], rows: [['a']] } as unknown as Json;
  const other = pair({ document: 'd', kind: 'table', value: table }).one;
  other.doc.getMap('rows').set('r1', '{}');
  other.doc.getMap('cells').set('0/7', '1');
  other.doc.getMap('cells').set('', '1');
  expect(other.value).toEqual(table);
});
