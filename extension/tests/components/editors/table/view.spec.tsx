import { act, fireEvent } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { Json } from '../../../../src/api/types';
import { openTable } from './shared-grid';

const TABLE = {
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'name', type: 'string' }
  ],
  rows: [
    [10, 'b'],
    [9, 'c'],
    [null, 'a'],
    [8, 'd']
  ] as Json[][]
};

test('sorting by a head is a matter of this view alone, and says so', () => {
  const { shown, drawn, rows, container } = openTable(TABLE);
  const id = shown.getByText('id');
  fireEvent.click(id);
  expect(drawn()).toEqual(['4 8 d', '2 9 c', '1 10 b', '3  a']);
  expect(container.querySelector('[aria-sort]')!.getAttribute('aria-sort')).toBe('ascending');
  expect(shown.getByText('Sorted by id, in this view only')).toBeTruthy();
  fireEvent.click(id);
  expect(drawn()).toEqual(['1 10 b', '2 9 c', '4 8 d', '3  a']);
  fireEvent.click(shown.getByText('Order of the table'));
  expect(drawn()).toEqual(['1 10 b', '2 9 c', '3  a', '4 8 d']);
  expect(rows()).toEqual(TABLE.rows);
});

test('rows do not move while their cells are edited, and edits go to the right rows', () => {
  const { shown, drawn, rows, cell } = openTable(TABLE);
  fireEvent.click(shown.getByText('id'));
  fireEvent.change(cell('id, row 4'), { target: { value: '99' } });
  expect(drawn()).toEqual(['~4 99 d', '2 9 c', '1 10 b', '3  a']);
  expect(rows()[3]).toEqual([99, 'd']);
});

test('changed only, with errors, and the row with the cursor', async () => {
  const user = userEvent.setup();
  const { shown, drawn, cell, setFields } = openTable(TABLE);
  fireEvent.change(cell('name, row 2'), { target: { value: 'C' } });
  fireEvent.click(cell('Remove row 4'));
  act(() => cell('id, row 1').focus());
  await user.click(shown.getByRole('button', { name: 'Changed only' }));
  expect(drawn()).toEqual(['~2 9 C', '−4 8 d']);
  expect(shown.getByText('2 of 4 rows')).toBeTruthy();
  await user.click(shown.getByRole('button', { name: 'Changed only' }));
  act(() => cell('id, row 3').focus());
  setFields({ 'rows/2/id': 'must not be empty' });
  await user.click(shown.getByRole('button', { name: 'With errors: 1' }));
  expect(drawn()).toEqual(['3  a']);
});

test('a filter by a column; the row of the cursor stays in view', async () => {
  const user = userEvent.setup();
  const { shown, drawn, cell } = openTable(TABLE);
  await user.click(shown.getByRole('button', { name: 'Filter' }));
  await user.selectOptions(shown.getByLabelText('Column to filter by'), 'name');
  await user.type(shown.getByLabelText('Text to filter by'), 'A');
  expect(drawn()).toEqual(['3  a']);
  act(() => cell('name, row 3').focus());
  await user.keyboard('x');
  expect(drawn()).toEqual(['~3  x']);
  expect(shown.getByText('0 of 4 rows, and row 3: your cursor is there')).toBeTruthy();
  await user.click(shown.getByRole('button', { name: 'Filter' }));
  expect(drawn()).toHaveLength(4);
});

test('from change to change', async () => {
  const user = userEvent.setup();
  const { shown, cell } = openTable(TABLE);
  fireEvent.change(cell('name, row 2'), { target: { value: 'C' } });
  fireEvent.click(cell('Remove row 4'));
  act(() => cell('id, row 1').focus());
  const next = shown.getByRole('button', { name: 'Next change' });
  await user.click(next);
  expect(document.activeElement).toBe(cell('name, row 2'));
  await user.click(next);
  expect(document.activeElement).toBe(cell('id, row 4, removed'));
  await user.click(next);
  expect(document.activeElement).toBe(cell('name, row 2'));
  await user.click(shown.getByRole('button', { name: 'Previous change' }));
  expect(document.activeElement).toBe(cell('id, row 4, removed'));
});

test('a row that is added while rows are filtered is shown, and has the cursor', async () => {
  const user = userEvent.setup();
  const { shown, drawn, rows } = openTable(TABLE);
  await user.click(shown.getByRole('button', { name: 'Filter' }));
  fireEvent.change(shown.getByRole('combobox'), { target: { value: '1' } });
  fireEvent.change(shown.getByRole('searchbox'), { target: { value: 'c' } });
  expect(drawn()).toEqual(['2 9 c']);
  await user.click(shown.getByRole('button', { name: 'Add a row' }));
  await user.keyboard('7');
  expect(rows()).toEqual([...TABLE.rows, [7, null]]);
});
