import { act, fireEvent, screen } from '@testing-library/react';
import type { Client } from '../../../src/api/client';
import type { IDecision, IProposal, IStatus } from '../../../src/api/types';
import { card } from '../../bound';

// The whole package needs a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const NOTE = 'The last edit was not used: the guardrail tone blocks it: too harsh';
const ADA = { user: { username: 'ada', display_name: 'Ada' } } as IStatus;

/** The question as it was asked before, with the edit of Ada. */
const before = {
  ...{ id: 'p0', run: 'r', kind: 'text', value: 'Dear Ann', position: 'x', ordinal: 0, pause: 1 },
  decision: { action: 'edit', value: 'Pay now', reviewer: 'ada', known: 'login' } as IDecision
} as IProposal;

/** Show the question that is asked again. `found` is what the pause before has. */
async function askAgain(over: Partial<IProposal> = {}, found: readonly IProposal[] = [before], status = ADA) {
  const asked: unknown[][] = [];
  const client = {
    getPause: (...named: unknown[]) => {
      asked.push(named);
      return Promise.resolve({ run: {}, proposals: found });
    },
    checkEdit: () => Promise.resolve({})
  } as unknown as Client;
  const again = {
    pause: 2,
    position: 'x',
    ordinal: 0,
    path: 'a.ipynb',
    notes: [NOTE],
    allow: ['approve', 'edit']
  };
  const made = card(client, { ...again, ...over } as Partial<IProposal>, { status });
  await act(() => Promise.resolve());
  return { ...made, asked };
}

const button = (): HTMLElement | null => screen.queryByRole('button', { name: /edit again/ });

test('an edit that a guardrail refused is one press away, with the guardrail’s sentence', async () => {
  const { model, asked } = await askAgain();
  expect(screen.getByText(NOTE)).not.toBeNull();
  expect(asked).toEqual([['a.ipynb', 'writer', 1, undefined]]);
  expect(model.value).toBe('Dear Ann'); // the question is that of the agent until a person edits it
  expect(button()!.textContent).toBe('Use my edit again');
  fireEvent.click(button()!);
  expect(model.value).toBe('Pay now');
  expect(model.hasEdits).toBe(true);
  expect(button()).toBeNull();
});

test('the edit of somebody else is offered too', async () => {
  await askAgain({}, [before], { user: { username: 'bo', display_name: 'Bo' } } as IStatus);
  expect(button()!.textContent).toBe('Use this edit again');
});

test('a reason in the context is found too', async () => {
  await askAgain({ notes: [], context: { note: NOTE } });
  expect(button()).not.toBeNull();
});

test.each([
  ['no edit was refused', { notes: [] }, [before]],
  ['the agent takes no edits', { allow: ['approve', 'reject'] }, [before]],
  ['another question was edited', {}, [{ ...before, position: 'y' }]],
  ['another value was edited', {}, [{ ...before, value: 'Dear Bo' }]],
  ['the pause is of another run', {}, [{ ...before, run: 'r0' }]]
] as [string, Partial<IProposal>, IProposal[]][])('nothing is offered if %s', async (_, over, found) => {
  await askAgain(over, found);
  expect(button()).toBeNull();
});
