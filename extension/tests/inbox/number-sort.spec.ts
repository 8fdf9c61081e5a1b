import type { IProposalSummary } from '../../src/api/types';
import { arrangeList, type IListRequest, type SortMode } from '../../src/inbox/stores/list-layout';
import { NO_FILTERS } from '../../src/inbox/stores/list-facets';
import { fieldName, findNumberFields } from '../../src/inbox/stores/number-fields';
import { readKeptViews } from '../../src/inbox/views/kept-views';

function refund(id: string, alike: string, numbers?: { [path: string]: number }): IProposalSummary {
  const record = {
    id,
    alike,
    numbers,
    title: id,
    agent: 'a',
    notebook: 'n',
    path: 'n',
    summary: '',
    created_at: ''
  };
  return record as unknown as IProposalSummary;
}

const ROWS = [
  refund('small', 'x', { amount: 12, year: 2026 }),
  refund('none', 'z'),
  refund('large', 'x', { amount: 1240, year: 2026 }),
  refund('other', 'y', { size: 3 })
];

function sortRows(sort: SortMode): string[] {
  const wanted = {
    ...{ search: '', hits: new Set(), filters: NO_FILTERS, sort, grouping: 'none', mine: null },
    ...{ collapsed: new Set(), order: null, ended: null, now: 0 }
  };
  return arrangeList(ROWS, wanted as IListRequest).rows.map(p => p.id);
}

test('rows are sorted by a number, largest first; those without it are last, in their order', () => {
  expect(sortRows('amount:amount')).toEqual(['large', 'small', 'none', 'other']);
});

test('the offered fields are those in which alike proposals differ', () => {
  expect(findNumberFields(ROWS)).toEqual(['amount']);
  expect(fieldName('customer/total_amount')).toBe('Total amount');
});

test('a kept view keeps the number', () => {
  const sorts = ['amount:amount', 'amount:', 'newest', 7, `amount:${'x'.repeat(300)}`];
  const views = readKeptViews(sorts.map((sort, i) => ({ name: String(i), sort })));
  expect(views.map(view => view.sort)).toEqual(['amount:amount', 'due', 'newest', 'due', 'due']);
});
