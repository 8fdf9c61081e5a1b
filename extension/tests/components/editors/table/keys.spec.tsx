import { act, fireEvent } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { Json } from '../../../../src/api/types';
import { movePlace } from '../../../../src/components/editors/table/keys';
import { formatTsv, makeRange, parseTsv } from '../../../../src/components/editors/table/ranges';
import { openTable } from './shared-grid';

const TABLE = {
  columns: [
    { name: 'id', type: 'integer', required: true },
    { name: 'name', type: 'string' },
    { name: 'vip', type: 'boolean' }
  ],
  rows: [
    [1, 'Ann', true],
    [2, 'Bo', false],
    [3, 'Cy', null]
  ] as Json[][]
};

/** Label of the element with the focus. */
function focusedName(): string | null {
  const { activeElement: element } = document;
  return element!.getAttribute('aria-label') ?? element!.textContent;
}

/** Copy while a cell has the focus. Returns the text of the clipboard. */
function copyCell(cell: HTMLElement): string {
  const texts: string[] = [];
  fireEvent.copy(cell, { clipboardData: { setData: (_: string, text: string) => texts.push(text) } });
  return texts.join();
}

test.each([
  ['ArrowDown', {}, 3, 1],
  ['ArrowUp', {}, 1, 1],
  ['ArrowLeft', {}, 2, 0],
  ['ArrowRight', {}, 2, 2],
  ['Home', {}, 2, 0],
  ['End', {}, 2, 2],
  ['Home', { ctrlKey: true }, 0, 0],
  ['End', { ctrlKey: true }, 19, 2],
  ['PageDown', {}, 12, 1],
  ['PageUp', {}, 0, 1]
])('%s with %j leads to row %i, column %i', (key, over, row, column) => {
  const press = { key, ctrlKey: false, metaKey: false, altKey: false, ...over };
  expect(movePlace(press, { row: 2, column: 1 }, { rows: 20, columns: 4 }, 10)).toEqual({ row, column });
});

test('keys with Alt, and keys that type, do not move', () => {
  const press = { key: 'ArrowDown', ctrlKey: false, metaKey: false, altKey: true };
  expect(movePlace(press, { row: 0, column: 0 }, { rows: 2, columns: 2 }, 10)).toBeNull();
  expect(
    movePlace({ ...press, key: 'x', altKey: false }, { row: 0, column: 0 }, { rows: 2, columns: 2 }, 10)
  ).toBeNull();
});

test('text of the clipboard', () => {
  expect(parseTsv('a\tb\n1\t2\n')).toEqual([
    ['a', 'b'],
    ['1', '2']
  ]);
  expect(parseTsv('a\r\n\r\nb')).toEqual([['a'], [''], ['b']]);
  expect(parseTsv('"x\ty"\t"say ""hi""\nnow"\t"open')).toEqual([['x\ty', 'say "hi"\nnow', '"open']]);
  expect(parseTsv('one')).toEqual([['one']]);
  expect(parseTsv('a\t')).toEqual([['a', '']]);
  const cells = [
    ['a', 'b\tc'],
    ['"q"', 'd\ne'],
    ['', 'f']
  ];
  expect(parseTsv(formatTsv(cells))).toEqual(cells);
});

test('a range has cells alone', () => {
  expect(makeRange({ row: 2, column: 3 }, { row: 0, column: 1 }, 3)).toEqual({
    top: 0,
    bottom: 2,
    left: 1,
    right: 2
  });
});

test('the grid is one stop of Tab; arrows move, to the head and to the buttons too', async () => {
  const user = userEvent.setup();
  const { cell, container } = openTable(TABLE);
  expect(container.querySelectorAll('[role=grid] [tabindex="0"]')).toHaveLength(1);
  act(() => cell('id, row 1').focus());
  await user.keyboard('{ArrowDown}{ArrowRight}');
  expect(focusedName()).toBe('name, row 2');
  await user.keyboard('{Control>}{End}{/Control}');
  expect(focusedName()).toBe('vip, row 3');
  await user.keyboard('{ArrowRight}');
  expect(focusedName()).toBe('Remove row 3');
  await user.keyboard('{Home}{ArrowUp}{ArrowUp}{ArrowUp}');
  expect(focusedName()).toBe('idint');
  expect(container.querySelectorAll('[role=grid] [tabindex="0"]')).toHaveLength(1);
  await user.keyboard('{ArrowDown}');
  await user.tab();
  expect(focusedName()).toBe('Add a row');
  await user.tab({ shift: true });
  expect(focusedName()).toBe('id, row 1');
});

test('typing replaces a cell, Enter edits it, Escape leaves it, and arrows are the cell’s own meanwhile', async () => {
  const user = userEvent.setup();
  const { cell, rows } = openTable(TABLE);
  act(() => cell('name, row 1').focus());
  await user.keyboard('Eve');
  expect(rows()[0][1]).toBe('Eve');
  await user.keyboard('{Enter}');
  expect(focusedName()).toBe('name, row 2');
  await user.keyboard('{Enter}b{ArrowLeft}');
  expect([focusedName(), rows()[1][1]]).toEqual(['name, row 2', 'Bob']);
  await user.keyboard('{Escape}{ArrowDown}');
  expect(focusedName()).toBe('name, row 3');
  await user.keyboard('{Delete}');
  expect(rows()[2]).toEqual([3, null, null]);
});

test('typed text stays as typed while a number is not complete', async () => {
  const user = userEvent.setup();
  const { cell, rows } = openTable({ columns: [{ name: 'x', type: 'number' }], rows: [[1]] });
  act(() => cell('x, row 1').focus());
  await user.keyboard('2.0');
  expect(rows()).toEqual([[2]]);
  await user.keyboard('5');
  expect(rows()).toEqual([[2.05]]);
});

test('a range is copied, pasted with new rows, and one undo takes it back', async () => {
  const user = userEvent.setup();
  const { cell, rows, draft, container } = openTable(TABLE);
  act(() => cell('name, row 3').focus());
  await user.keyboard('X');
  await user.keyboard('{Escape}');
  await user.paste('Dora\tyes\nEli\tno\nFay\tmaybe');
  expect(rows()).toEqual([
    [1, 'Ann', true],
    [2, 'Bo', false],
    [3, 'Dora', true],
    [null, 'Eli', false],
    [null, 'Fay', 'maybe']
  ]);
  expect(draft.removedRows).toEqual([]); // the row that was pasted over is the same row
  act(() => draft.undo());
  expect(rows()).toEqual([
    [1, 'Ann', true],
    [2, 'Bo', false],
    [3, 'X', null]
  ]);
  act(() => cell('id, row 1').focus());
  await user.keyboard('{Shift>}{ArrowDown}{ArrowRight}{/Shift}');
  expect(container.querySelectorAll('[aria-selected=true]')).toHaveLength(4);
  expect(copyCell(cell('name, row 2'))).toBe('1\tAnn\n2\tBo');
});

test('columns that do not fit are named; one cell fills a range; removed rows are left alone', async () => {
  const user = userEvent.setup();
  const { cell, rows, shown } = openTable(TABLE);
  fireEvent.click(cell('Remove row 2'));
  act(() => cell('vip, row 1').focus());
  await user.paste('no\ttoo\tmuch\nyes');
  expect(rows()).toEqual([
    [1, 'Ann', false],
    [3, 'Cy', true]
  ]);
  expect(shown.getByText('2 pasted columns did not fit and were left out')).toBeTruthy();
  act(() => cell('name, row 1').focus());
  await user.keyboard('{Shift>}{ArrowDown}{ArrowDown}{/Shift}');
  await user.paste('same');
  expect(rows().map(row => row[1])).toEqual(['same', 'same']);
});

test('nothing is typed or pasted where nothing can be edited; it can be copied', async () => {
  const user = userEvent.setup();
  const { cell, rows } = openTable(TABLE, { readOnly: true });
  act(() => cell('name, row 1').focus());
  await user.keyboard('x{Delete}{Enter}y');
  await user.paste('z');
  expect(rows()).toEqual(TABLE.rows);
  await user.keyboard('{End}{ArrowRight}');
  expect(focusedName()).toBe('vip, row 1');
  expect(copyCell(cell('vip, row 1'))).toBe('yes');
});

test('hidden characters are shown until a cell is edited', async () => {
  const user = userEvent.setup();
  const { cell, rows } = openTable({ columns: [{ name: 'x', type: 'string' }], rows: [['a\u202eb']] });
  expect([cell('x, row 1').value, cell('x, row 1').readOnly]).toEqual(['a⟨U+202E⟩b', true]);
  act(() => cell('x, row 1').focus());
  await user.keyboard('{Enter}c');
  expect(rows()).toEqual([['a\u202ebc']]);
});
