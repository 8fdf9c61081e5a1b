import { act, fireEvent, render } from '@testing-library/react';
import * as Y from 'yjs';
import type { IProposal, Json } from '../../../../src/api/types';
import { TableEditor } from '../../../../src/components/editors/table/grid';
import { DraftHistory } from '../../../../src/models/history';
import { giveElementsSize } from '../../../element-sizes';
import { exchange, host, openTable } from './shared-grid';

const TABLE = {
  columns: [
    { name: 'order', type: 'string' },
    { name: 'amount', type: 'integer' }
  ],
  rows: [
    ['a', 1],
    ['b', 2],
    ['c', 3]
  ] as Json[][]
};

test('a row that was removed stays where it was, and is left out of the value', () => {
  const { rows, cell, shown, drawn } = openTable(TABLE);
  fireEvent.click(cell('Remove row 2'));
  expect(rows()).toEqual([TABLE.rows[0], TABLE.rows[2]]);
  expect(drawn()).toEqual(['1 a 1', '−2 b 2', '3 c 3']);
  expect(cell('order, row 2, removed').readOnly).toBe(true);
  expect(shown.getByText('2 rows, 1 removed by you')).toBeTruthy();
});

test('edits behind a removed row go to their own rows, and it comes back with what was edited in it', () => {
  const { rows, cell, shown, drawn } = openTable(TABLE);
  fireEvent.change(cell('amount, row 2'), { target: { value: '20' } });
  fireEvent.click(cell('Remove row 2'));
  fireEvent.change(cell('amount, row 3'), { target: { value: '30' } });
  fireEvent.click(shown.getByText('Add a row'));
  expect(drawn()).toEqual(['1 a 1', '−2 b 20', '~3 c 30', '+4  ']);
  fireEvent.click(cell('Put row 2 back'));
  expect(rows()).toEqual([
    ['a', 1],
    ['b', 20],
    ['c', 30],
    [null, null]
  ]);
  expect(shown.getByText('4 rows')).toBeTruthy();
});

test('all windows have the row struck, say who removed it, and can put it back', () => {
  const ann = openTable(TABLE);
  const bo = openTable(TABLE, { name: 'Bo' });
  exchange(ann.draft, bo.draft);
  fireEvent.click(ann.cell('Remove row 2'));
  exchange(ann.draft, bo.draft);
  expect(bo.drawn()).toEqual(['1 a 1', '−2 b 2', '3 c 3']);
  expect(bo.shown.getByText('2 rows, 1 removed by Ann')).toBeTruthy();
  expect(bo.shown.getByTitle('removed by Ann').className).toBe('n');
  fireEvent.click(bo.cell('Put row 2 back'));
  exchange(ann.draft, bo.draft);
  expect([ann.rows(), bo.rows()]).toEqual([TABLE.rows, TABLE.rows]);
  expect(ann.drawn()).toEqual(['1 a 1', '2 b 2', '3 c 3']);
});

test('who removed a row is known from the log, if that person was never seen here', async () => {
  const bo = openTable(TABLE, { name: 'Bo' });
  const { doc } = bo.draft.awareness;
  const entries: object[] = [];
  doc.on('update', (update: Uint8Array) =>
    entries.push({
      ...{ n: entries.length + 1, at: '2026-01-31T10:00:00Z', by: 'bo', by_name: 'Bo' },
      update: btoa(String.fromCharCode(...update))
    })
  );
  fireEvent.click(bo.cell('Remove row 2'));
  const client = { getHistory: async () => ({ entries: entries.splice(0), next: null }) };
  const begun = { kind: 'table' as const, value: TABLE as unknown as Json };
  const history = new DraftHistory(client as never, 'd', begun);
  const ann = openTable(TABLE, { history: () => history });
  act(() => Y.applyUpdate(ann.draft.awareness.doc, Y.encodeStateAsUpdate(doc), 'server'));
  await act(async () => undefined);
  expect(ann.shown.getByText('2 rows, 1 removed by Bo')).toBeTruthy();
});

test('of equal rows the one that was pressed is removed', () => {
  const { cell, drawn } = openTable({
    ...TABLE,
    rows: [
      ['a', 1],
      ['a', 1],
      ['a', 1]
    ]
  });
  fireEvent.click(cell('Remove row 1'));
  expect(drawn()).toEqual(['−1 a 1', '2 a 1', '3 a 1']);
});

test('removing is undone in one step, also for a row that somebody added', () => {
  const { draft, cell, shown, drawn } = openTable(TABLE);
  fireEvent.click(shown.getByText('Add a row'));
  draft.closeUndoStep();
  fireEvent.click(cell('Remove row 4'));
  expect(drawn()[3]).toBe('−4  ');
  act(() => draft.undo());
  expect(drawn()[3]).toBe('+4  ');
});

test('messages name the row as its number column does, and are at its cell', () => {
  const table = openTable(TABLE);
  fireEvent.click(table.cell('Remove row 1'));
  table.setFields({ 'rows/1/amount': 'must be a whole number', 'rows/0': 'is odd' });
  expect(table.cell('amount, row 3').getAttribute('aria-invalid')).toBe('true');
  expect(table.cell('order, row 3').getAttribute('aria-invalid')).toBe('false');
  expect(table.cell('order, row 2').getAttribute('aria-invalid')).toBe('true');
  expect([...table.container.querySelectorAll('.jp-hitl-error')].map(one => one.textContent)).toEqual([
    ' Row 3, amount: must be a whole number Go there',
    ' Row 2: is odd Go there'
  ]);
  fireEvent.click(table.shown.getAllByText('Go there')[0]);
  expect(document.activeElement).toBe(table.cell('amount, row 3'));
});

test('a decided table has its removed rows too, and nothing to press', () => {
  giveElementsSize();
  const { container } = render(
    <TableEditor
      proposal={{ value: TABLE } as unknown as IProposal}
      value={
        {
          ...TABLE,
          rows: [
            ['a', 1],
            ['c', 7]
          ]
        } as unknown as Json
      }
      draft={null}
      fields={{}}
      readOnly
      host={host}
      onEdit={() => undefined}
    />
  );
  expect([...container.querySelectorAll('.n')].map(one => one.textContent)).toEqual([
    '#',
    '1 ',
    '−2 removed',
    '~3 changed'
  ]);
  expect(container.querySelector('.jp-hitl-row button')).toBeNull();
});
