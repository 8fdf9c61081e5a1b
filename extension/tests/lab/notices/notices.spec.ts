import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification as Notices } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { LabHost } from '../../../src/lab/lab-host';
import { noticesPlugin } from '../../../src/lab/notices/notices-plugin';
import type { IComment, INotice, IProposal, IStatus } from '../../../src/api/types';

// The whole packages need a browser.
jest.mock('@jupyterlab/apputils', () => ({
  ICommandPalette: {},
  Notification: { info: jest.fn(), warning: jest.fn() }
}));
jest.mock('@jupyterlab/notebook', () => ({ INotebookTracker: {} }));
jest.mock('@jupyterlab/settingregistry', () => ({ ISettingRegistry: {} }));
jest.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

/** Make a host of version 1.0.0 whose server answers `status`. */
function hostOf(status: Partial<IStatus>): LabHost {
  const settings = { wsUrl: 'ws://there/', WebSocket: class {} } as never;
  const host = new LabHost(settings, {} as never, nullTranslator.load('hitl_nb'), '1.0.0');
  Object.assign(host.client, { getStatus: async () => ({ may: { decide: true }, ...status }) });
  return host;
}

async function readWarnings(host: LabHost): Promise<unknown[]> {
  jest.mocked(Notices.warning).mockClear();
  await noticesPlugin.activate({} as JupyterFrontEnd, host, null, null, null);
  await host.refresh();
  await host.refresh();
  return jest.mocked(Notices.warning).mock.calls.map(([text]) => text);
}

test('that page and server are of different versions is told once', async () => {
  const host = hostOf({ api: 1, version: '1.1.0' });
  expect(await readWarnings(host)).toEqual([
    'This page is of hitl_nb 1.0.0 and the server of 1.1.0: reload the page, or restart the server.'
  ]);
  expect(host.readOnly).toBeNull();
});

test('with another API nothing can be decided, and that is told too', async () => {
  const host = hostOf({ api: 2, version: '2.0.0\u202e' });
  const [text, ...more] = await readWarnings(host);
  expect(text).toBe(
    'This page is of hitl_nb 1.0.0 and the server of 2.0.0⟨U+202E⟩: reload the page, or restart the server. ' +
      'Until then nothing can be decided here.'
  );
  expect([host.readOnly, more]).toEqual([text, []]);
});

test('of the same version nothing is told', async () => {
  expect(await readWarnings(hostOf({ api: 1, version: '1.0.0' }))).toEqual([]);
});

type Commands = Record<string, { execute: (args?: object) => Promise<void> }>;

interface IOptions {
  /** The proposal that the server has, and how it lists it. */
  proposal?: Partial<IProposal>;
  permission?: NotificationPermission;
  /** Whether the window is hidden: minimized, or another tab is in front of it. */
  hidden?: boolean;
  /** Proposals that wait when the page is loaded. */
  waiting?: Partial<IProposal>[];
  /** Proposals of the run, as the feed leads to them. */
  inRun?: () => Partial<IProposal>[];
  muted?: string[];
  authn?: 'login' | 'token';
  comments?: Partial<IComment>[];
  /** Authors of the draft's updates. */
  editors?: string[];
}

const SUBJECT = { title: 'Refund', status: 'open', path: null, agent: 'refunds', why: [], deadline: null };

/** Activate the plugin with settings of its own. Returns its messages, and functions that send messages of the feed. */
async function activate({ permission = 'granted', hidden = false, ...options }: IOptions = {}) {
  const status = { api: 1, version: '1.0.0', authn: options.authn ?? 'login', user: { username: 'ada' } };
  const host = hostOf(status as Partial<IStatus>);
  const full = { id: 'p', comments: [], ...SUBJECT, ...options.proposal };
  const complete = (all: Partial<IProposal>[]) => all.map(one => ({ ...SUBJECT, ...one }));
  Object.assign(host.client, {
    getProposal: async (id: string) => ({ ...full, id }),
    listProposals: async () => ({ proposals: complete(options.waiting ?? []), next: null }),
    getRun: async () => ({ run: { status: 'waiting' }, proposals: complete(options.inRun?.() ?? []) }),
    listComments: async () => ({ comments: options.comments ?? [], people: [] }),
    getHistory: async () => ({ entries: (options.editors ?? []).map(by => ({ by })), next: null })
  });
  await host.refresh();
  const shown: string[] = [];
  const ask = jest.fn(async () => (permission = 'granted'));
  const made: Outside[] = [];
  class Outside {
    static get permission(): NotificationPermission {
      return permission;
    }
    static requestPermission = ask;
    onclick?: () => void;
    constructor(title: string, { body }: { body: string }) {
      shown.push([title, body].filter(Boolean).join(' · '));
      made.push(this);
    }
    close(): void {
      shown.push('closed');
    }
  }
  Object.assign(window, { Notification: Outside });
  jest.spyOn(document, 'hasFocus').mockReturnValue(false);
  jest.spyOn(document, 'hidden', 'get').mockReturnValue(hidden);
  jest.mocked(Notices.info).mockClear();
  const values: Record<string, unknown> = {
    notify: true,
    browser: permission === 'granted',
    muted: options.muted ?? []
  };
  const set = jest.fn(async (name: string, value: unknown) => void (values[name] = value));
  const get = (name: string): unknown => ({ composite: values[name] });
  const settings = { get, set, changed: { connect: () => undefined } };
  const commands: Commands = {};
  const app = {
    commands: {
      addCommand: (id: string, command: Commands['']) => void (commands[id] = command),
      execute: (id: string, args: object) => commands[id].execute(args)
    }
  };
  await noticesPlugin.activate(app as never, host, { load: async () => settings }, null, null);
  await jest.advanceTimersByTimeAsync(0);
  const hear = async (message: object): Promise<void> => {
    const whole = { type: 'changed', proposals: [], runs: [], drafts: [], head: 1, ...message };
    (host.feed as unknown as { _onMessage: (m: unknown) => void })._onMessage(whole);
    await jest.advanceTimersByTimeAsync(1000);
  };
  /** Press a button of the last notification. */
  const press = (label: string): void => {
    const [, found] = jest.mocked(Notices.info).mock.calls.slice(-1)[0];
    (found?.actions?.find(one => one.label === label) as { callback: () => void }).callback();
  };
  return {
    hear,
    say: (...notices: INotice[]) => hear({ notices }),
    messages: () => jest.mocked(Notices.info).mock.calls.map(([text]) => text),
    buttons: () => jest.mocked(Notices.info).mock.calls.map(([, o]) => o?.actions?.map(one => one.label)),
    press,
    browserNotices: () => shown,
    click: () => made[made.length - 1].onclick?.(),
    commands,
    set,
    ask
  };
}

beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-11-28T12:00:00Z') });
  sessionStorage.clear();
  localStorage.clear();
});
afterEach(() => {
  jest.clearAllTimers();
  jest.useRealTimers();
});

const REJECTED = { action: 'reject', by: 'person', reviewer: 'bo', reviewer_name: 'bo', known: 'login' };

const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();

test('a new proposal says why a person is asked and how much time is left', async () => {
  const p = { id: 'p', title: 'Refund\u202e', why: ['above the limit'], deadline: inMinutes(132) };
  const { hear, messages, buttons } = await activate({ inRun: () => [p] });
  await hear({ runs: ['r'], proposals: ['p'] });
  expect(messages()).toEqual(['Refund⟨U+202E⟩ waits for you · above the limit · 2 h 12 min left']);
  expect(buttons()).toEqual([['Review', 'In an hour', 'Not for this agent']]);
});

test('what waited before, what others decide, and what was told is not told', async () => {
  const old = { id: 'old' };
  const others = { id: 'others', may: { decide: false } as never };
  const options: IOptions = { waiting: [old], inRun: () => [old, others, { id: 'new' }] };
  const first = await activate(options);
  await first.hear({ runs: ['r'] });
  await first.hear({ runs: ['r'] });
  expect(first.messages()).toEqual(['Refund waits for you']);
  const afterReload = await activate({ ...options, waiting: [] });
  await afterReload.hear({ runs: ['r'] });
  expect(afterReload.messages()).toEqual(['Refund waits for you']); // `old`, which was not told before
});

test('what came while the feed was not connected is told after that', async () => {
  const waiting: Partial<IProposal>[] = [{ id: 'old' }];
  const { hear, messages } = await activate({ waiting });
  waiting.push({ id: 'new', title: 'New' });
  await hear({ type: 'hello', browser: 'b', head: 1 });
  await hear({ type: 'hello', browser: 'b', head: 9 });
  expect(messages()).toEqual(['New waits for you']);
});

test('more than three at once are one', async () => {
  const { hear, messages, buttons } = await activate({
    inRun: () => ['a', 'b', 'c', 'd'].map(id => ({ id }))
  });
  await hear({ runs: ['r'] });
  expect([messages(), buttons()]).toEqual([['4 proposals need you'], [['Review']]]);
});

test('what was decided without a person is no proposal that needs that person', async () => {
  const decided = { status: 'decided' as const, decision: REJECTED as never };
  const { hear, messages } = await activate({
    comments: [{ author: 'ada' }],
    inRun: () => [{ id: 'a' }, ...['b', 'c', 'd'].map(id => ({ ...decided, id }))]
  });
  await hear({ runs: ['r'], proposals: ['a', 'b', 'c', 'd'] });
  expect(messages()).toEqual(['1 proposal needs you, 3 were decided without you']);
});

test('an escalation is told to those who can decide by it, and as nothing else', async () => {
  const p = { id: 'p', may: { decide: true } as never };
  const before = await activate({ waiting: [p], proposal: p, inRun: () => [p] });
  await before.hear({ runs: ['r'], notices: [{ kind: 'escalated', proposal: 'p' }] });
  expect(before.messages()).toEqual([]);
  const now = await activate({ proposal: p, inRun: () => [p] });
  await now.hear({ runs: ['r'], notices: [{ kind: 'escalated', proposal: 'p' }] });
  expect(now.messages()).toEqual(['Refund is escalated to you']);
});

test('that nobody may decide is told to those who decide other proposals', async () => {
  const { say, messages } = await activate({ proposal: { may: { decide: false } as never } });
  await say({ kind: 'stuck', proposal: 'p' });
  expect(messages()).toEqual(['Nobody can decide: Refund']);
});

test('an effect in doubt says so', async () => {
  const p = { id: 'p', title: 'Did pay(7) happen?', doubt: {} as never };
  const { hear, messages } = await activate({ inRun: () => [p] });
  await hear({ runs: ['r'] });
  expect(messages()).toEqual(['In doubt: Did pay(7) happen?']);
});

test('it is told again in an hour, also after a reload', async () => {
  const first = await activate({ inRun: () => [{ id: 'p' }] });
  await first.hear({ runs: ['r'] });
  first.press('In an hour');
  jest.clearAllTimers(); // the page is left
  const afterReload = await activate();
  await jest.advanceTimersByTimeAsync(59 * 60_000);
  expect(afterReload.messages()).toEqual([]);
  await jest.advanceTimersByTimeAsync(2 * 60_000);
  expect(afterReload.messages()).toEqual(['Refund still waits for you']);
});

test('an agent can be excluded', async () => {
  const { hear, press, set, messages } = await activate({ inRun: () => [{ id: 'p' }, { id: 'q' }] });
  await hear({ runs: ['r'] });
  press('Not for this agent');
  expect(set).toHaveBeenCalledWith('muted', ['refunds']);
  expect(messages()).toHaveLength(2);
  sessionStorage.clear();
  const muted = await activate({ inRun: () => [{ id: 'p' }], muted: ['refunds'] });
  await muted.hear({ runs: ['r'] });
  expect(muted.messages()).toEqual([]);
});

test('ten minutes before the deadline it is told once', async () => {
  const deadline = inMinutes(30);
  const options: IOptions = { waiting: [{ id: 'p', deadline }], proposal: { deadline } };
  const { messages } = await activate(options);
  await jest.advanceTimersByTimeAsync(19 * 60_000);
  expect(messages()).toEqual([]);
  await jest.advanceTimersByTimeAsync(2 * 60_000);
  expect(messages()).toEqual(['Refund is due soon · 10 min left']);
  expect((await activate(options)).messages()).toEqual([]);
});

test('a deadline that was moved is told at its new time', async () => {
  const { messages } = await activate({
    waiting: [{ id: 'p', deadline: inMinutes(30) }],
    proposal: { deadline: inMinutes(90) }
  });
  await jest.advanceTimersByTimeAsync(79 * 60_000);
  expect(messages()).toEqual([]);
  await jest.advanceTimersByTimeAsync(2 * 60_000);
  expect(messages()).toEqual(['Refund is due soon · 10 min left']);
});

test.each<[string, IOptions, string[]]>([
  ['who commented', { comments: [{ author: 'ada' }] }, ['Refund was decided without you · Rejected by bo']],
  ['who edited', { editors: ['', 'ada'] }, ['Refund was decided without you · Rejected by bo']],
  ['nobody else', { comments: [{ author: 'cy' }], editors: ['cy'] }, []]
])('a decision of another person is told to %s', async (_, options, told) => {
  const p = { id: 'p', status: 'decided' as const, decision: REJECTED as never };
  const { hear, messages } = await activate({ ...options, inRun: () => [p] });
  await hear({ runs: ['r'], proposals: ['p'] });
  expect(messages()).toEqual(told);
});

test('one’s own decision is not told', async () => {
  const decision = { ...REJECTED, reviewer: 'ada' } as never;
  const { hear, messages } = await activate({
    comments: [{ author: 'ada' }],
    inRun: () => [{ id: 'p', status: 'decided', decision }]
  });
  await hear({ runs: ['r'], proposals: ['p'] });
  expect(messages()).toEqual([]);
});

test('a mention is told once, with what was said', async () => {
  const said = { author: 'bo', author_name: 'Bo', at: inMinutes(-1), mentions: ['ada'] };
  const { hear, messages } = await activate({
    proposal: {
      comments: [
        { ...said, id: 'c1', text: 'Please\nlook' },
        { ...said, id: 'c2', mentions: ['cy'], text: 'Not you' },
        { ...said, id: 'c3', at: inMinutes(-600), text: 'Long ago' }
      ] as IComment[]
    }
  });
  await hear({ proposals: ['p'] });
  await hear({ proposals: ['p'] });
  expect(messages()).toEqual(['Bo mentioned you: Refund · Please look']);
});

test('what the clock does is told to somebody who may decide', async () => {
  const { say, messages, browserNotices } = await activate({
    proposal: { title: 'Refund\u202e', may: { decide: true } as never }
  });
  await say({ kind: 'reminded', proposal: 'p' }, { kind: 'escalated', proposal: 'p' });
  await say({ kind: 'overdue', proposal: 'p' }, { kind: 'stuck', proposal: 'p' });
  expect(messages()).toEqual([
    'Refund⟨U+202E⟩ still waits for you',
    'Refund⟨U+202E⟩ is escalated to you',
    'Refund⟨U+202E⟩ is late',
    'Nobody can decide: Refund⟨U+202E⟩'
  ]);
  expect(browserNotices()).toEqual([]); // this window is visible, although another one has the focus
});

test('it is not told to others, nor of a proposal that is decided by now', async () => {
  const others = await activate({ proposal: { may: { decide: false } as never } });
  await others.say({ kind: 'escalated', proposal: 'p' });
  expect(others.messages()).toEqual([]);
  const late = await activate({ proposal: { status: 'decided', may: { decide: true } as never } });
  await late.say({ kind: 'reminded', proposal: 'p' }, { kind: 'expired', proposal: 'p' });
  expect(late.messages()).toEqual(['Refund is asked again: the decision expired']);
});

test('the browser tells it too while the window is hidden', async () => {
  const { say, browserNotices, click, commands } = await activate({ hidden: true });
  await say({ kind: 'reminded', proposal: 'p' });
  expect(browserNotices()).toEqual(['Refund still waits for you']);
  const focus = jest.spyOn(window, 'focus').mockImplementation();
  const open = jest.fn(async () => undefined);
  commands['hitl-nb:open-inbox'] = { execute: open };
  click();
  expect(focus).toHaveBeenCalledTimes(1);
  expect(browserNotices()).toEqual(['Refund still waits for you', 'closed']);
  expect(open).toHaveBeenCalledWith({ proposal: 'p' });
});

test('the browser is asked by a click alone, and what it answers is kept', async () => {
  const { say, ask, set, press, buttons } = await activate({ permission: 'default' });
  await say({ kind: 'reminded', proposal: 'p' });
  expect(ask).not.toHaveBeenCalled();
  press('Notify outside of JupyterLab too');
  await jest.advanceTimersByTimeAsync(0);
  expect(ask).toHaveBeenCalledTimes(1);
  expect(set).toHaveBeenCalledWith('browser', true);
  await say({ kind: 'overdue', proposal: 'p' });
  expect(buttons()[1]).toEqual(['Review', 'In an hour', 'Not for this agent']); // offered once
});

test('that the browser does not allow it is said', async () => {
  const { commands, set } = await activate({ permission: 'denied' });
  jest.mocked(Notices.warning).mockClear();
  await commands['hitl-nb:ask-browser-notifications'].execute();
  expect(set).toHaveBeenCalledWith('browser', false);
  expect(Notices.warning).toHaveBeenCalledTimes(1);
});
