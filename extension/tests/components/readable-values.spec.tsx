import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { render } from '@testing-library/react';
import type { IEvidenceBlock, IProposal, Json } from '../../src/api/types';
import { HistoryPanel } from '../../src/components/document/history-panel';
import type { IDocumentTools } from '../../src/components/document/use-document-tools';
import { Evidence } from '../../src/components/evidence/evidence';
import type { IHost } from '../../src/components/host';
import { ConflictNotice } from '../../src/components/notices/conflict';
import { CollapsedCard } from '../../src/components/proposal/collapsed-card';
import { ValueChanges } from '../../src/inbox/batch/value-changes';
import type { IProposalModel } from '../../src/models/interfaces';

jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const host = { trans: nullTranslator.load('hitl_nb'), status: null, readOnly: null } as unknown as IHost;

const NESTED: Json = { order: { note: 'one\ntwo', tab: 'a\tb' } };
const OTHER: Json = { order: { note: 'one\nthree', tab: 'a\tb' } };

const proposal = {
  ...{ id: 'p', title: 'Refund', kind: 'json', status: 'open', agent: 'a', value: NESTED, text: '' },
  ...{ revision: 1, fingerprint: 'f', decision: null, allow: [], context: null, schema: null }
} as unknown as IProposal;

const subject = { document: 'p', kind: 'json', value: NESTED, agent: 'a', workspace: false };
const history = {
  ...{ replay: { length: 0 }, moments: [], names: new Map(), isReading: false, problem: '' },
  ...{ read: async () => undefined, changed: new Signal({}) }
};

const blocks = (...evidence: unknown[]): IProposal =>
  ({ ...proposal, evidence: evidence as IEvidenceBlock[] }) as IProposal;

const decided = {
  ...proposal,
  status: 'decided',
  decision: {
    ...{ action: 'edit', by: 'person', reviewer: 'bo', reviewer_name: 'Bo', known: 'login', reason: null },
    ...{ decided_at: '2026-11-28T21:44:02Z', value: { happened: true, result: NESTED } }
  },
  doubt: { name: 'pay' }
} as unknown as IProposal;

const views: { [name: string]: JSX.Element } = {
  history: (
    <HistoryPanel
      work={{ subject, draft: null, history: () => history } as unknown as IDocumentTools}
      host={host}
    />
  ),
  'a draft that changed': (
    <ConflictNotice
      surprise={{ shown: proposal, now: proposal, draft: { shown: NESTED, now: OTHER } } as never}
      problem=""
      host={host}
    />
  ),
  'the result of an effect': (
    <CollapsedCard model={{ proposal: decided } as IProposalModel} host={host}>
      <></>
    </CollapsedCard>
  ),
  'changes in a batch': <ValueChanges before={NESTED} after={OTHER} changes={[]} host={host} />,
  'changes that are evidence': (
    <Evidence
      proposal={blocks({
        ...{ type: 'diff', name: 'order', cut: false },
        ...{ before: JSON.stringify(NESTED, null, 2), after: JSON.stringify(OTHER, null, 2) }
      })}
      host={host}
    />
  ),
  'a tree that is evidence': (
    <Evidence proposal={blocks({ type: 'tree', name: 'order', value: NESTED, cut: false })} host={host} />
  ),
  'a fact': <Evidence proposal={{ ...proposal, context: { order: NESTED } } as IProposal} host={host} />
};

test.each(Object.keys(views))('line breaks are no escape sequences: %s', name => {
  const { container } = render(views[name]);
  const text = container.textContent;
  expect(text).toContain('one');
  expect(text).not.toMatch(/\\[nt]/);
});
