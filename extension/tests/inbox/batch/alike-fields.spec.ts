import type { IProposal } from '../../../src/api/types';
import { compareAlike, makeAlikeRow } from '../../../src/inbox/batch/alike-fields';

function row(value: { [name: string]: number }) {
  return makeAlikeRow({ kind: 'json', value, why: [], schema: null } as unknown as IProposal);
}

test('fields that differ and have no column are named', () => {
  const names = Array.from({ length: 42 }, (_, i) => `f${i}`);
  const values = [1, 2].map(n => Object.fromEntries([['same', 0], ...names.map(name => [name, n])]));
  const { same, columns, leftOut } = compareAlike(values.map(row));
  expect(same.map(({ title }) => title)).toEqual(['same']);
  expect(columns).toHaveLength(40);
  expect(leftOut).toEqual(['f40', 'f41']);
});
