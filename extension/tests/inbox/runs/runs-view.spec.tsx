import { fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import axe from 'axe-core';
import type { IRunRow, ITimelineEntry } from '../../../src/api/types';
import type { IHost, IRunActions } from '../../../src/components/host';
import { RunsView } from '../../../src/inbox/runs/runs-view';
import { Answers, makeEntry, makeOffice, makeRun, RawAnswer } from '../overview/office';

const COMPLETE = { ok: true, events: 31, problem: null, differs: [] };

function entries(): ITimelineEntry[] {
  const passed = { actor: 'the policy small', detail: { action: 'approve', by: 'policy' } };
  return [
    makeEntry('opened', 0, { actor: 'kernel-1' }),
    makeEntry('working', 0, { until: makeEntry('step', 3).at, seconds: 3 }),
    makeEntry('policy', 1, { ...passed, titles: ['Refund 1'], what: 'passed by policy: Refund 1 (small)' }),
    makeEntry('policy', 2, { ...passed, titles: ['Refund 2'], what: 'passed by policy: Refund 2 (small)' }),
    makeEntry('paused', 3),
    makeEntry('waiting', 3, {
      ...{ until: makeEntry('step', 483).at, seconds: 480, titles: ['Refund \u202e40215'] },
      what: 'waiting: Refund 40215'
    }),
    makeEntry('decision', 483, {
      ...{ actor: 'Ada (ada), logged in', titles: ['Refund 40215'], what: 'edit: Refund 40215' },
      detail: { action: 'edit', by: 'person', reason: 'They keep the charger' }
    }),
    makeEntry('step', 484, { what: 'send_refund()', until: makeEntry('step', 485).at, seconds: 0.4 }),
    makeEntry('finished', 486)
  ];
}

async function show(runs: IRunRow[], answers: Answers = {}, over: Partial<IHost> = {}) {
  const office = makeOffice(
    {
      'GET runs': { runs, next: null },
      'GET runs/r1/timeline': { run: runs[0], entries: entries() },
      'GET runs/r1/verify': COMPLETE,
      ...answers
    },
    over
  );
  const { container } = render(<RunsView host={office.host} wide />);
  await screen.findByRole('table', { name: 'Runs' });
  return { ...office, container };
}

const lines = (): string[] =>
  [...document.querySelectorAll('.jp-hitl-entry-text')].map(node => node.textContent!.trim());

test('a row has the state, the place, what was decided by people and by a policy, and when it changed', async () => {
  const decided = { asked: 4, people: 4, policy: 5, deadline: 0, changed: 1 };
  await show([
    makeRun({ decided, updated_at: new Date(Date.now() - 125_000).toISOString() }),
    makeRun({ id: 'r2', agent: 'step', state: 'in_doubt', status: 'running', where: 'pay(12.5)' }),
    makeRun({
      ...{ id: 'r3', agent: 'emails', state: 'waiting', status: 'waiting', open: 63, waits_for: 'Reply' },
      decided: { asked: 64, people: 1, script: 2, policy: 0, deadline: 0, changed: 0 }
    }),
    makeRun({ id: 'r4', agent: 'cleanup', state: 'interrupted', status: 'running', where: 'drop()' }),
    makeRun({ id: 'r5', agent: 'report', state: 'failed', status: 'failed', error: "KeyError: 'mass'" }),
    makeRun({ id: 'r6', agent: 'lost', state: 'orphaned', status: 'ready', gone: 'cell' })
  ]);
  const rows = within(screen.getByRole('table', { name: 'Runs' }))
    .getAllByRole('row')
    .slice(1)
    .map(row =>
      within(row)
        .getAllByRole('cell')
        .map(cell => cell.textContent)
    );
  expect(rows[0]).toEqual(['Finished', 'refundsrefunds.ipynb · run 1', '4 + 5', '2 min ago']);
  expect(rows[1].slice(0, 2)).toEqual(['In doubt', 'steprefunds.ipynb · stopped in pay(12.5)']);
  expect(rows[2].slice(0, 3)).toEqual(['Waiting', 'emailsrefunds.ipynb · 63 proposals', '3 of 64']);
  expect(rows[3].slice(0, 2)).toEqual([
    'Interrupted',
    'cleanuprefunds.ipynb · the kernel is gone; continues at “drop()”'
  ]);
  expect(rows[4][1]).toBe("reportrefunds.ipynb · KeyError: 'mass'");
  expect(rows[5][0]).toBe('Cell is gone');
  expect(
    screen.getByTitle('4 decided by people, 5 passed by policy, 1 value changed by people')
  ).not.toBeNull();
  expect(screen.getByTitle('1 decided by people, 2 decided by a script')).not.toBeNull();
});

test('the parts of a row have names for the style, and roles that a row of two lines keeps', async () => {
  await show([makeRun()]);
  const [, row] = within(screen.getByRole('table', { name: 'Runs' })).getAllByRole('row');
  const cells = [...row.children] as HTMLElement[];
  expect(cells.map(cell => cell.dataset.column)).toEqual(['state', 'run', 'decided', 'changed']);
  expect([row, ...cells].map(part => part.getAttribute('role'))).toEqual(['row', ...Array(4).fill('cell')]);
  expect(screen.getByTitle('refunds.ipynb · run 1').textContent).toBe('refunds.ipynb · run 1');
});

test('the end of a cancelled run says who cancelled it, and why', async () => {
  const run = makeRun({ state: 'cancelled', status: 'cancelled' });
  const error = 'the program ended before it used the decision';
  const end = makeEntry('cancelled', 4, { actor: 'program (pid 7)', detail: { error, superseded: [] } });
  await show([run], { 'GET runs/r1/timeline': { run, entries: [end] } });
  expect(await screen.findByText(`program (pid 7) · ${error}`)).not.toBeNull();
});

test('axe finds nothing wrong', async () => {
  const { container } = await show([makeRun(), makeRun({ id: 'r2', state: 'in_doubt' })]);
  await screen.findByText('log complete, 31 events');
  const found = await axe.run(container, { rules: { 'color-contrast': { enabled: false } } });
  expect(found.violations).toEqual([]);
});

test('state and time are asked of the server, and so are the words', async () => {
  const { asked } = await show([makeRun()]);
  fireEvent.change(screen.getByRole('combobox', { name: 'State' }), { target: { value: 'in_doubt' } });
  fireEvent.change(screen.getByRole('combobox', { name: 'When' }), { target: { value: '24' } });
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'mass' } });
  await waitFor(() =>
    expect(asked.some(one => /^runs\?state=in_doubt&since=20.*&q=mass/.test(one.path))).toBe(true)
  );
});

test('the detail has lanes, the line of the log, and the timeline in words', async () => {
  const { container } = await show([makeRun()]);
  expect(await screen.findByText('log complete, 31 events')).not.toBeNull();
  expect([...container.querySelectorAll<HTMLElement>('[data-lane]')].map(one => one.dataset.lane)).toEqual([
    ...['working', 'waiting', 'steps', 'policy']
  ]);
  expect(container.querySelector('.jp-hitl-timeline')!.textContent).toContain('refunds.ipynb · run 1 of ');
  expect(lines()).toEqual([
    'Began',
    'Worked 3 s',
    '2 passed by policy',
    'Waited 8 min for Refund ⟨U+202E⟩40215',
    'Approved with edits Refund 40215',
    'send_refund()',
    'Finished'
  ]);
  expect(screen.getByText('Ada (ada), logged in · “They keep the charger”')).not.toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Steps' }));
  expect(lines()).toEqual(['Worked 3 s', 'send_refund()']);
  fireEvent.click(screen.getByRole('button', { name: 'Decisions' }));
  expect(lines()).toEqual([
    ...['2 passed by policy', 'Waited 8 min for Refund ⟨U+202E⟩40215', 'Approved with edits Refund 40215']
  ]);
  fireEvent.click(screen.getByRole('button', { name: /2 passed by policy/ }));
  expect(screen.getByText('passed by policy: Refund 2 (small)')).not.toBeNull();
});

test('what is wrong with the log is said, and a check can be repeated', async () => {
  let wrong = true;
  const verify = (): unknown =>
    wrong ? { ok: false, events: 3, problem: 'event 7 was changed', differs: [] } : COMPLETE;
  await show([makeRun()], { 'GET runs/r1/verify': verify });
  expect(await screen.findByText('log not complete: event 7 was changed')).not.toBeNull();
  wrong = false;
  fireEvent.click(screen.getByRole('button', { name: 'Check the log again' }));
  expect(await screen.findByText('log complete, 31 events')).not.toBeNull();
});

test('a person who may not read the log sees no line about it', async () => {
  const json = async (): Promise<unknown> => ({ error: 'Forbidden', message: 'no' });
  await show([makeRun()], { 'GET runs/r1/verify': new RawAnswer({ ok: false, status: 403, json }) });
  await waitFor(() => expect(document.querySelector('.jp-hitl-log-check')).toBeNull());
});

test('the buttons are those that the state allows', async () => {
  const done: string[] = [];
  const act_ = (name: string) => async (): Promise<void> => void done.push(name);
  const actions: Partial<IRunActions> = {
    ...{ busy: false, problem: '', startKernel: act_('continue'), cancelRun: act_('cancel') }
  };
  const opened: unknown[] = [];
  await show([makeRun({ state: 'interrupted', status: 'running' })], {}, {
    runActions: () => actions as IRunActions,
    openNotebook: async of => void opened.push(of.path)
  } as Partial<IHost>);
  fireEvent.click(screen.getByRole('button', { name: 'Open the notebook' }));
  fireEvent.click(screen.getByRole('button', { name: 'Continue' }));
  fireEvent.click(screen.getByRole('button', { name: 'Cancel the run…' }));
  expect(screen.queryByRole('button', { name: 'Start over…' })).toBeNull();
  expect([opened, done]).toEqual([['refunds.ipynb'], ['continue', 'cancel']]);
});

test('the export saves exactly the bytes that the server sends', async () => {
  const bytes = new Blob([new Uint8Array([123, 34, 110, 34, 58, 49, 125, 10, 255])]);
  const exported = new RawAnswer({ ok: true, status: 200, blob: async () => bytes });
  const saved: [Blob | MediaSource, string][] = [];
  const made: (Blob | MediaSource)[] = [];
  URL.createObjectURL = blob => `blob:${made.push(blob)}`;
  URL.revokeObjectURL = () => undefined;
  const click = jest.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (
    this: HTMLAnchorElement
  ) {
    saved.push([made[made.length - 1], this.download]);
  });
  const { asked } = await show([makeRun({ agent: 're/funds', generation: 3 })], {
    'GET runs/r1/export': exported
  });
  for (const form of ['JSON Lines', 'CSV']) {
    fireEvent.click(screen.getByRole('button', { name: 'Export' }));
    fireEvent.click(screen.getByRole('menuitem', { name: new RegExp(form) }));
    await waitFor(() =>
      expect((screen.getByRole('button', { name: 'Export' }) as HTMLButtonElement).disabled).toBe(false)
    );
  }
  expect(saved).toEqual([
    [bytes, 're-funds-run-3.jsonl'],
    [bytes, 're-funds-run-3.csv']
  ]);
  expect(saved[0][0]).toBe(bytes);
  expect(asked.map(one => one.path).filter(path => path.includes('export'))).toEqual([
    'runs/r1/export?format=jsonl',
    'runs/r1/export?format=csv'
  ]);
  click.mockRestore();
});

test('a refused export says why', async () => {
  await show([makeRun()]);
  fireEvent.click(screen.getByRole('button', { name: 'Export' }));
  fireEvent.click(screen.getByRole('menuitem', { name: /CSV/ }));
  expect((await screen.findByRole('alert')).textContent).toBe('not there');
});

test('the page to print has texts alone', async () => {
  const evil = makeRun({ agent: '<img src=x onerror=alert(1)>' });
  await show([evil]);
  let printed = '';
  const before = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, 'contentWindow')!;
  Object.defineProperty(HTMLIFrameElement.prototype, 'contentWindow', {
    configurable: true,
    get(this: HTMLIFrameElement) {
      const page = this.contentDocument!;
      return {
        document: page,
        addEventListener: () => undefined,
        print: () => (printed = page.body.innerHTML)
      };
    }
  });
  fireEvent.click(screen.getByRole('button', { name: 'Export' }));
  fireEvent.click(screen.getByRole('menuitem', { name: /print/ }));
  await waitFor(() => expect(printed).not.toBe(''));
  Object.defineProperty(HTMLIFrameElement.prototype, 'contentWindow', before);
  document.querySelector('iframe')!.remove();
  expect(printed).toContain('&lt;img src=x');
  expect(printed).toContain('log complete, 31 events');
  expect(printed).toContain('Approved with edits Refund 40215');
  expect(printed).not.toContain('<img');
});
