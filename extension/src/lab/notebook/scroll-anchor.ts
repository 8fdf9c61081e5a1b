/**
 * Keeps what a person looks at in its place while outputs above it change their height.
 */

import type { NotebookPanel } from '@jupyterlab/notebook';

/**
 * Hold the place of what the person looks at in a notebook: the element with the focus, or else the first cell in
 * view. Returns a function that ends this.
 */
export function holdPlace(panel: NotebookPanel): () => void {
  const scroller = panel.content.node.querySelector<HTMLElement>('.jp-WindowedPanel-outer');
  const held = scroller && findHeld(panel, scroller);
  return held ? holdElement(scroller, held) : () => undefined;
}

/** Hold the place of one element of a scrolled view, also while the person scrolls. */
export function holdElement(scroller: HTMLElement, held: HTMLElement): () => void {
  const place = (): number => held.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  let expected = place();
  const onScroll = (): void => {
    // Positions are whole pixels. The lost fractions must not add up over many changes of the height.
    if (Math.abs(place() - expected) > 1) {
      expected = place();
    }
  };
  const sizes = new ResizeObserver(() => {
    const moved = Math.round(place() - expected);
    if (held.isConnected && moved !== 0) {
      scroller.scrollTop += moved;
    }
  });
  scroller.addEventListener('scroll', onScroll);
  for (const cell of scroller.querySelectorAll('.jp-Cell')) {
    sizes.observe(cell);
  }
  return () => {
    scroller.removeEventListener('scroll', onScroll);
    sizes.disconnect();
  };
}

function findHeld(panel: NotebookPanel, scroller: HTMLElement): HTMLElement | undefined {
  const { top, bottom } = scroller.getBoundingClientRect();
  const isVisible = (node: HTMLElement): boolean => {
    const at = node.getBoundingClientRect();
    return at.bottom > top && at.top < bottom;
  };
  const focused = document.activeElement?.closest<HTMLElement>('.jp-hitl-card, .jp-hitl-decided, .jp-Cell');
  if (focused && scroller.contains(focused) && isVisible(focused)) {
    return focused;
  }
  return panel.content.widgets.map(cell => cell.node).find(isVisible);
}
