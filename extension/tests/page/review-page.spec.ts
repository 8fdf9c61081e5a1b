import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createElement } from 'react';
import type { IProposal, IRun } from '../../src/api/types';
import { PageHost } from '../../src/page/page-host';
import { type PageSubject, ReviewPage } from '../../src/page/review-page';
import { KeyGuard } from '../../src/components/keys/key-guard';
import { startCommands } from '../../src/page/page-commands';
import { pressKey, slowClock } from '../keys';
import { Server } from '../roomserver';

// The package needs parts of a browser that jsdom lacks when it is loaded. A choice needs no editor.
jest.mock('@jupyterlab/codeeditor', () => ({ CodeEditor: {}, IEditorMimeTypeService: {} }));

class FakeSocket {
  static last: FakeSocket;
  onmessage: (event: { data: string }) => void = () => undefined;
  onclose: (event: { code: number }) => void = () => undefined;
  constructor(readonly url: string) {
    if (url.endsWith('/drafts/rooms')) {
      return server.connect(url) as unknown as FakeSocket;
    }
    FakeSocket.last = this;
  }
  close(): void {
    this.onclose({ code: 1005 });
  }
}

const run = { id: 'r1', status: 'ready', open: 0, error: null } as unknown as IRun;
const proposal = {
  id: 'p1',
  run: 'r1',
  title: 'Greet\u202e?',
  kind: 'choice',
  status: 'open',
  agent: 'letters',
  path: 'a/letters.ipynb',
  notebook: '/srv/a/letters.ipynb',
  allow: ['approve', 'reject'],
  value: 'yes',
  context: null,
  options: ['yes', 'no'],
  schema: null,
  comments: [],
  reasons: [],
  decision: null,
  text: 'yes',
  changes: '',
  revision: 1,
  fingerprint: 'f'
} as unknown as IProposal;
const status = {
  api: 1,
  version: '1',
  authn: 'login',
  user: { username: 'ann' },
  may: { decide: true },
  decide_refused: null
};

let server: Server;
let answers: { [path: string]: [number, unknown] };
let asked: [string, RequestInit][];

beforeEach(() => {
  server = new Server();
  answers = {
    'proposals/p1': [200, proposal],
    'runs/r1': [200, { run, proposals: [] }],
    status: [200, status],
    'proposals?sort=due&mine=1&limit=200': [200, { proposals: [proposal], next: null }],
    'proposals/p1/decision': [
      200,
      {
        proposal: {
          ...proposal,
          status: 'decided',
          decision: {
            action: 'approve',
            value: 'yes',
            reason: null,
            reviewer: 'ann',
            reviewer_name: 'Ann',
            decided_at: '2026-01-01T00:00:00Z',
            by: 'person',
            authn: 'login',
            assurance: 'A0',
            known: 'login'
          }
        },
        run
      }
    ]
  };
  asked = [];
  document.cookie = '_xsrf=2|abc';
  Object.assign(globalThis, {
    WebSocket: FakeSocket,
    fetch: async (url: string, init: RequestInit) => {
      asked.push([url, init]);
      const [code, body] = answers[url.replace('/user/ann/hitl_nb/api/', '')] ?? [404, null];
      return { ok: code === 200, status: code, statusText: 'Said so', json: async () => body };
    }
  });
});

function host(): PageHost {
  return new PageHost({ base: '/user/ann/', nonce: 'n', pass: 'shown' });
}

async function renderPage(of: PageSubject = 'proposal', id = 'p1'): Promise<void> {
  const made = host();
  await act(async () => {
    render(createElement(ReviewPage, { host: made, id, of }));
  });
  act(() => server.sockets.forEach(socket => socket.opens()));
}

test('the card is shown, decided with the XSRF token, and then says what is left to do', async () => {
  await renderPage();
  expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('Greet⟨U+202E⟩?');
  expect(screen.getByText('1 of 1 for you')).toBeTruthy();
  await act(async () => {
    fireEvent.click(screen.getByRole('button', { name: 'Approve' }));
  });
  const [url, init] = asked.find(([path]) => path.endsWith('/decision'))!;
  expect(url).toBe('/user/ann/hitl_nb/api/proposals/p1/decision');
  expect(new Headers(init.headers).get('X-XSRFToken')).toBe('2|abc');
  expect(new Headers(init.headers).get('X-Hitl-Page')).toBe('shown');
  await waitFor(() =>
    screen.getByText(/open a\/letters.ipynb in JupyterLab .* hitl-nb run a\/letters.ipynb/)
  );
});

test('a proposal that cannot be read is one sentence, and read again when asked', async () => {
  answers['proposals/p1'] = [404, { error: 'UnknownProposal', message: 'there is no proposal p1' }];
  await renderPage();
  expect(screen.getByRole('alert').textContent).toContain('there is no proposal p1');
  answers['proposals/p1'] = [200, proposal];
  await act(async () => {
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  });
  expect(screen.queryByRole('alert')).toBeNull();
  expect(screen.getByRole('article')).toBeTruthy();
});

test('whoever is logged out is told so', async () => {
  answers['proposals/p1'] = [403, { message: 'Forbidden', reason: null }];
  await renderPage();
  expect(screen.getByRole('alert').textContent).toContain('You are not logged in any more');
});

test('a workspace has its page, where people are asked whether it is done too', async () => {
  answers['workspaces/w1'] = [
    200,
    {
      ...{ id: 'w1', title: 'Report', kind: 'text', run: 'r1', agent: 'writer', path: null, notebook: '/n' },
      ...{ status: 'open', proposal: 'p1', template: '', text: '', updated_at: '' }
    }
  ];
  await renderPage('workspace', 'w1');
  await act(async () => undefined);
  expect(screen.queryByRole('button', { name: 'Next' })).toBeNull();
  expect(document.title).toBe('Report – Review');
  expect(screen.getAllByRole('heading', { level: 3 }).map(one => one.textContent)).toEqual([
    'Report',
    'Greet⟨U+202E⟩?'
  ]);
});

test('a lost connection is said, until it is back', async () => {
  await renderPage();
  expect(screen.getByText('Not connected; trying again …')).toBeTruthy();
  expect(FakeSocket.last.url).toBe('ws://localhost/user/ann/hitl_nb/api/feed');
  await act(async () => {
    FakeSocket.last.onmessage({ data: JSON.stringify({ type: 'hello', browser: 'b', head: 1 }) });
  });
  expect(screen.queryByText('Not connected; trying again …')).toBeNull();
});

test('who may not read any more is told so once, and no connection is tried again', async () => {
  await renderPage();
  const socket = FakeSocket.last;
  await act(async () => {
    socket.onmessage({ data: JSON.stringify({ type: 'hello', browser: 'b', head: 1 }) });
    socket.onclose({ code: 4403 });
  });
  expect(screen.getAllByText('You may not read proposals here any more', { exact: false })).toHaveLength(1);
  expect(screen.queryByText('Not connected; trying again …')).toBeNull();
  expect(screen.getByRole('button', { name: 'Approve' }).getAttribute('aria-disabled')).toBe('true');
  expect(FakeSocket.last).toBe(socket);
});

test('nothing is decided on a server of another API, nor by somebody who may not', async () => {
  const made = host();
  await made.refresh();
  expect(made.readOnly).toBeNull();
  answers.status = [
    200,
    { ...status, may: { decide: false }, decide_refused: 'bo is not among the reviewers' }
  ];
  await made.refresh();
  expect(made.readOnly).toBe('bo is not among the reviewers');
  answers.status = [200, { ...status, api: 2, version: '9' }];
  await made.refresh();
  expect(made.readOnly).toContain('hitl_nb 9');
});

test('what a run needs next is in words only', () => {
  const made = host();
  const textFor = (changed: Partial<IRun>): string =>
    made.resumeAction({ ...run, ...changed }, proposal)!.text;
  expect(textFor({ status: 'waiting', open: 1 })).toBe('The agent continues after 1 more decision.');
  expect(textFor({ status: 'waiting', open: 2 })).toBe('The agent continues after 2 more decisions.');
  expect(textFor({ status: 'ready', held: true })).toBe('The agent is waiting in another window.');
  expect(textFor({ status: 'running' })).toBe('The agent has continued.');
  expect(textFor({ status: 'failed', error: 'ValueError: \u202e' })).toContain('ValueError: ⟨U+202E⟩');
  expect(made.resumeAction(run, proposal)!.label).toBeUndefined();
});

describe('the proposals that wait for this person', () => {
  const second = { ...proposal, id: 'p2', title: 'Second' };
  const settling = {
    ...proposal,
    settles_at: '2999-01-01T00:00:00Z',
    may: { decide: false, actions: [], undo: true, why_not: null }
  };

  beforeEach(() => {
    answers['proposals/p2'] = [200, second];
    answers['proposals?sort=due&mine=1&limit=200'] = [200, { proposals: [proposal, second], next: null }];
  });

  async function click(name: string): Promise<void> {
    const known = server.sockets.length;
    await act(async () => {
      fireEvent.click(screen.getByRole('button', { name }));
    });
    act(() => server.sockets.slice(known).forEach(socket => socket.opens()));
  }

  test('have a place, and a previous and a next one', async () => {
    await renderPage();
    expect(screen.getByText('1 of 2 for you')).toBeTruthy();
    expect((screen.getByRole('button', { name: 'Previous' }) as HTMLButtonElement).disabled).toBe(true);
    await click('Next');
    expect(screen.getByText('2 of 2 for you')).toBeTruthy();
    expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('Second');
    expect((screen.getByRole('button', { name: 'Next' }) as HTMLButtonElement).disabled).toBe(true);
    await click('Previous');
    expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('Greet⟨U+202E⟩?');
  });

  test('are gone through by J and K, and Escape leaves the field, then the card', async () => {
    answers['proposals/p1'] = [200, { ...proposal, allow: ['approve', 'edit'] }];
    const made = host();
    const stop = startCommands(made, new KeyGuard(slowClock()));
    await act(async () => {
      render(createElement(ReviewPage, { host: made, id: 'p1', of: 'proposal' }));
    });
    const card = (): HTMLElement => document.querySelector('.jp-hitl-card')!;
    const press = (key: string): Promise<void> =>
      act(async () => void pressKey(document.activeElement!, key));
    expect(document.activeElement).toBe(card());
    await press('j');
    expect([card().dataset.proposal, document.activeElement]).toEqual(['p2', card()]);
    await press('k');
    expect([card().dataset.proposal, document.activeElement]).toEqual(['p1', card()]);
    act(() => server.sockets.forEach(socket => socket.opens()));
    screen.getAllByRole('radio')[0].focus();
    await press('Escape');
    expect(document.activeElement).toBe(card());
    await press('Escape');
    expect(document.activeElement).toBe(document.body);
    stop();
  });

  test('follow each other after a decision, whose word is at the top', async () => {
    await renderPage();
    await click('Approve');
    await waitFor(() => screen.getByRole('heading', { name: 'Second' }));
    const said = screen.getByText('Approved.').closest('[role=status]')!;
    expect(said.textContent).toContain('Greet⟨U+202E⟩?');
    expect(screen.queryByRole('button', { name: 'Take back' })).toBeNull();
    expect(document.activeElement).toBe(screen.getByRole('article'));
    expect(document.activeElement?.textContent).toContain('Second');
  });

  test('after the last one, the first that still waits is shown', async () => {
    answers['proposals/p2/decision'] = [200, { proposal: { ...second, status: 'superseded' }, run }];
    await renderPage('proposal', 'p2');
    expect(screen.getByText('2 of 2 for you')).toBeTruthy();
    await click('Approve');
    await waitFor(() => screen.getByRole('heading', { name: 'Greet⟨U+202E⟩?' }));
  });

  test('are not left for another one by a late answer', async () => {
    let answer = (): void => undefined;
    const gate = new Promise<void>(resolve => (answer = resolve));
    const usual = globalThis.fetch;
    globalThis.fetch = async (url, init) => {
      if (String(url).endsWith('p1/decision')) {
        await gate;
      }
      return usual(url, init);
    };
    const third = { ...proposal, id: 'p3', title: 'Third' };
    answers['proposals/p3'] = [200, third];
    answers['proposals?sort=due&mine=1&limit=200'] = [
      200,
      { proposals: [proposal, second, third], next: null }
    ];
    await renderPage();
    await click('Approve');
    await click('Next');
    await click('Next');
    expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('Third');
    await act(async () => answer());
    expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('Third');
  });

  test('the last one keeps the focus in its collapsed card', async () => {
    answers['proposals?sort=due&mine=1&limit=200'] = [200, { proposals: [proposal], next: null }];
    await renderPage();
    screen.getByRole('button', { name: 'Approve' }).focus();
    await click('Approve');
    await waitFor(() => screen.getByRole('button', { name: 'Show the details' }));
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Show the details' }));
  });

  test('can be taken back from the next one, as long as the policy gives', async () => {
    answers['proposals/p1/decision'] = [200, { proposal: settling, run }];
    answers['proposals/p1/undo'] = [200, { proposal, run }];
    await renderPage();
    await click('Approve');
    await waitFor(() => screen.getByRole('button', { name: 'Take back' }));
    expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('Second');
    await click('Take back');
    expect(asked.some(([path]) => path.endsWith('proposals/p1/undo'))).toBe(true);
    await waitFor(() => screen.getByRole('heading', { name: 'Greet⟨U+202E⟩?' }));
    expect(screen.queryByRole('button', { name: 'Take back' })).toBeNull();
  });

  test('are not swiped: a swipe decides nothing and goes nowhere', async () => {
    await renderPage();
    const card = screen.getByRole('article');
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', clientX: number): void => {
      fireEvent[type](card, {
        touches: [{ clientX, clientY: 10 }],
        changedTouches: [{ clientX, clientY: 10 }]
      });
    };
    touch('touchStart', 300);
    touch('touchMove', 40);
    touch('touchEnd', 10);
    expect(screen.getByText('1 of 2 for you')).toBeTruthy();
    expect(asked.some(([path]) => path.endsWith('/decision'))).toBe(false);
  });

  test('cannot be listed: the card is there all the same, and the bar says why', async () => {
    answers['proposals?sort=due&mine=1&limit=200'] = [500, { error: 'Broken', message: 'the store is gone' }];
    await renderPage();
    expect(screen.getByText('the store is gone')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Approve' })).toBeTruthy();
  });

  test('on a phone the answer is in the menu of the primary button', async () => {
    answers['proposals/p1'] = [200, { ...proposal, allow: ['approve', 'respond'] }];
    const before = globalThis.matchMedia;
    globalThis.matchMedia = media => ({ ...before(media), matches: true });
    try {
      await renderPage();
      expect(screen.queryByRole('button', { name: 'Answer…' })).toBeNull();
      await click('More ways to approve');
      await act(async () => {
        fireEvent.click(screen.getByRole('menuitem', { name: 'Answer…' }));
      });
      expect(screen.getByRole('dialog').textContent).toContain('Answer instead of deciding');
    } finally {
      globalThis.matchMedia = before;
    }
  });
});
