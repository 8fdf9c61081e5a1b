import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import type { IProposal, Json, JsonObject } from '../../../src/api/types';
import { ValueEditor } from '../../../src/components/editors/registry';
import { fitsForm } from '../../../src/components/editors/form';
import { fieldSchema } from '../../../src/api/json-schema';
import type { IHost } from '../../../src/components/host';

// The whole package needs a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const host = { trans: nullTranslator.load('hitl_nb') } as unknown as IHost;

interface IShown {
  values: Json[];
  unfinished: [string, string][];
  setValue: (value: Json) => void;
}

function show(
  value: Json,
  over: {
    schema?: JsonObject;
    fields?: { [path: string]: string };
    now?: Json;
    kind?: IProposal['kind'];
  } = {}
): IShown {
  const shown: IShown = { values: [], unfinished: [], setValue: () => undefined };
  const proposal = { id: 'p', kind: over.kind ?? 'json', value, schema: over.schema ?? null } as IProposal;
  function Page(): JSX.Element {
    const [now, setNow] = useState(over.now ?? value);
    shown.setValue = setNow;
    return (
      <ValueEditor
        proposal={proposal}
        value={now}
        draft={null}
        fields={over.fields ?? {}}
        readOnly={false}
        host={host}
        onEdit={made => {
          shown.values.push(made);
          setNow(made);
        }}
        onUnfinished={(text, why) => shown.unfinished.push([text, why])}
      />
    );
  }
  render(<Page />);
  return shown;
}

function type(label: string, text: string): void {
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
}

function last<T>(items: T[]): T {
  return items[items.length - 1];
}

test('every object with fields fits a form', () => {
  expect(fitsForm({ a: [1], b: { c: null } })).toBe(true);
  expect([{}, [], null, 'a'].map(fitsForm)).toEqual([false, false, false, false]);
});

test('objects are groups to depth 3, deeper ones JSON', () => {
  const shown = show({ a: { b: { c: { d: { e: 1 } } } }, empty: {} });
  expect(screen.getAllByRole('group').map(one => one.querySelector('legend')?.textContent)).toEqual([
    'a',
    'b',
    'c'
  ]);
  type('d', '{"e": 2}');
  expect(last(shown.values)).toEqual({ a: { b: { c: { d: { e: 2 } } } }, empty: {} });
  expect((screen.getByLabelText('empty') as HTMLTextAreaElement).value).toBe('{}');
});

test('null is an empty text where the schema allows a text', () => {
  const schema = {
    properties: { note: { anyOf: [{ type: 'string' }, { type: 'null' }], title: 'Note' }, what: {} }
  };
  const shown = show({ note: null, what: null }, { schema });
  expect((screen.getByLabelText('Note') as HTMLInputElement).value).toBe('');
  expect(screen.getByLabelText('Note').getAttribute('type')).toBe('text');
  expect(screen.getByLabelText('what').localName).toBe('textarea');
  type('Note', 'x');
  expect(last(shown.values)).toEqual({ note: 'x', what: null });
  type('Note', '');
  expect(last(shown.values)).toEqual({ note: null, what: null });
});

test('whole numbers step by one, others by any', () => {
  const schema = {
    properties: { n: { type: 'integer' }, x: { type: 'number' }, m: { type: ['integer', 'null'] } }
  };
  const shown = show({ n: 1, x: 1.5, m: null }, { schema });
  expect(screen.getByLabelText('n').getAttribute('step')).toBe('1');
  expect(screen.getByLabelText('x').getAttribute('step')).toBe('any');
  type('m', '4');
  expect(last(shown.values)).toEqual({ n: 1, x: 1.5, m: 4 });
  type('m', '');
  expect(last(shown.values)).toEqual({ n: 1, x: 1.5, m: null });
});

test('a select shows what is there, also if the schema does not name it', () => {
  const schema = { properties: { size: { enum: ['S', 'M'] }, sure: { type: ['boolean', 'null'] } } };
  const shown = show({ size: 'XL', sure: null }, { schema });
  const size = screen.getByLabelText('size') as HTMLSelectElement;
  expect(size.selectedOptions[0].textContent).toBe('XL');
  fireEvent.change(size, { target: { value: '1' } });
  fireEvent.change(screen.getByLabelText('sure'), { target: { value: '0' } });
  expect(last(shown.values)).toEqual({ size: 'M', sure: true });
});

test('what is no JSON stays as typed and keeps the form unfinished, whatever else is edited', () => {
  const shown = show({ lines: [1], name: 'a' });
  type('lines', '[1, ');
  expect((screen.getByLabelText('lines') as HTMLTextAreaElement).value).toBe('[1, ');
  expect(screen.getByText(/Not JSON/)).toBeTruthy();
  expect(last(shown.unfinished)[0]).toBe('{\n  "lines": [1, ,\n  "name": "a"\n}');
  expect(last(shown.unfinished)[1]).toMatch(/^lines: /);
  type('name', 'b');
  expect(last(shown.values)).toEqual({ lines: [1], name: 'b' });
  expect(shown.unfinished).toHaveLength(2);
  expect((screen.getByLabelText('lines') as HTMLTextAreaElement).value).toBe('[1, ');
  type('lines', '[1,   2]');
  expect(last(shown.values)).toEqual({ lines: [1, 2], name: 'b' });
  expect(shown.unfinished).toHaveLength(2);
  expect((screen.getByLabelText('lines') as HTMLTextAreaElement).value).toBe('[1,   2]');
  expect(screen.queryByText(/Not JSON/)).toBeNull();
});

test('arguments of a tool that are no JSON leave the whole call unfinished', () => {
  const shown = show({ name: 'pay', arguments: { to: ['a'] } }, { kind: 'tool_call' });
  type('to', '[');
  expect(last(shown.unfinished)[0]).toContain('"name": "pay"');
  expect(last(shown.unfinished)[0]).toContain('"to": [\n');
  type('to', '["b"]');
  expect(last(shown.values)).toEqual({ name: 'pay', arguments: { to: ['b'] } });
});

test('a text that a person has emptied says so at its field, unless the server has more to say', () => {
  const notice = /Empty now/;
  show({ name: 'Ann', note: '' });
  expect(screen.queryByText(notice)).toBeNull();
  type('name', ' ');
  expect(screen.getByText(notice).closest('.jp-hitl-field')!.textContent).toContain('name');
  const about = screen.getByLabelText('name').getAttribute('aria-describedby')!.split(' ');
  expect(about.map(id => document.getElementById(id)!.textContent).join()).toMatch(notice);
  type('name', 'Bo');
  expect(screen.queryByText(notice)).toBeNull();
});

test('the server’s messages are at their fields, and the rest is not lost', () => {
  show(
    { lines: [{ sku: 1 }], who: { name: 'a' } },
    {
      fields: { 'lines/0/sku': 'is unknown', 'who/name': 'too short', 'who/mail': 'is missing', other: 'odd' }
    }
  );
  expect(screen.getByText('0/sku: is unknown')).toBeTruthy();
  expect(screen.getByText('too short')).toBeTruthy();
  expect(screen.getByText('who/mail: is missing')).toBeTruthy();
  expect(screen.getByText('other: odd')).toBeTruthy();
});

test('fields that the agent did not propose, or that are gone, are shown', () => {
  show({ a: 'x', gone: 'y' }, { now: { a: 'x', more: 'z' } });
  expect((screen.getByLabelText('more') as HTMLTextAreaElement).value).toBe('"z"');
  expect(screen.getByLabelText('gone').getAttribute('placeholder')).toBe('not there');
});

test('names that every object inherits are names like others', () => {
  const value = JSON.parse('{"constructor": "a", "__proto__": "b"}') as JsonObject;
  const shown = show(value, { schema: { properties: {} } });
  type('__proto__', 'c');
  expect(JSON.stringify(last(shown.values))).toBe('{"constructor":"a","__proto__":"c"}');
});

test('hidden characters in a field are spelled out beside it', () => {
  show({ to: 'ada\u202e' });
  expect(screen.getByText('ada⟨U+202E⟩')).toBeTruthy();
});

test('a JSON field follows a value from elsewhere', () => {
  const shown = show({ lines: [1] });
  type('lines', '[2]');
  act(() => shown.setValue({ lines: [3] }));
  expect((screen.getByLabelText('lines') as HTMLTextAreaElement).value).toBe('[\n  3\n]');
});

test('references are followed inside the schema and nowhere else', () => {
  const root: JsonObject = {
    $defs: {
      'a/b': { type: 'integer', description: 'inner', title: 'Inner' },
      loop: { $ref: '#/$defs/loop' },
      who: { type: 'object', properties: { age: { $ref: '#/$defs/a~1b' } } }
    }
  };
  const found = fieldSchema({ $ref: '#/$defs/a~1b', title: 'Outer' }, root);
  expect([found.types, found.title, found.about, found.nullable]).toEqual([
    ['integer'],
    'Outer',
    'inner',
    false
  ]);
  expect(fieldSchema({ anyOf: [{ $ref: '#/$defs/a~1b' }, { type: 'null' }] }, root)).toMatchObject({
    types: ['integer'],
    nullable: true
  });
  expect(fieldSchema({ $ref: '#/$defs/loop' }, root).types).toEqual([]);
  expect(fieldSchema({ $ref: 'https://evil.example/schema' }, root).types).toEqual([]);
  expect(fieldSchema({ $ref: '#/constructor' }, root).types).toEqual([]);
  show({ who: { age: 1 } }, { schema: { ...root, properties: { who: { $ref: '#/$defs/who' } } } });
  expect(screen.getByLabelText('Inner').getAttribute('step')).toBe('1');
});
