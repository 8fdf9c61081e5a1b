import { nullTranslator } from '@jupyterlab/translation';
import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { act } from 'react';
import type { IRun } from '../../../src/api/types';
import { confirmCancel, confirmRestart, confirmUnsignedSource } from '../../../src/components/runs/questions';

const trans = nullTranslator.load('hitl_nb');
const RUN = { agent: 'refunds\u202e', open: 2, status: 'waiting' } as IRun;

/** Ask, answer with the button of this name, and return what came of it. */
async function answer(ask: () => Promise<boolean>, button: string): Promise<[string, boolean]> {
  let asked!: Promise<boolean>;
  await act(async () => {
    asked = ask();
  });
  const text = screen.getByRole('dialog').textContent ?? '';
  await userEvent.click(screen.getByRole('button', { name: button }));
  expect(screen.queryByRole('dialog')).toBeNull();
  return [text, await asked];
}

test('before a run is cancelled it is said what is kept and what runs again', async () => {
  const [text, agreed] = await answer(() => confirmCancel(RUN, trans), 'Cancel the run');
  expect(text).toContain('Cancel the run of “refunds⟨U+202E⟩”?');
  expect(text).toContain('Its 2 open questions are withdrawn.');
  expect(text).toContain('Kept: its record');
  expect(text).toContain('Runs again: nothing');
  expect(agreed).toBe(true);
});

test('the first button keeps everything', async () => {
  let asked!: Promise<boolean>;
  await act(async () => {
    asked = confirmCancel(RUN, trans);
  });
  expect(document.activeElement?.textContent).toBe('Keep the run');
  await userEvent.keyboard('{Enter}');
  expect(await asked).toBe(false);
});

test.each([
  ['waiting', true],
  ['finished', false]
])('before a %s run is started over', async (status, cancels) => {
  const ask = (): Promise<boolean> => confirmRestart({ ...RUN, status } as IRun, trans);
  const [text, agreed] = await answer(ask, 'Leave it as it is');
  expect(text).toContain('All steps are called again');
  expect(text.includes('is cancelled first')).toBe(cancels);
  expect(agreed).toBe(false);
});

test('a source that the own key has not signed is shown, with its hidden characters', async () => {
  const ask = (): Promise<boolean> => confirmUnsignedSource('%%agent a\npay(\u202e1)', trans);
  const [text, agreed] = await answer(ask, 'Put the cell back');
  expect(text).toContain('%%agent a\npay(⟨U+202E⟩1)');
  expect(agreed).toBe(true);
});
