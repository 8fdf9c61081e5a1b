import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification as Notices } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { LabHost } from '../src/plugins/host';
import { notices } from '../src/plugins/notices';
import type { IStatus } from '../src/api/types';

// The packages as a whole want a browser.
jest.mock('@jupyterlab/apputils', () => ({ Notification: { info: jest.fn(), warning: jest.fn() } }));
jest.mock('@jupyterlab/notebook', () => ({ INotebookTracker: {} }));
jest.mock('@jupyterlab/settingregistry', () => ({ ISettingRegistry: {} }));
jest.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

/** A host of version 1.0.0 whose server answers `status`. */
function hostOf(status: Partial<IStatus>): LabHost {
  const settings = { wsUrl: 'ws://there/', WebSocket: class {} } as never;
  const host = new LabHost(settings, {} as never, nullTranslator.load('hitl_nb'), '1.0.0');
  Object.assign(host.client, { status: async () => ({ may: { decide: true }, ...status }) });
  return host;
}

async function told(host: LabHost): Promise<unknown[]> {
  jest.mocked(Notices.warning).mockClear();
  await notices.activate({} as JupyterFrontEnd, host, null, null);
  await host.refresh();
  await host.refresh();
  return jest.mocked(Notices.warning).mock.calls.map(([text]) => text);
}

test('that page and server are of different versions is told once', async () => {
  const host = hostOf({ api: 1, version: '1.1.0' });
  expect(await told(host)).toEqual([
    'This page is of hitl_nb 1.0.0 and the server of 1.1.0: reload the page, or restart the server.'
  ]);
  expect(host.readOnly).toBeNull();
});

test('with another API nothing can be decided, and that is told too', async () => {
  const host = hostOf({ api: 2, version: '2.0.0\u202e' });
  const [text, ...more] = await told(host);
  expect(text).toBe(
    'This page is of hitl_nb 1.0.0 and the server of 2.0.0⟨U+202E⟩: reload the page, or restart the server. ' +
      'Until then nothing can be decided here.'
  );
  expect([host.readOnly, more]).toEqual([text, []]);
});

test('of the same version nothing is told', async () => {
  expect(await told(hostOf({ api: 1, version: '1.0.0' }))).toEqual([]);
});
