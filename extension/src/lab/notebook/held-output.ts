/**
 * Keeps the output of an agent's cell in view while the cell is executed again. JupyterLab removes the output at once,
 * and the new one comes only when the run's state is loaded, which may take seconds.
 */

import type { CodeCell } from '@jupyterlab/cells';

/** Milliseconds in which the new outputs come, from the first one on. Until then the old height is kept. */
const REPLAY_MS = 1000;

/** Elements with a program of their own, which would start again in a copy. */
const PROGRAMS = 'iframe, object, embed, script, audio, video';

/** Elements with the verdict: in a decided card, and in the line of many. */
const VERDICTS = '.jp-hitl-decided .jp-hitl-state, .jp-hitl-decided-fold > .jp-hitl-grow';

/**
 * Show a still copy of a cell's output from the moment when it is removed until the new output comes.
 *
 * @param note - is added to the verdict of the last decided card, such as ", continues".
 * @returns a function that ends this.
 */
export function holdOutput(cell: CodeCell, note: string): () => void {
  const area = cell.outputArea?.node;
  if (!area?.isConnected || !area.parentElement) {
    return () => undefined; // not in the page
  }
  const around = area.parentElement;
  const { outputs } = cell.model;
  const copy = copyOutput(area, note);
  const { height } = around.getBoundingClientRect();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const release = (): void => {
    clearTimeout(timer);
    copy.remove();
    around.style.minHeight = '';
    outputs.changed.disconnect(follow);
  };
  const follow = (): void => {
    if (outputs.length === 0) {
      area.append(copy);
      return;
    }
    if (copy.isConnected) {
      copy.remove();
      around.style.minHeight = `${height}px`;
      timer = setTimeout(release, REPLAY_MS);
    }
  };
  outputs.changed.connect(follow);
  return release;
}

/** Copy an output: nothing in the copy can be used, and no other code takes it for a card. */
function copyOutput(area: HTMLElement, note: string): HTMLElement {
  const copy = document.createElement('div');
  copy.className = 'jp-hitl-held';
  copy.setAttribute('inert', '');
  for (const child of area.querySelectorAll(':scope > .jp-OutputArea-child')) {
    copy.append(child.cloneNode(true));
  }
  const originals = [...area.querySelectorAll<HTMLElement>(PROGRAMS)];
  copy.querySelectorAll<HTMLElement>(PROGRAMS).forEach((program, at) => {
    const space = document.createElement('div');
    space.style.height = `${originals[at]?.offsetHeight ?? 0}px`;
    program.replaceWith(space);
  });
  copy.querySelectorAll('[data-proposal]').forEach(card => card.removeAttribute('data-proposal'));
  const verdict = [...copy.querySelectorAll(VERDICTS)].pop();
  if (!verdict?.parentElement?.querySelector('.jp-hitl-chip')) {
    verdict?.append(note); // otherwise a chip says it already
  }
  return copy;
}
