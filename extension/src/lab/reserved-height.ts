/**
 * Reserves space for an output that is not drawn yet: the height of the last time. So nothing below it moves when it
 * is drawn.
 */

import type { ReactWidget } from '@jupyterlab/ui-components';

/** Prefix of the keys in the session storage, where the heights are kept as long as the browser tab lives. */
const KEY_PREFIX = 'hitl-nb:height:';

/** The reserved height of one element. */
export class ReservedHeight {
  constructor(private _node: HTMLElement) {}

  /** Reserve the height that is stored under this name. */
  keep(name: string): void {
    this._name = KEY_PREFIX + name;
    const height = sessionStorage.getItem(this._name);
    if (height !== null) {
      this._node.style.minHeight = `${height}px`;
    }
  }

  /** End the reservation after the content is drawn, and store its height from then on. */
  release(content: ReactWidget): void {
    void content.renderPromise?.then(() => {
      this._node.style.minHeight = '';
      this._sizes.disconnect();
      this._sizes.observe(content.node);
    });
  }

  dispose(): void {
    this._sizes.disconnect();
  }

  private _sizes = new ResizeObserver(() => {
    const { height } = this._node.getBoundingClientRect();
    if (this._name && height > 0) {
      sessionStorage.setItem(this._name, String(height));
    }
  });
  private _name = '';
}
