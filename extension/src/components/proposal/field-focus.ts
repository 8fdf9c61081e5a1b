/**
 * Moves the focus to a place in a card where its value is edited.
 */

/** The first match in a card is the place where its value is edited. */
export const FIELD_SELECTOR = [
  '.jp-hitl-text [contenteditable="true"]',
  ...['input', 'textarea', 'select'].map(tag => `.jp-hitl-value ${tag}:enabled`),
  '.jp-hitl-value [role="grid"] [tabindex="0"]'
].join(', ');

const INVALID_SELECTOR = '.jp-hitl-value [aria-invalid="true"]';

/** The button to the first message of a table, whose cell may not be drawn. */
const ERROR_LINK_SELECTOR = '.jp-hitl-value .jp-hitl-table-errors button';

/** Parts of a card with editors that may be hidden behind another view of the value, and how each is shown. */
const hiddenEditors = new WeakMap<Element, () => void>();

/** Say how an element with editors is shown when it is hidden. */
export function registerHiddenEditor(element: Element, show: () => void): void {
  hiddenEditors.set(element, show);
}

/** Show the editor of a field, if another view of the value is shown in its place. A hidden field takes no focus. */
export function revealField(field: Element): void {
  const around = field.closest<HTMLElement>('[hidden]');
  const show = around && hiddenEditors.get(around);
  if (around && show) {
    around.hidden = false; // at once; the next drawing comes later
    show();
  }
}

/** Focus the first field of a card; return true if there is one. */
export function focusFirstField(card: HTMLElement | null): boolean {
  return focusElement(card?.querySelector<HTMLElement>(FIELD_SELECTOR) ?? null);
}

/** Focus the first field with a value that is not valid, or else the first field. */
export function focusFirstInvalid(card: HTMLElement | null): boolean {
  const link = card?.querySelector<HTMLElement>(ERROR_LINK_SELECTOR);
  if (link) {
    revealField(link);
    link.click();
    return true;
  }
  return focusElement(card?.querySelector<HTMLElement>(INVALID_SELECTOR) ?? null) || focusFirstField(card);
}

function focusElement(element: HTMLElement | null): boolean {
  if (element) {
    revealField(element);
  }
  element?.focus();
  element?.scrollIntoView?.({ block: 'nearest' });
  return element !== null;
}
