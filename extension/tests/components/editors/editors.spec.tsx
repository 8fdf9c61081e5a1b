import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import type { IProposal, Json } from '../../../src/api/types';
import { ChoiceEditor } from '../../../src/components/editors/choice';
import { FormEditor } from '../../../src/components/editors/form';
import { PlanEditor } from '../../../src/components/editors/plan';
import { parseCell } from '../../../src/components/editors/table/cell';
import type { IEditorProps } from '../../../src/components/editors/props';
import type { IHost } from '../../../src/components/host';

const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;

function props(value: Json, proposal: Partial<IProposal> = {}): IEditorProps & { edits: Json[] } {
  const edits: Json[] = [];
  return {
    proposal: proposal as IProposal,
    value,
    draft: null,
    fields: {},
    readOnly: false,
    host,
    onEdit: made => edits.push(made),
    onUnfinished: () => undefined,
    edits
  };
}

test('steps of a plan are changed, moved, removed and added', () => {
  const plan = props(['look', 'ask']);
  render(<PlanEditor {...plan} />);
  fireEvent.change(screen.getByLabelText('Step 1'), { target: { value: 'see' } });
  fireEvent.click(screen.getByLabelText('Move step 2 up'));
  fireEvent.click(screen.getByLabelText('Remove step 1'));
  fireEvent.click(screen.getByText('Add a step'));
  expect(plan.edits).toEqual([['see', 'ask'], ['ask', 'look'], ['ask'], ['look', 'ask', '']]);
});

test('an added step has the focus, so that what is typed next is its text', () => {
  function Plan(): JSX.Element {
    const [value, setValue] = useState<Json[]>(['look', 'ask']);
    return <PlanEditor {...props(value)} onEdit={made => setValue(made as Json[])} />;
  }
  render(<Plan />);
  fireEvent.click(screen.getByText('Add a step'));
  expect(document.activeElement).toBe(screen.getByLabelText('Step 3'));
});

test('a step that is an object is a form, and what is no JSON yet moves with its step', () => {
  const told: string[] = [];
  let plan: Json[] = [{ tool: 'refund', lines: [1] }, 'write'];
  function Plan(): JSX.Element {
    const [value, setValue] = useState(plan);
    plan = value;
    return (
      <PlanEditor
        {...props(value)}
        onEdit={made => setValue(made as Json[])}
        onUnfinished={text => told.push(text)}
      />
    );
  }
  render(<Plan />);
  fireEvent.change(screen.getByLabelText('lines'), { target: { value: '[1,' } });
  expect(told).toHaveLength(1);
  fireEvent.change(screen.getByLabelText('tool'), { target: { value: 'pay' } });
  fireEvent.click(screen.getByLabelText('Move step 1 down'));
  expect(plan).toEqual(['write', { tool: 'pay', lines: [1] }]);
  expect(told[2]).toMatch(/^\[\n"write",\n\{\n.*"pay",\n.*"lines": \[1,\n\}\n\]$/);
  expect(screen.getByLabelText('lines')).toHaveProperty('value', '[1,');
  fireEvent.change(screen.getByLabelText('lines'), { target: { value: '[2]' } });
  expect(plan).toEqual(['write', { tool: 'pay', lines: [2] }]);
  expect(told).toHaveLength(3);
});

test('a choice gives the option itself, and hidden characters are spelled out', () => {
  const choice = props('a', { options: ['a', 7, 'b\u202e'] });
  render(<ChoiceEditor {...choice} />);
  fireEvent.click(screen.getByLabelText('7'));
  expect(choice.edits).toEqual([7]);
  expect(screen.getByLabelText('b⟨U+202E⟩')).toBeTruthy();
});

test('a form has one control a field, by its type, with the message at the field', () => {
  const edits: Json[] = [];
  const value = { order: '5678', amount: 12.5, urgent: false };
  render(
    <FormEditor
      value={value}
      proposed={value}
      schema={{ properties: { amount: { title: 'Amount', description: 'in EUR' } } }}
      fields={{ order: 'is unknown' }}
      readOnly={false}
      onEdit={made => edits.push(made)}
    />
  );
  fireEvent.change(screen.getByLabelText('Amount'), { target: { value: '9' } });
  fireEvent.click(screen.getByLabelText('urgent'));
  expect(edits).toEqual([
    { ...value, amount: 9 },
    { ...value, urgent: true }
  ]);
  expect(screen.getByText('is unknown')).toBeTruthy();
  expect(screen.getByText('in EUR')).toBeTruthy();
});

test('what an agent wrote stays text', () => {
  const text = '<img src=x onerror=alert(1)>';
  const { container } = render(<ChoiceEditor {...props(text, { options: [text] })} />);
  expect(container.querySelector('img')).toBeNull();
  expect(screen.getByText(text)).toBeTruthy();
});

test.each([
  ['integer', '12', 12],
  ['integer', 'twelve', 'twelve'],
  ['boolean', 'true', true],
  ['boolean', 'No', false],
  ['boolean', 'maybe', 'maybe'],
  ['string', '12', '12'],
  ['string', '', null],
  ['date', '2026-01-31', '2026-01-31']
])('in a column of type %s the text %j means %j', (type, text, cell) => {
  expect(parseCell({ name: 'x', type }, text, host)).toEqual(cell);
});
