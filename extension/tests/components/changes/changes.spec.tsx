import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import type { IProposal, Json } from '../../../src/api/types';
import { Changes } from '../../../src/components/changes/changes';
import { ChangeSummary, describeChanges } from '../../../src/components/changes/change-summary';
import { FieldWas } from '../../../src/components/changes/field-was';
import type { IHost } from '../../../src/components/host';

const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;

/** Render the changes of a value. */
function changes(kind: string, before: Json, after: Json, over: Partial<IProposal> = {}): HTMLElement {
  const proposal = { kind, value: before, schema: null, ...over } as unknown as IProposal;
  return render(<Changes proposal={proposal} before={before} after={after} host={host} />).container;
}

/** The texts of the elements with a class. */
function texts(container: HTMLElement, selector: string): (string | null)[] {
  return [...container.querySelectorAll(selector)].map(one => one.textContent);
}

const TABLE = {
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'note', type: 'string' }
  ],
  rows: [
    [1, 'a\nb'],
    [2, 'late'],
    [3, null]
  ]
} as unknown as Json;

const CHANGED_TABLE = {
  columns: (TABLE as { columns: Json }).columns,
  rows: [
    [1, 'a\nc'],
    [3, null],
    [4, 'new']
  ]
} as unknown as Json;

/** A value and an edit of it, for each kind. */
const EDITS: [string, Json, Json][] = [
  ['text', 'We are sorry.\n\nBye.', 'We are very glad.\n\nBye.'],
  ['markdown', '# A\n\nb', '# A\n\nc'],
  ['code', 'a = 1\nb = 2', 'a = 1\nb = 3'],
  ['json', { a: 'x\ny', b: [1] }, { a: 'x\nz', b: [1, 'q\nr'] }],
  ['json', [{ a: 'x\ny' }], [{ a: 'x\nz' }]],
  [
    'tool_call',
    { name: 'mail', arguments: { body: 'x\ny', to: 'a' } },
    { name: 'mail', arguments: { body: 'x\nz', to: 'b' } }
  ],
  ['plan', ['a\nb', { c: 'd\ne' }], [{ c: 'd\nf' }, 'a\nb', 'g\nh']],
  ['choice', 'a\nb', 'c\nd'],
  ['table', TABLE, CHANGED_TABLE]
];

test.each(EDITS)(
  'the changes of a %s have no escaped line breaks and no diff heads',
  (kind, before, after) => {
    const shown = changes(kind, before, after).textContent;
    expect(shown).not.toContain('\\n');
    expect(shown).not.toContain('@@');
    expect(shown).toContain('removed:');
    expect(shown).toContain('added:');
  }
);

test.each(EDITS)('hidden characters in a %s are shown', (kind, before, after) => {
  const hidden = hide(after);
  if (kind === 'table') {
    Object.assign(hidden as object, { columns: (after as { columns: Json }).columns });
  }
  const shown = changes(kind, before, hidden).textContent;
  expect(shown).toContain('⟨U+202E⟩');
  expect(shown).not.toContain('\u202e');
});

/** Put a hidden character into each text of a value. */
function hide(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(hide);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, hide(item)]));
  }
  return typeof value === 'string' ? `${value}\u202e` : value;
}

test('prose: words in place, and paragraphs without changes folded', () => {
  const shown = changes(
    'text',
    'One.\n\nTwo is here.\n\nThree.\n\nFour.',
    'One.\n\nTwo was here.\n\nThree.\n\nFour.'
  );
  expect(texts(shown, 'p')).toEqual([
    '⋯ 1 paragraph without changes Show',
    'Two removed: isadded: was here.',
    '⋯ 2 paragraphs without changes Show'
  ]);
  fireEvent.click(screen.getAllByText('Show')[1]);
  expect(texts(shown, 'p').slice(2)).toEqual(['Three.', 'Four.']);
});

test('spaces and line breaks that changed can be seen', () => {
  const shown = changes('text', 'a b', 'a  b\n');
  expect(texts(shown, 'ins').join('|')).toContain('↵');
  expect(texts(changes('text', 'end', 'end '), 'ins')).toEqual(['added: ·']);
});

test('code: lines with numbers, signs and marked words; the rest is folded', () => {
  const lines = Array.from({ length: 20 }, (_, i) => `x${i} = ${i}`);
  const after = lines.map((line, i) => (i === 10 ? 'x10 = 99' : line));
  const shown = changes('code', lines.join('\n'), after.join('\n'));
  expect(texts(shown, '.d')).toEqual(['11−removed: x10 = 10']);
  expect(texts(shown, '.a')).toEqual(['11+added: x10 = 99']);
  expect(texts(shown, 'mark')).toEqual(['10', '99']);
  expect(texts(shown, '.jp-hitl-fold')).toEqual([
    '⋯ 7 lines without changes Show',
    '⋯ 6 lines without changes Show'
  ]);
});

test('a wide place has both versions side by side', () => {
  const observers: ((entries: { contentRect: { width: number } }[]) => void)[] = [];
  const original = globalThis.ResizeObserver;
  globalThis.ResizeObserver = class {
    constructor(report: never) {
      observers.push(report);
    }
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  const shown = changes('text', 'Dear Ann', 'Dear Bo');
  expect(shown.querySelector('.cm-content')).toBeNull();
  act(() => observers.forEach(report => report([{ contentRect: { width: 823 } }]))); // in the widest card
  expect(texts(shown, '.cm-content')).toEqual(['Dear Ann', 'Dear Bo']);
  globalThis.ResizeObserver = original;
});

test('a form: the fields that changed by label, numbers by locale, the others on demand', () => {
  const schema = { properties: { amount: { title: 'Amount' }, vip: { title: 'VIP' } } };
  const shown = changes(
    'json',
    { amount: 1299, vip: false, note: 'x', due: '' },
    { amount: 1199.5, vip: true, note: 'x', due: null },
    { schema }
  );
  const number = (value: number): string => value.toLocaleString();
  expect(texts(shown, 'dl > div')).toEqual([
    `Amountremoved: ${number(1299)} added: ${number(1199.5)}`,
    'VIPremoved: no added: yes',
    'dueremoved: empty added: empty'
  ]);
  expect(screen.getByText(/1 value is as proposed/)).toBeTruthy();
  fireEvent.click(screen.getByText('Show all'));
  expect(texts(shown, 'dl > div')[3]).toBe('notex');
});

test('JSON: paths, raw values', () => {
  const shown = changes('json', [{ n: 1299, b: null }], [{ n: 1200, b: true }, 'x']);
  // The first item and the added one are two items now, so they are compared as such.
  expect(texts(shown, 'dl > div')).toEqual([
    '[0].nremoved: 1299 added: 1200',
    '[0].bremoved: null added: true',
    '[1] added: "x" added'
  ]);
});

test('a tool call: its name and the changed arguments; a long text is cut', () => {
  const body = (sum: string): string =>
    `${'We write to you. '.repeat(20)}We refund ${sum} EUR. ${'Bye. '.repeat(40)}`;
  const shown = changes(
    'tool_call',
    { name: 'send_email', arguments: { to: 'all', body: body('1') } },
    { name: 'send_email', arguments: { to: 'me', body: body('2') } }
  );
  expect(texts(shown, 'dt')).toEqual(['tool', 'to', 'body']);
  const cut = texts(shown, 'dd')[2]!;
  expect(cut).toContain('We refund removed: 1added: 2 EUR.');
  expect(cut.length).toBeLessThan(200);
  fireEvent.click(screen.getByText('Show all'));
  expect(texts(shown, 'dd')[2]!.length).toBeGreaterThan(500);
});

test('a table: changed rows with their numbers and signs, and what a cell was', () => {
  const shown = changes('table', TABLE, CHANGED_TABLE);
  expect(texts(shown, 'thead th')).toEqual(['#', 'id', 'note']);
  expect(texts(shown, 'tbody th')).toEqual(['~1 changed', '−2 removed', '+4 added']);
  expect([...shown.querySelectorAll('tbody tr')].map(row => row.className)).toEqual(['', 'gone', 'new']);
  expect(texts(shown, 'td.ch')).toEqual(['removed: a\nb added: a\nc']);
});

test('a plan: added, moved, changed and removed steps', () => {
  const shown = changes(
    'plan',
    ['Back up', 'Drop column address', 'Vacuum', 'Reindex'],
    ['Back up', 'Tell the team', 'Drop column address_old', 'Reindex']
  );
  expect(texts(shown, 'li')).toEqual([
    '⋯ 1 step as proposed Show',
    '+added2.added: Tell the team',
    '~changed3.Drop column removed: addressadded: address_old',
    '−removedremoved: Vacuum',
    '⋯ 1 step as proposed Show'
  ]);
});

test('a choice: the agent’s and the other one', () => {
  const shown = changes('choice', 'Rotterdam', 'Leipzig');
  expect(texts(shown, 'li')).toEqual([
    'removed: Rotterdam the agent’s choice',
    'added: Leipzig chosen instead'
  ]);
});

test('no changes, and a text that is not a value yet', () => {
  expect(changes('json', { a: 1 }, { a: 1 }).textContent).toBe('No changes.');
  expect(changes('json', { a: 1 }, '{"a": ').textContent).toContain('not a valid value yet');
  expect(changes('table', TABLE, '{').textContent).toContain('not a valid value yet');
});

describe('the line under a changed field', () => {
  test('says what it was, and takes it back', () => {
    const back = jest.fn();
    const { container } = render(
      <FieldWas before={1299} after={1199} name="Amount" onTakeBack={back} host={host} />
    );
    expect(container.textContent).toBe(`was removed: ${(1299).toLocaleString()}Take back`);
    fireEvent.click(screen.getByRole('button', { name: 'Take back: Amount' }));
    expect(back).toHaveBeenCalledTimes(1);
  });

  test('a long text by word; a field that is new; nothing to press where nothing can be edited', () => {
    const { container, rerender } = render(<FieldWas before={'a\nb'} after={'a\nc'} host={host} />);
    expect(container.textContent).toBe('a\nremoved: badded: c');
    rerender(<FieldWas before={undefined} after={1} host={host} />);
    expect(container.textContent).toBe('added');
    rerender(<FieldWas before={null} after={1} host={host} />);
    expect(container.textContent).toBe('was removed: empty');
    expect(screen.queryByRole('button')).toBeNull();
  });
});

describe('the summary', () => {
  const summary = (kind: string, before: Json, after: Json): string | null => {
    const proposal = { kind, value: before, schema: null } as unknown as IProposal;
    const { container } = render(
      <ChangeSummary proposal={proposal} before={before} after={after} host={host} />
    );
    return container.textContent;
  };

  test.each<[string, Json, Json, string]>([
    [
      'json',
      { amount: 129, email: 'We are sorry for that. Bye now, and all the best.' },
      { amount: 119, email: 'We are sorry for that. You keep it. Bye now, and all the best.' },
      'amount removed: 129 added: 119, email +1 sentence'
    ],
    ['text', 'Dear Ann', 'Dear Bo', 'removed: Ann added: Bo'],
    ['text', 'a b c d e', 'A b C d E', '3 words changed'],
    ['plan', ['a', 'b'], ['a', 'Tell the team'], '~changed removed: badded: Tell the team'],
    ['choice', 'a', 'b', 'removed: a added: b'],
    ['table', TABLE, CHANGED_TABLE, '1 cell changed, 1 row added, 1 row removed'],
    [
      'json',
      { a: 1, b: 1, c: 1, d: 1, e: 1 },
      { a: 2, b: 2, c: 2, d: 2, e: 2 },
      'a removed: 1 added: 2, b removed: 1 added: 2, c removed: 1 added: 2, and 2 more'
    ],
    ['json', { a: 1 }, { a: 1 }, '']
  ])('of a %s', (kind, before, after, expected) => {
    expect(summary(kind, before, after)).toBe(expected);
  });

  test('numbers of an edit in words', () => {
    const describe = (kind: string, before: Json, after: Json): string[] =>
      describeChanges({ proposal: { kind } as unknown as IProposal, before, after }, host).map(
        ({ text, tone }) => `${tone}: ${text}`
      );
    expect(describe('table', TABLE, CHANGED_TABLE)).toEqual([
      'good: 1 cell changed',
      'good: 1 row added',
      'bad: 1 row removed'
    ]);
    expect(describe('json', { a: 1, b: 1 }, { a: 2, b: 2 })).toEqual(['good: 2 changes']);
    expect(describe('json', { a: 1 }, { a: 1 })).toEqual([]);
  });
});
