import { act, fireEvent, screen } from '@testing-library/react';
import * as Y from 'yjs';
import { Client } from '../../../src/api/client';
import type { IProposal, IDraftUpdate } from '../../../src/api/types';
import { card } from '../../bound';

jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** The server's log of one document, in pages of two updates. */
class Log {
  entries: IDraftUpdate[] = [];
  calls = 0;
  refusal = '';
  doc = new Y.Doc();

  write(by: string, by_name: string, work: (doc: Y.Doc) => void): void {
    const onUpdate = (update: Uint8Array): void => {
      const n = this.entries.length + 1;
      const at = `2026-01-31T10:00:0${n}Z`;
      this.entries.push({ n, at, by, by_name, update: btoa(String.fromCharCode(...update)) });
    };
    this.doc.on('update', onUpdate);
    this.doc.transact(() => work(this.doc));
    this.doc.off('update', onUpdate);
  }

  answer(path: string): { status: number; body: unknown } {
    this.calls++;
    if (this.refusal) {
      return { status: 503, body: { error: 'StoreError', message: this.refusal } };
    }
    const after = Number(new URLSearchParams(path.split('?')[1]).get('after'));
    const entries = this.entries.slice(after, after + 2);
    return { status: 200, body: { entries, next: entries.length === 2 ? after + 2 : null } };
  }
}

function renderCard(log: Log, over: Partial<IProposal> = {}) {
  const client = new Client(async path => {
    const { status, body } = path.includes('/history') ? log.answer(path) : { status: 200, body: {} };
    return { ok: status === 200, status, json: async () => body } as Response;
  });
  const { model, container, drafts } = card(client, { agent: 'writer\u202e', ...over });
  const doc = drafts.docs.get('p');
  return { model, container, doc };
}

/** Make the log of a letter that the agent wrote, and that Ann and Bo edited. */
function letter(): Log {
  const log = new Log();
  log.write('', '', doc => doc.getText('source').insert(0, 'Dear Ann'));
  log.write('ann', 'Ann Lee', doc => doc.getText('source').insert(5, 'old '));
  log.write('bo', 'Bo\u202e', doc => doc.getText('source').delete(0, 5));
  log.write('bo', 'Bo\u202e', doc => doc.getText('source').insert(7, '\u200b!'));
  return log;
}

async function press(name: string): Promise<void> {
  await act(async () => fireEvent.click(screen.getByRole('button', { name })));
  await act(async () => void jest.advanceTimersByTime(0));
}

async function move(place: number): Promise<void> {
  await act(async () => fireEvent.change(screen.getByLabelText('Moment'), { target: { value: place } }));
}

function text(): string {
  return [...screen.getByLabelText('Text of this version').querySelectorAll('.cm-line')]
    .map(one => one.textContent)
    .join('\n');
}

/** List the parts of the text with the names of their authors. */
function coloredParts(root: Element): [string, string][] {
  return [...root.querySelectorAll<HTMLElement>('.cm-content .jp-hitl-author')].map(one => [
    one.textContent!,
    one.title
  ]);
}

test('nothing is asked for before somebody wants to see it', async () => {
  const log = letter();
  renderCard(log);
  expect(log.calls).toBe(0);
  await press('History');
  expect(log.calls).toBe(3);
});

test('the slider leads from empty to the end; who and when is said', async () => {
  const { container } = renderCard(letter());
  await press('History');
  const slider = screen.getByLabelText<HTMLInputElement>('Moment');
  expect([slider.min, slider.max, slider.value]).toEqual(['0', '4', '4']);
  expect(text()).toBe('old Ann⟨U+200B⟩!');
  const past = container.querySelector('.jp-hitl-history')!;
  expect(coloredParts(past)).toEqual([
    ['old ', 'Ann Lee'],
    ['Ann', 'writer⟨U+202E⟩ (agent)'],
    ['⟨U+200B⟩!', 'Bo⟨U+202E⟩']
  ]);
  const legend = screen.getByRole('list', { name: 'Authors' });
  expect([...legend.children].map(one => one.textContent)).toEqual([
    'writer⟨U+202E⟩ (agent)',
    'You',
    'Bo⟨U+202E⟩'
  ]);
  const colors = [...legend.children].map(one =>
    (one as HTMLElement).style.getPropertyValue('--hitl-person')
  );
  expect(new Set(colors).size).toBe(3);
  expect(slider.getAttribute('aria-valuetext')).toMatch(/^Change 4 of 4: Bo⟨U\+202E⟩, .*2026/);
  await move(2);
  expect(text()).toBe('Dear old Ann');
  expect(screen.getByText(/^Change 2 of 4: You, /)).toBeTruthy();
  await move(1);
  expect([text(), screen.getByText('Proposed by writer⟨U+202E⟩ (agent)') !== null]).toEqual([
    'Dear Ann',
    true
  ]);
  await move(0);
  expect(text()).toBe('');
  expect(slider.getAttribute('aria-valuetext')).toBe('Empty: before anything was written');
  await press('History');
  expect(container.querySelector('.jp-hitl-history')).toBeNull();
});

test('who looks at the end stays at the end; who looks back stays there', async () => {
  const log = letter();
  const { doc } = renderCard(log);
  await press('History');
  log.write('ann', 'Ann Lee', one => one.getText('source').insert(0, 'My '));
  await act(async () => doc!.getText('source').insert(0, 'My '));
  await act(async () => void jest.advanceTimersByTime(1500));
  expect(text()).toBe('My old Ann⟨U+200B⟩!');
  await move(2);
  log.write('ann', 'Ann Lee', one => one.getText('source').insert(0, '- '));
  await act(async () => doc!.getText('source').insert(0, '- '));
  await act(async () => void jest.advanceTimersByTime(1500));
  expect([text(), screen.getByLabelText<HTMLInputElement>('Moment').max]).toEqual(['Dear old Ann', '6']);
});

test('of a decided proposal there is the history too', async () => {
  renderCard(letter(), { status: 'superseded' });
  fireEvent.click(screen.getByRole('button', { name: 'Show the details' }));
  expect(screen.queryByRole('button', { name: 'Colour by author' })).toBeNull();
  await press('History');
  expect(text()).toBe('old Ann⟨U+200B⟩!');
});

test('without any update it is what was proposed', async () => {
  renderCard(new Log(), { status: 'superseded' });
  fireEvent.click(screen.getByRole('button', { name: 'Show the details' }));
  await press('History');
  expect([text(), screen.queryByLabelText('Moment')]).toEqual(['Dear Ann', null]);
  expect(screen.getByText(/Nobody has opened it yet/)).toBeTruthy();
});

test('what cannot be read says why', async () => {
  const log = letter();
  log.refusal = 'the store cannot be used\u202e';
  renderCard(log);
  await press('History');
  expect(screen.getByRole('alert').textContent).toBe('the store cannot be used⟨U+202E⟩');
});

test('a log that is damaged says so, and the card stays', async () => {
  const log = letter();
  log.entries[1].update = btoa('\xff\xff\xff');
  renderCard(log);
  await press('History');
  expect(screen.getByRole('alert')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Approve' })).toBeTruthy();
});

test('values are shown as JSON, and tables as rows, without colours', async () => {
  const log = new Log();
  log.write('', '', doc => doc.getMap('value').set('v', new Y.Map([['amount', '1']])));
  log.write('ann', 'Ann Lee', doc => (doc.getMap('value').get('v') as Y.Map<string>).set('amount', '2'));
  log.write('ann', 'Ann Lee', doc => doc.getMap('typed').set('unfinished', '{"amount": '));
  const { container } = renderCard(log, { kind: 'json', value: { amount: 1 } });
  await press('History');
  expect(text()).toBe('{"amount": ');
  await move(2);
  expect(text()).toBe('{\n  "amount": 2\n}');
  expect(screen.getByText(/^Change 2 of 3: You, /)).toBeTruthy();
  expect([coloredParts(container), screen.queryByRole('list', { name: 'Authors' })]).toEqual([[], null]);
});

test('a table at a moment', async () => {
  const log = new Log();
  log.write('ann', 'Ann Lee', doc => doc.getMap('cells').set('1/0', '"x\\u202e"'));
  const columns = [
    { name: 'item', type: 'string' },
    { name: 'price', type: 'number' }
  ];
  const rows = [
    ['a', 1],
    ['b', 2.5]
  ];
  renderCard(log, { kind: 'table', value: { columns, rows } as never, status: 'superseded' });
  fireEvent.click(screen.getByRole('button', { name: 'Show the details' }));
  await press('History');
  expect(text()).toBe('item | price\na | 1\nx⟨U+202E⟩ | 2.5');
});

test('a text is coloured while people write it', async () => {
  const log = letter();
  const { container, doc, model } = renderCard(log);
  await act(async () => {
    // The draft equals the log.
    doc!.transact(() => doc!.getText('source').delete(0, 8), 'server');
    Y.applyUpdate(doc!, Y.encodeStateAsUpdate(log.doc), 'server');
  });
  const editor = container.querySelector('.jp-hitl-text')!;
  expect([coloredParts(editor), log.calls]).toEqual([[], 0]);
  await press('Colour by author');
  const seen = [
    ['old ', 'Ann Lee'],
    ['Ann', 'writer⟨U+202E⟩ (agent)'],
    ['!', 'Bo⟨U+202E⟩'] // a hidden character is drawn as a separate node
  ];
  expect(coloredParts(editor)).toEqual(seen);
  expect(screen.getByRole('list', { name: 'Authors' }).children).toHaveLength(3);
  const calls = log.calls;
  // Ann types several times. The log is read once, and has all of that.
  await act(async () => {
    model.draft!.file!.updateSource(0, 0, 'a');
    model.draft!.file!.updateSource(0, 0, 'b');
  });
  await act(async () => void jest.advanceTimersByTime(1000));
  expect(log.calls).toBe(calls + 1);
  expect(coloredParts(editor)[0]).toEqual(['baold ', 'Ann Lee']);
  await press('Colour by author');
  expect(coloredParts(editor)).toEqual([]);
});
