import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import type { IProposal, Json, JsonObject } from '../../../src/api/types';
import { ValueEditor } from '../../../src/components/editors/registry';
import type { IHost } from '../../../src/components/host';

// The whole package needs a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;

/** Render the editor of a value as it was proposed, with its value now. `value` returns the edited value. */
function show(
  kind: string,
  proposed: Json,
  now: Json,
  over: { schema?: JsonObject; options?: Json[]; readOnly?: boolean } = {}
): { value: () => Json; container: HTMLElement; unfinished: string[] } {
  const { readOnly = false, ...rest } = over;
  const proposal = { id: 'p', kind, value: proposed, schema: null, ...rest } as unknown as IProposal;
  let value = now;
  const unfinished: string[] = [];
  function Page(): JSX.Element {
    const [shown, setShown] = useState(now);
    value = shown;
    return (
      <ValueEditor
        proposal={proposal}
        value={shown}
        draft={null}
        fields={{}}
        readOnly={readOnly}
        host={host}
        onEdit={setShown}
        onUnfinished={text => unfinished.push(text)}
      />
    );
  }
  const { container } = render(<Page />);
  return { value: () => value, container, unfinished };
}

test('a changed field says what it was, and Take back restores this field alone', () => {
  const schema = { properties: { amount: { title: 'Amount', description: 'in EUR' } } };
  const shown = show(
    'json',
    { order: 'A', amount: 1299, to: { zip: 1 } },
    { order: 'A', amount: 1299, to: { zip: 2 } },
    { schema }
  );
  const changedNames = (): (string | null)[] =>
    [...shown.container.querySelectorAll('.jp-mod-changed > label')].map(one => one.textContent);
  expect(changedNames()).toEqual(['zip']);
  fireEvent.change(screen.getByLabelText('Amount'), { target: { value: '1199' } });
  expect(changedNames()).toEqual(['Amount', 'zip']);
  const was = shown.container.querySelector('.jp-mod-changed .jp-hitl-was')!;
  expect(was.textContent).toBe(`was removed: ${(1299).toLocaleString()}Take back`);
  expect(screen.getByText('in EUR')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Take back: Amount' }));
  expect(shown.value()).toEqual({ order: 'A', amount: 1299, to: { zip: 2 } });
  fireEvent.click(screen.getByRole('button', { name: 'Take back: zip' }));
  expect(shown.value()).toEqual({ order: 'A', amount: 1299, to: { zip: 1 } });
  expect(changedNames()).toEqual([]);
});

test('a field that was added goes, one that was removed comes back', () => {
  const shown = show('json', { a: 1, b: 2 }, { a: 1, c: 3 });
  fireEvent.click(screen.getByRole('button', { name: 'Take back: c' }));
  expect(shown.value()).toEqual({ a: 1 });
  fireEvent.click(screen.getByRole('button', { name: 'Take back: b' }));
  expect(shown.value()).toEqual({ a: 1, b: 2 });
});

test('typed text that is not JSON goes with the change', () => {
  const shown = show('json', { tags: [1] }, { tags: [1, 2] });
  fireEvent.change(screen.getByLabelText('tags'), { target: { value: '[1,' } });
  expect(shown.unfinished).toHaveLength(1);
  fireEvent.click(screen.getByRole('button', { name: 'Take back: tags' }));
  expect(screen.getByLabelText('tags')).toHaveProperty('value', '[\n  1\n]');
  expect(shown.value()).toEqual({ tags: [1] });
});

test('the arguments of a tool call, a long one by word', () => {
  const before = 'Dear Ann,\nwe refund 12 EUR.';
  const shown = show(
    'tool_call',
    { name: 'mail', arguments: { to: 'all', body: before } },
    { name: 'mail', arguments: { to: 'me', body: 'Dear Ann,\nwe refund 13 EUR.' } }
  );
  expect([...shown.container.querySelectorAll('.jp-hitl-was')].map(one => one.textContent)).toEqual([
    'was removed: allTake back',
    'Dear Ann,\nwe refund removed: 12added: 13 EUR.Take back'
  ]);
  fireEvent.click(screen.getByRole('button', { name: 'Take back: body' }));
  expect(shown.value()).toEqual({ name: 'mail', arguments: { to: 'me', body: before } });
});

test('where nothing can be edited, nothing can be taken back', () => {
  const shown = show('json', { a: 1 }, { a: 2 }, { readOnly: true });
  expect(shown.container.querySelector('.jp-hitl-was')!.textContent).toBe('was removed: 1');
  expect(screen.queryByRole('button')).toBeNull();
});

test('a choice names the agent’s one and the one that replaces it', () => {
  const shown = show('choice', 'Rotterdam', 'Rotterdam', { options: ['Rotterdam', 'Leipzig'] });
  const texts = (): (string | null)[] =>
    [...shown.container.querySelectorAll('.jp-hitl-option')].map(one => one.textContent);
  expect(texts()).toEqual(['Rotterdamthe agent’s choice', 'Leipzig']);
  fireEvent.click(screen.getByLabelText('Leipzig'));
  expect(texts()).toEqual(['Rotterdamthe agent’s choice', 'Leipzigchosen instead']);
});

test('a plan: a removed step stays, struck, and is put back where it was', () => {
  const shown = show('plan', ['back up', 'vacuum', 'reindex'], ['back up', 'vacuum', 'reindex']);
  const rows = (): (string | undefined)[] =>
    [...shown.container.querySelectorAll('li')].map(row => {
      const input = row.querySelector('input');
      return `${row.querySelector('b')!.textContent}|${input?.value ?? row.querySelector('del')!.textContent}`;
    });
  fireEvent.click(screen.getByLabelText('Remove step 2'));
  expect(shown.value()).toEqual(['back up', 'reindex']);
  expect(rows()).toEqual(['|back up', '−removed|vacuum', '|reindex']);
  fireEvent.change(screen.getByLabelText('Step 2'), { target: { value: 'reindex all' } });
  fireEvent.click(screen.getByText('Add a step'));
  fireEvent.change(screen.getByLabelText('Step 3'), { target: { value: 'tell' } });
  expect(rows()).toEqual(['|back up', '−removed|vacuum', '~changed|reindex all', '+added|tell']);
  fireEvent.click(screen.getByLabelText('Put back: vacuum'));
  expect(shown.value()).toEqual(['back up', 'vacuum', 'reindex all', 'tell']);
  fireEvent.click(screen.getByRole('button', { name: 'Take back: Step 3' }));
  expect(shown.value()).toEqual(['back up', 'vacuum', 'reindex', 'tell']);
});
