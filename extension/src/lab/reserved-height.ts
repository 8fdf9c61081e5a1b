/**
 * Room for what is not drawn yet, as high as it was last time, so that nothing below it moves when it is.
 */

import type { ReactWidget } from '@jupyterlab/ui-components';

/** Where heights are kept, for as long as the browser's tab lives. */
const KEY_PREFIX = 'hitl-nb:height:';

export class ReservedHeight {
  constructor(private _node: HTMLElement) {}

  /** Keep room for what is known by this name. */
  keep(name: string): void {
    this._name = KEY_PREFIX + name;
    const height = sessionStorage.getItem(this._name);
    if (height !== null) {
      this._node.style.minHeight = `${height}px`;
    }
  }

  /** It is there: it takes what it needs, and that is remembered. */
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
    const height = this._node.offsetHeight;
    if (this._name && height > 0) {
      sessionStorage.setItem(this._name, String(height));
    }
  });
  private _name = '';
}
