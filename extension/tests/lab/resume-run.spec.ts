import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { ApiError } from '../../src/api/errors';
import type { IProposal, IRun } from '../../src/api/types';
import { ResumeController } from '../../src/lab/resume-run';
import type { LabHost } from '../../src/lab/lab-host';
import { runQuietly } from '../../src/lab/notebook/quiet-run';

// The whole packages need image files.
jest.mock('../../src/lab/notebook/quiet-run', () => ({ runQuietly: jest.fn() }));
jest.mock('@jupyterlab/services', () => ({ SessionAPI: {} }));

const ran = jest.mocked(runQuietly);

beforeEach(() => {
  ran.mockReset();
});

function ready(pauses: number): IRun {
  return {
    id: 'r',
    agent: 'letters',
    path: 'a.ipynb',
    notebook: '/a.ipynb',
    status: 'ready',
    pauses
  } as unknown as IRun;
}

const OK = { status: 'ok', user_expressions: { value: { status: 'ok', data: { 'text/plain': 'None' } } } };

/**
 * Open a window with the notebook and a live kernel.
 *
 * @param resume - the server's answer to a request to resume.
 * @param reply - the kernel's reply when hitl_nb is loaded; null if it loses all questions at first.
 */
function openWindow(resume: () => Promise<void> = async () => undefined, reply: object | null = OK) {
  const kernel = {
    connectionStatus: 'connected',
    status: 'idle',
    info: Promise.resolve(),
    statusChanged: new Signal<object, string>({}),
    asked: 0,
    /** Whether the kernel gets the questions now. */
    hears: reply !== null,
    requestExecute: () => {
      kernel.asked += 1;
      return {
        done: kernel.hears ? Promise.resolve({ content: reply ?? OK }) : new Promise(() => undefined)
      };
    },
    become: (status: string) => {
      kernel.status = status;
      kernel.statusChanged.emit(status);
    }
  };
  const outputs = {
    length: 1,
    get: () => ({ data: { 'application/vnd.hitl-nb.proposal+json': { agent: 'letters' } } })
  };
  const panel = {
    context: { path: 'a.ipynb' },
    content: { widgets: [{ model: { type: 'code', outputs } }] },
    sessionContext: { session: { kernel } }
  };
  const server = { run: ready(1), asked: 0 };
  const feed = { changed: new Signal({}), headless: new Signal({}), browser: 'b' };
  const client = {
    decided: new Signal({}),
    getRun: async () => ({ run: server.run }),
    resume: async () => {
      server.asked += 1;
      await resume();
    }
  };
  const host = { feed, client, trans: nullTranslator.load('hitl_nb'), notify: () => undefined, status: null };
  const notebooks = { size: 1, find: (fits: (one: unknown) => boolean) => (fits(panel) ? panel : undefined) };
  const made = new ResumeController(host as unknown as LabHost, notebooks as never, path => path);
  const hear = (): void => feed.changed.emit({ proposals: [], runs: ['r'], drafts: [] });
  return { made, server, hear, kernel };
}

async function settle(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 10));
}

test('the agent’s cell is executed once a pause, however often it is heard of', async () => {
  const { server, hear } = openWindow();
  hear();
  hear();
  await settle();
  expect([ran.mock.calls.length, server.asked]).toEqual([1, 1]);
  expect(ran.mock.calls[0][3]).toBe(', continues'); // so its old output stays until the new one comes
});

test('a decision that came while the cell still ran is gone on with too', async () => {
  const { server, hear } = openWindow();
  ran.mockImplementationOnce(async () => {
    server.run = ready(2);
    hear(); // the window is still busy with the pause before
    await settle();
    return true;
  });
  hear();
  await settle();
  await settle();
  expect([ran.mock.calls.length, server.asked]).toEqual([2, 2]);
});

test('a script is said to go on by itself', () => {
  const { made } = openWindow();
  const run = { ...ready(1), path: null, notebook: 'script:nightly' };
  expect(made.resumeAction(run, {} as IProposal)).toEqual({
    text: 'The script continues by itself. If it has ended, run it again.'
  });
});

test('the cell of a held question is not executed: its program continues by itself', async () => {
  const { made, server, hear } = openWindow();
  server.run = { ...ready(1), held: true };
  hear();
  await settle();
  expect([ran.mock.calls.length, server.asked]).toEqual([0, 0]);
  expect(made.resumeAction(server.run, {} as IProposal)).toEqual({
    text: 'The agent is waiting in another window.'
  });
});

test('who is refused executes nothing, and says why', async () => {
  const { made, hear } = openWindow(async () => {
    throw new ApiError(409, 'RunClaimed', 'of another');
  });
  hear();
  await settle();
  expect(ran).not.toHaveBeenCalled();
  expect(made.resumeAction(ready(1), {} as never)?.text).toBe('Another window continues the agent.');
});

test.each([
  [
    'cannot be loaded',
    { status: 'ok', user_expressions: { value: { status: 'error', ename: 'ModuleNotFoundError' } } }
  ],
  ['lets go of the question again and again', { status: 'aborted' }]
])('a kernel in which hitl_nb %s is left alone, and nothing is granted', async (_, reply) => {
  const { made, server, hear } = openWindow(undefined, reply);
  hear();
  await settle();
  expect([ran.mock.calls.length, server.asked]).toEqual([0, 0]);
  expect(made.resumeAction(ready(1), {} as never)?.text).toContain('%load_ext hitl_nb');
});

describe('a kernel that loses a question', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('because it is restarted is asked again, and the agent continues', async () => {
    const { hear, kernel } = openWindow(undefined, null);
    hear();
    await jest.advanceTimersByTimeAsync(10);
    kernel.become('restarting');
    kernel.hears = true;
    kernel.become('idle');
    await jest.advanceTimersByTimeAsync(10_000);
    expect([kernel.asked, ran.mock.calls.length]).toEqual([2, 1]);
  });

  test('after a restart is said to have been restarted, with the ways to go on', async () => {
    const { made, hear, kernel } = openWindow(undefined, null);
    hear();
    for (let i = 0; i < 3; i++) {
      await jest.advanceTimersByTimeAsync(10);
      kernel.become('restarting');
      kernel.become('idle');
      await jest.advanceTimersByTimeAsync(10_000);
    }
    expect(ran).not.toHaveBeenCalled();
    expect(made.resumeAction(ready(1), {} as never)).toMatchObject({
      text: 'The kernel was restarted and does not answer yet. Nothing is lost: press Continue, or run the agent’s cell again.',
      label: 'Continue'
    });
  });

  test('without a restart is not said to need a reload', async () => {
    const { made, hear } = openWindow(undefined, null);
    hear();
    await jest.advanceTimersByTimeAsync(10_010);
    const { text = '' } = made.resumeAction(ready(1), {} as never) ?? {};
    expect(text).toBe('The kernel does not answer. Press Continue to try again, or run the agent’s cell.');
  });

  test('is not given up while it executes something else', async () => {
    const { made, hear, kernel } = openWindow(undefined, null);
    hear();
    await jest.advanceTimersByTimeAsync(9_000);
    kernel.become('busy');
    kernel.become('idle');
    await jest.advanceTimersByTimeAsync(9_000);
    expect(made.resumeAction(ready(1), {} as never)?.busy).toBe(true);
  });
});
