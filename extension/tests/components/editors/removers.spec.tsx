import { nullTranslator } from '@jupyterlab/translation';
import { act, render, screen } from '@testing-library/react';
import type { Client } from '../../../src/api/client';
import type { IDraftUpdate, IProposal, Json } from '../../../src/api/types';
import { PlanEditor } from '../../../src/components/editors/plan';
import { findStepRemovers } from '../../../src/components/hooks/use-removers';
import type { IHost } from '../../../src/components/host';
import { SharedDocument } from '../../../src/drafts/shared-document';
import { DraftHistory } from '../../../src/models/history';
import { begin, Drafts } from '../../drafts';

const PLAN = ['pack', 'send', 'call'];
const host = { trans: nullTranslator.load('hitl_nb'), status: null } as unknown as IHost;

/** The history of a plan: each version is written by the person. */
function historyOf(...versions: [string, string[]][]): DraftHistory {
  const document = new SharedDocument({ kind: 'plan', value: PLAN });
  const entries: Partial<IDraftUpdate>[] = [];
  let by = 'agent:shop';
  document.doc.on('update', (update: Uint8Array) =>
    entries.push({
      ...{ n: entries.length + 1, at: '2026-01-31T10:00:00Z', by, by_name: by.toUpperCase() },
      update: btoa(String.fromCharCode(...update))
    })
  );
  begin(document.doc, { document: 'd', kind: 'plan', value: PLAN });
  for (const [person, steps] of versions) {
    by = person;
    document.write(steps);
  }
  const client = { getHistory: async () => ({ entries: entries.splice(0), next: null }) };
  return new DraftHistory(client as unknown as Client, 'd', { kind: 'plan', value: PLAN });
}

test('a step was removed by whose update made it so last', async () => {
  const history = historyOf(
    ['ann', ['pack', 'call']],
    ['ann', ['pack', 'send', 'call']],
    ['bo', ['pack', 'call']],
    ['cy', ['call', 'write']]
  );
  await history.read();
  expect([...findStepRemovers(history, PLAN)].sort()).toEqual([
    [0, 'cy'],
    [1, 'bo']
  ]);
});

test('a plan says who removed a step, also if that person is not here any more', async () => {
  const history = historyOf(['bo', ['pack', 'call']]);
  const draft = new Drafts().open({ document: 'd', kind: 'plan', value: PLAN });
  draft.edit(['pack', 'call']);
  render(
    <PlanEditor
      proposal={{ value: PLAN as Json } as IProposal}
      value={draft.value}
      draft={draft}
      history={() => history}
      fields={{}}
      readOnly={false}
      host={host}
      onEdit={() => undefined}
      onUnfinished={() => undefined}
    />
  );
  await act(async () => undefined);
  screen.getByText('removed by BO');
  screen.getByRole('button', { name: 'Put back: send' });
});
