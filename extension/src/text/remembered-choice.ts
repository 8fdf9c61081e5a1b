/**
 * Choices of a person about a view, kept in this browser.
 */

const PREFIX = 'hitl-nb:';

/** Return the remembered choice, or null. A browser may forbid storage. */
export function recallChoice(name: string): string | null {
  try {
    return window.localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** Remember a choice in this browser. */
export function rememberChoice(name: string, choice: string): void {
  try {
    window.localStorage.setItem(PREFIX + name, choice);
  } catch {
    return; // a browser without storage forgets it
  }
}
