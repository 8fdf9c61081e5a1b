import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, render, screen } from '@testing-library/react';
import type { IHost } from '../../../src/components/host';
import { CardList } from '../../../src/components/proposal/card-list';
import type { IProposalModel } from '../../../src/models/interfaces';

const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;

function makeModel(id: string) {
  return {
    ...{ proposal: { id, status: 'open', decision: null as object | null }, conflict: null },
    changed: new Signal<object, void>({})
  };
}

function show(ids: string[]) {
  const models = ids.map(makeModel);
  render(
    <CardList
      models={models as unknown as IProposalModel[]}
      host={host}
      renderCard={({ proposal: { id } }) => <input key={id} aria-label={id} />}
    />
  );
  const decide = (model: (typeof models)[number]): void => {
    Object.assign(model.proposal, {
      status: 'decided',
      decision: { action: 'approve', by: 'person', decided_at: '2026-01-31T10:00:00Z' }
    });
    act(() => model.changed.emit());
  };
  return { models, decide };
}

test('a card in which a person types stays when the cards before it are decided', () => {
  const { models, decide } = show(['a', 'b', 'c']);
  const field = screen.getByLabelText('c');
  field.focus();
  decide(models[0]);
  decide(models[1]);
  expect(screen.getByLabelText('c')).toBe(field);
  expect(document.activeElement).toBe(field);
});

test('and when they are folded into one line', () => {
  const { models, decide } = show(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  const field = screen.getByLabelText('g');
  models.slice(0, 6).forEach(decide);
  screen.getByText('6 decided: 6 approved');
  expect(screen.getByLabelText('g')).toBe(field);
});
