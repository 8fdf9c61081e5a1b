/**
 * Copying of texts. On a page over plain HTTP a browser has no `navigator.clipboard`.
 */

/** Copy a text. Resolves to false if the browser does not allow it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    const clipboard = navigator.clipboard as Clipboard | undefined; // absent over plain HTTP
    if (clipboard) {
      await clipboard.writeText(text);
      return true;
    }
  } catch {
    return copySelected(text); // not permitted; the older way may be
  }
  return copySelected(text);
}

/** Copy a text as a person does: select it in a field, and copy the selection. The focus returns after that. */
function copySelected(text: string): boolean {
  const { activeElement } = document;
  const field = document.createElement('textarea');
  field.value = text;
  field.readOnly = true;
  field.setAttribute('aria-hidden', 'true');
  field.style.cssText = 'position: fixed; top: 0; opacity: 0';
  document.body.append(field);
  try {
    field.focus({ preventScroll: true });
    field.select();
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    field.remove();
    (activeElement as HTMLElement | null)?.focus({ preventScroll: true });
  }
}
