/**
 * Questions to a notebook's kernel. Nothing of them is shown or stored.
 */

import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

/** How often a question to a kernel is sent, if the kernel drops it. */
const MAX_ATTEMPTS = 3;

/** Milliseconds after which a kernel that was idle all the time has not received a question. */
const UNHEARD_MS = 10_000;

/** The same for a kernel that was restarted since it was asked: the question was probably lost. */
const UNHEARD_AFTER_RESTART_MS = 2_000;

const STORE_EXPRESSION = "__import__('hitl_nb').open_store().url";
/** An expression with a value, which does nothing if the extension is loaded. */
const LOAD_EXPRESSION = "get_ipython().extension_manager.load_extension('hitl_nb')";

/** Statuses of a kernel whose process is new. */
const NEW_STATUSES: readonly Kernel.Status[] = ['restarting', 'autorestarting', 'starting'];

/** Kernels that have loaded `hitl_nb` since their last start. */
const loadedKernels = new WeakSet<Kernel.IKernelConnection>();

/** Kernels that were restarted after they had loaded `hitl_nb`, and have not loaded it again. */
const restartedKernels = new WeakSet<Kernel.IKernelConnection>();

/** A question that the kernel did not answer; `restarted`: the kernel was restarted meanwhile. */
class Unheard extends Error {
  constructor(readonly restarted: boolean) {
    super('The kernel does not answer.');
  }
}

/** Return true if a notebook has a kernel that can be asked. */
export function isKernelAlive(panel: NotebookPanel): boolean {
  const kernel = panel.sessionContext.session?.kernel;
  return (
    !!kernel &&
    kernel.connectionStatus === 'connected' &&
    kernel.status !== 'dead' &&
    kernel.status !== 'terminating'
  );
}

/** Load `hitl_nb` into a kernel, unless it is loaded. Rejects, with a sentence for people, if that is not possible. */
export async function loadExtension(
  kernel: Kernel.IKernelConnection,
  trans: TranslationBundle
): Promise<void> {
  if (loadedKernels.has(kernel)) {
    return;
  }
  await kernel.info;
  let value: string | null;
  try {
    value = await evaluateExpression(kernel, LOAD_EXPRESSION);
  } catch (reason) {
    if (reason instanceof Unheard) {
      throw new Error(
        reason.restarted || restartedKernels.has(kernel)
          ? trans.__(
              'The kernel was restarted and does not answer yet. Nothing is lost: press Continue, or run the agent’s cell again.'
            )
          : trans.__('The kernel does not answer. Press Continue to try again, or run the agent’s cell.')
      );
    }
    throw reason;
  }
  if (value === null) {
    throw new Error(trans.__('hitl_nb could not be loaded in the kernel; run: %load_ext hitl_nb'));
  }
  loadedKernels.add(kernel);
  restartedKernels.delete(kernel);
  const forget = (): void => {
    if ([...NEW_STATUSES, 'dead', 'unknown'].includes(kernel.status)) {
      loadedKernels.delete(kernel);
      if (NEW_STATUSES.includes(kernel.status)) {
        restartedKernels.add(kernel);
      }
      kernel.statusChanged.disconnect(forget);
    }
  };
  kernel.statusChanged.connect(forget);
}

/** Return the URL of the store that a notebook's kernel uses, or null. */
export async function readStoreUrl(panel: NotebookPanel): Promise<string | null> {
  const kernel = panel.sessionContext.session?.kernel;
  const spelled =
    kernel && isKernelAlive(panel)
      ? await evaluateExpression(kernel, STORE_EXPRESSION).catch(() => null)
      : null;
  return spelled ? spelled.slice(1, -1) : null;
}

/**
 * Evaluate an expression in a kernel and return its repr; null if it has no value. The kernel is asked again if it
 * drops the question, because a cell pauses before it, or because the kernel is restarted.
 */
async function evaluateExpression(
  kernel: Kernel.IKernelConnection,
  expression: string
): Promise<string | null> {
  let restarted = false;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      const content = await askOnce(kernel, expression);
      if (content?.status !== 'aborted') {
        return content?.user_expressions?.value?.data?.['text/plain'] ?? null;
      }
    } catch (reason) {
      if (!(reason instanceof Unheard && reason.restarted)) {
        throw reason;
      }
      restarted = true;
    }
  }
  if (restarted) {
    throw new Unheard(true);
  }
  return null;
}

interface IAnswer {
  status: string;
  user_expressions?: { value?: { data?: { 'text/plain'?: string } } };
}

/** Ask a kernel once. Rejects with `Unheard` if the kernel loses the question. */
async function askOnce(kernel: Kernel.IKernelConnection, expression: string): Promise<IAnswer | undefined> {
  const asked = kernel.requestExecute({
    code: '',
    silent: true,
    stop_on_error: false,
    store_history: false,
    user_expressions: { value: expression }
  });
  let restarted = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onStatus = (): void => undefined;
  const unheard = new Promise<never>((_, reject) => {
    onStatus = () => {
      clearTimeout(timer);
      restarted ||= NEW_STATUSES.includes(kernel.status);
      if (kernel.status === 'idle') {
        const patience = restarted ? UNHEARD_AFTER_RESTART_MS : UNHEARD_MS;
        timer = setTimeout(() => reject(new Unheard(restarted)), patience);
      }
    };
    kernel.statusChanged.connect(onStatus);
    onStatus();
  });
  try {
    return (await Promise.race([asked.done, unheard]))?.content;
  } catch (reason) {
    // JupyterLab gives up all questions to a kernel that it restarts.
    throw restarted ? new Unheard(true) : reason;
  } finally {
    clearTimeout(timer);
    kernel.statusChanged.disconnect(onStatus);
  }
}
