import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification as Notices } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { LabHost } from '../../src/lab/lab-host';
import { noticesPlugin } from '../../src/lab/notifications';
import type { INotice, IProposal, IStatus } from '../../src/api/types';

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

/**
 * Activate the plugin with settings of its own. Returns its messages, and functions that send messages of the feed.
 */
async function active(
  proposal: Partial<IProposal>,
  permission: NotificationPermission = 'granted',
  focused = true
): Promise<{
  say: (...notices: INotice[]) => Promise<void>;
  messages: () => unknown[];
  browserNotices: () => string[];
  click: () => void;
  commands: Commands;
  set: jest.Mock;
  ask: jest.Mock;
}> {
  const host = hostOf({ api: 1, version: '1.0.0' });
  Object.assign(host.client, {
    getProposal: async (id: string) => ({ id, title: 'Refund', status: 'open', path: null, ...proposal })
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
    constructor(_title: string, options: { body: string }) {
      shown.push(options.body);
      made.push(this);
    }
    close(): void {
      shown.push('closed');
    }
  }
  Object.assign(window, { Notification: Outside });
  jest.spyOn(document, 'hasFocus').mockReturnValue(focused);
  jest.mocked(Notices.info).mockClear();
  const values: Record<string, boolean> = { notify: true, browser: permission === 'granted' };
  const set = jest.fn(async (name: string, value: boolean) => void (values[name] = value));
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
  return {
    say: async (...said) => {
      const message = { type: 'changed', proposals: [], runs: [], drafts: [], head: 1, notices: said };
      (host.feed as unknown as { _onMessage: (m: unknown) => void })._onMessage(message);
      await new Promise(resolve => setTimeout(resolve));
    },
    messages: () => jest.mocked(Notices.info).mock.calls.map(([text]) => text),
    browserNotices: () => shown,
    click: () => made[made.length - 1].onclick?.(),
    commands,
    set,
    ask
  };
}

test('what the clock does is told to somebody who may decide', async () => {
  const {
    say,
    messages: told,
    browserNotices: outside
  } = await active({ title: 'Refund\u202e', may: { decide: true } } as never);
  const kinds = ['reminded', 'escalated', 'overdue', 'stuck'] as const;
  await say(...kinds.map(kind => ({ kind, proposal: 'p' })));
  expect(told()).toEqual(
    ['Reminder', 'Escalated', 'Overdue', 'Stuck'].map(word => `${word}: Refund⟨U+202E⟩`)
  );
  expect(outside()).toEqual([]); // this window is in front
});

test('it is not told to others, nor of a proposal that is decided by now', async () => {
  const others = await active({ may: { decide: false } } as never);
  await others.say({ kind: 'escalated', proposal: 'p' });
  expect(others.messages()).toEqual([]);
  const late = await active({ status: 'decided', may: { decide: true } } as never);
  await late.say({ kind: 'reminded', proposal: 'p' }, { kind: 'expired', proposal: 'p' });
  expect(late.messages()).toEqual(['The decision expired: Refund']);
});

test('the browser tells it too while the window is in the background', async () => {
  const { say, browserNotices: outside, click, commands } = await active({}, 'granted', false);
  await say({ kind: 'reminded', proposal: 'p' });
  expect(outside()).toEqual(['Reminder: Refund']);
  const focus = jest.spyOn(window, 'focus').mockImplementation();
  const open = jest.fn(async () => undefined);
  commands['hitl-nb:open-inbox'] = { execute: open };
  click();
  expect(focus).toHaveBeenCalledTimes(1);
  expect(outside()).toEqual(['Reminder: Refund', 'closed']);
  expect(open).toHaveBeenCalledWith({ proposal: 'p' });
});

test('the browser is asked by a click alone, and what it answers is kept', async () => {
  const { say, ask, set } = await active({}, 'default');
  await say({ kind: 'reminded', proposal: 'p' });
  expect(ask).not.toHaveBeenCalled();
  const [, options] = jest.mocked(Notices.info).mock.calls[0];
  const button = options?.actions?.find(one => one.label === 'Notify outside of JupyterLab too');
  (button as { callback: () => void }).callback();
  await new Promise(resolve => setTimeout(resolve));
  expect(ask).toHaveBeenCalledTimes(1);
  expect(set).toHaveBeenCalledWith('browser', true);
});

test('that the browser does not allow it is said', async () => {
  const { commands, set } = await active({}, 'denied');
  jest.mocked(Notices.warning).mockClear();
  await commands['hitl-nb:ask-browser-notifications'].execute();
  expect(set).toHaveBeenCalledWith('browser', false);
  expect(Notices.warning).toHaveBeenCalledTimes(1);
});
