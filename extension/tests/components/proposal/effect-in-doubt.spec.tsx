import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, screen } from '@testing-library/react';
import type { Client } from '../../../src/api/client';
import { ApiError } from '../../../src/api/errors';
import type { IDoubt, IProposal, IProposalSummary } from '../../../src/api/types';
import { askConfirmation } from '../../../src/inbox/batch/decide-selection';
import { InboxModel } from '../../../src/inbox/stores/inbox-model';
import { parseResult } from '../../../src/components/proposal/effect-in-doubt';
import type { IHost } from '../../../src/components/host';
import type { IProposalModel } from '../../../src/models/interfaces';
import { CommandTargets } from '../../../src/components/review-commands';
import { decisionWord } from '../../../src/components/states/decision-word';
import { card } from '../../bound';

// The whole package needs a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const doubt: IDoubt = {
  call: 'pay(12.50)',
  step: 'pay',
  arguments: { amount: '12.50' },
  began: '2026-05-01T12:04:27Z',
  noticed: '2026-05-01T12:04:31Z',
  died: true,
  idempotency_key: 'refunds/1/step-3'
};
const question: Partial<IProposal> = {
  title: 'Did pay(12.50) happen?',
  kind: 'json',
  value: { happened: null },
  allow: ['edit'],
  doubt
};

function renderQuestion(over: Partial<IProposal> = {}, here: Partial<IHost> = {}) {
  const sent: unknown[] = [];
  let refusal: ApiError | null = null;
  const client = {
    decide: async (p: IProposal, decision: { value: unknown }) => {
      sent.push(decision);
      if (refusal) {
        throw refusal;
      }
      return { proposal: { ...p, status: 'decided', decision: null }, run: null };
    }
  } as unknown as Client;
  const made = card(client, { ...question, ...over }, here);
  const primary = (): HTMLElement => made.container.querySelector('footer button')!;
  return { ...made, sent, primary, refuse: (error: ApiError) => (refusal = error) };
}

test('nothing is chosen, the button does nothing, and the facts are there', () => {
  const { container, primary, sent, drafts, model } = renderQuestion();
  const radios = screen.getAllByRole('radio') as HTMLInputElement[];
  expect(radios.map(radio => radio.checked)).toEqual([false, false, false]);
  expect(primary().textContent).toBe('Continue');
  expect(primary().getAttribute('aria-disabled')).toBe('true');
  fireEvent.click(primary());
  expect(sent).toEqual([]);
  const text = container.textContent!;
  for (const part of ['In doubt', 'amount = 12.50', 'refunds/1/step-3', 'pay(12.50) is called again.']) {
    expect(text).toContain(part);
  }
  expect(text).toContain('Choose what happened first; no key decides this');
  expect(screen.queryByText('Approve')).toBeNull();
  // The answer is not shared before it is given.
  expect(model.draft).toBeNull();
  expect(drafts).toBeDefined();
});

test.each([
  ['Yes, it happened', 'Continue as if it happened', { happened: true }],
  ['No, it did not happen', 'Call pay(12.50) again', { happened: false }],
  ['Stop the run instead', 'Stop the run', { happened: 'stop' }]
])('%s: the button says what follows, and that is decided', async (name, button, value) => {
  const { primary, sent } = renderQuestion();
  fireEvent.click(screen.getByRole('radio', { name: new RegExp(name) }));
  expect(primary().textContent).toBe(button);
  await act(async () => fireEvent.click(primary()));
  expect(sent).toEqual([{ action: 'edit', value, reason: undefined, drafted: undefined }]);
});

test('a result is sent as the step returns it, and what does not fit is said', async () => {
  const schema = { then: { properties: { result: { type: 'string' } } } };
  const { primary, sent, refuse } = renderQuestion({ schema });
  fireEvent.click(screen.getByRole('radio', { name: /Yes/ }));
  fireEvent.change(screen.getByLabelText(/What did it return/), { target: { value: ' 88213 ' } });
  refuse(
    new ApiError(422, 'InvalidEdit', 'it does not fit', { fields: { result: 'must be shorter' } } as never)
  );
  await act(async () => fireEvent.click(primary()));
  expect(sent).toMatchObject([{ value: { happened: true, result: '88213' } }]);
  expect(screen.getByText('result: must be shorter')).toBeTruthy();
});

test('its keys are those that decide nothing', () => {
  const commandTargets = new CommandTargets();
  const { container } = renderQuestion({ comments: [] }, { commandTargets });
  container.querySelector<HTMLElement>('article')!.focus();
  const run = (verb: string): void => act(() => void commandTargets.find(`hitl-nb:${verb}`, {})?.execute({}));
  run('edit-value');
  expect(document.activeElement).toBe(screen.getAllByRole('radio')[0]);
  expect((document.activeElement as HTMLInputElement).checked).toBe(false);
  run('comment-proposal');
  expect(document.activeElement).toBe(screen.getByLabelText('Your comment'));
  run('show-keys');
  screen.getByRole('dialog', { name: 'Keys of the card and the inbox' });
  expect(commandTargets.find('hitl-nb:approve-proposal', {})).toBeUndefined();
});

test('without a connection it says so, and deciding waits', async () => {
  jest.useFakeTimers();
  const { host, primary, sent, container, model } = renderQuestion();
  const reconnect = jest.fn();
  fireEvent.click(screen.getByRole('radio', { name: /^No/ }));
  Object.assign(host.feed, { lost: true, reconnect });
  act(() => (model.changed as Signal<IProposalModel, void>).emit());
  act(() => jest.advanceTimersByTime(699));
  expect(container.querySelector('.jp-hitl-state')!.textContent).toBe('In doubt');
  act(() => jest.advanceTimersByTime(1));
  expect(container.querySelector('.jp-hitl-state')!.textContent).toBe('Not connected');
  expect(primary().getAttribute('aria-disabled')).toBe('true');
  screen.getByText('Deciding waits for the connection.');
  fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
  expect(reconnect).toHaveBeenCalledTimes(1);
  fireEvent.click(primary());
  expect(sent).toEqual([]);
  jest.useRealTimers();
});

test.each([
  ['5', null, 5],
  ['"5"', null, '5'],
  ['{"a": 1}', null, { a: 1 }],
  ['r-88213', null, 'r-88213'],
  ['88213', { then: { properties: { result: { type: 'string' } } } }, '88213'],
  ['88213', { then: { properties: { result: { type: 'integer' } } } }, 88213]
])('%s is read as a result', (text, schema, value) => {
  expect(parseResult(text, schema)).toEqual(value);
});

test('what was found out is said afterwards', () => {
  const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;
  const decision = { action: 'edit', reviewer: 'ada', decided_at: '2026-05-01T12:05:00Z', authn: 'login' };
  const stateOf = (value: unknown): string =>
    decisionWord({ ...question, id: 'p', status: 'decided', decision: { ...decision, value } } as never, host)
      .text;
  expect(stateOf({ happened: true, result: 1 })).toBe('It happened');
  expect(stateOf({ happened: false })).toBe('It did not happen');
  expect(stateOf({ happened: 'stop' })).toBe('Run stopped');
});

test('in the inbox no key decides it and nothing selects it', () => {
  const row = (id: string, over: object): IProposalSummary =>
    ({
      ...{
        id,
        title: id,
        kind: 'json',
        agent: 'a',
        notebook: 'n',
        path: null,
        created_at: '2026-05-01T12:00:00Z'
      },
      ...{ deadline: null, assignee: null, allow: ['edit'], reasons: [], summary: '', ...over }
    }) as unknown as IProposalSummary;
  const rows = [row('a', {}), row('b', { doubt })];
  const model = Object.create(InboxModel.prototype) as InboxModel;
  const said: string[] = [];
  const stands = { shown: rows, _selected: new Set(['b']), _deciding: false, deciding: false };
  for (const [name, value] of Object.entries(stands)) {
    Object.defineProperty(model, name, { value, writable: true });
  }
  Object.defineProperty(model, 'currentProposal', { value: rows[1] });
  Object.defineProperty(model, '_onAction', { value: () => undefined });
  Object.defineProperty(model, 'showProblem', { value: (text: string) => said.push(text) });
  expect(model.selection).toEqual([]);
  model.selectAll(true);
  expect(model.selection.map(p => p.id)).toEqual(['a']);
  model.selectAll(false);
  model.toggle('b');
  expect(model.selected).toBe(0);
  const host = { trans: nullTranslator.load('hitl_nb'), status: null, readOnly: null } as unknown as IHost;
  askConfirmation(model, host, 'approve');
  expect(said).toEqual(['No key decides whether an effect happened: open it, and say what you found out.']);
});
