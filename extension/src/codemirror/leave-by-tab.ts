/**
 * Tab leaves an editor, as it leaves every other field. JupyterLab's editors indent with it; Ctrl ] and Ctrl [ still do.
 */

/** Let Tab move the focus out of the editor that is in an element. */
export function leaveByTab(host: HTMLElement): void {
  host.addEventListener('keydown', keepTab, true);
}

/** Keep Tab from the editor, which is deeper; the browser moves the focus then. */
function keepTab(event: KeyboardEvent): void {
  if (event.key === 'Tab' && !event.ctrlKey && !event.altKey && !event.metaKey) {
    event.stopPropagation();
  }
}
