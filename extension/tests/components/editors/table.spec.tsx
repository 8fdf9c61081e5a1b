import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import type { IProposal, Json } from '../../../src/api/types';
import { TableEditor } from '../../../src/components/editors/table';
import type { IHost } from '../../../src/components/host';
import { giveElementsSize } from '../../element-sizes';

const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;

const TABLE = {
  columns: [
    { name: 'order', type: 'string' },
    { name: 'amount', type: 'integer' }
  ],
  rows: [
    ['a', 1],
    ['b', 2],
    ['c', 3]
  ]
};

beforeAll(giveElementsSize);

/** Render a table in a card that keeps its value. `rows` has the rows of each value that the editor made. */
function renderTable(fields: { [path: string]: string } = {}) {
  const rows: Json[][][] = [];
  const card: { show: (value: Json) => void; redraw: () => void } = {
    show: () => undefined,
    redraw: () => undefined
  };
  function StatefulEditor(): JSX.Element {
    const [value, setValue] = useState<Json>(TABLE as unknown as Json);
    const [, setRound] = useState(0);
    card.show = setValue;
    card.redraw = () => setRound(round => round + 1);
    return (
      <TableEditor
        proposal={{} as IProposal}
        value={value}
        draft={null}
        fields={fields}
        readOnly={false}
        host={host}
        onEdit={made => {
          rows.push((made as unknown as typeof TABLE).rows);
          setValue(made);
        }}
        onUnfinished={() => undefined}
      />
    );
  }
  render(<StatefulEditor />);
  return { rows, card };
}

function cell(label: string): HTMLInputElement {
  return screen.getByLabelText(label);
}

test('a row that is struck stays where it was, and is left out of the value', () => {
  const { rows, card } = renderTable();
  fireEvent.click(screen.getByLabelText('Remove row 2'));
  expect(rows).toEqual([[TABLE.rows[0], TABLE.rows[2]]]);
  act(() => card.redraw());
  expect(cell('order, row 2, removed').disabled).toBe(true);
  expect(cell('order, row 2, removed').closest('.jp-mod-struck')).not.toBeNull();
  expect(cell('order, row 3').value).toBe('c');
  expect(screen.getByText('2 rows, 1 removed')).toBeTruthy();
});

test('edits behind a row that is struck go to their own rows, and it can be kept after all', () => {
  const { rows } = renderTable();
  fireEvent.change(cell('amount, row 2'), { target: { value: '20' } });
  fireEvent.click(screen.getByLabelText('Remove row 2'));
  fireEvent.change(cell('amount, row 3'), { target: { value: '30' } });
  fireEvent.click(screen.getByText('Add a row'));
  fireEvent.click(screen.getByLabelText('Keep row 2'));
  expect(rows.slice(-2)).toEqual([
    [
      ['a', 1],
      ['c', 30],
      [null, null]
    ],
    [
      ['a', 1],
      ['b', 20],
      ['c', 30],
      [null, null]
    ]
  ]);
  expect(screen.getByText('4 rows')).toBeTruthy();
});

test('a message about a row of the value is at the row that is drawn for it', () => {
  renderTable({ 'rows/0/amount': 'must be a whole number' });
  fireEvent.click(screen.getByLabelText('Remove row 1'));
  fireEvent.click(screen.getByLabelText('Remove row 2'));
  expect(cell('amount, row 3').getAttribute('aria-invalid')).toBe('true');
  expect(cell('amount, row 1, removed').getAttribute('aria-invalid')).toBe('false');
  expect(screen.getByText('⚠ rows/2/amount: must be a whole number')).toBeTruthy();
});

test('another value from outside has its own rows', () => {
  const { card } = renderTable();
  fireEvent.click(screen.getByLabelText('Remove row 1'));
  act(() => card.show({ ...TABLE, rows: [['z', 9]] } as unknown as Json));
  expect(cell('order, row 1').value).toBe('z');
  expect(screen.getByText('1 row')).toBeTruthy();
});
