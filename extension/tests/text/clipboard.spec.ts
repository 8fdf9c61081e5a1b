import { copyText } from '../../src/text/clipboard';

afterEach(() => {
  Object.assign(document, { execCommand: undefined });
  Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true });
  document.body.innerHTML = '';
});

/** Let the browser copy the selection of a field. */
function allowSelection(): string[] {
  const copied: string[] = [];
  const execCommand = (): boolean => {
    const { value, selectionStart, selectionEnd } = document.activeElement as HTMLTextAreaElement;
    copied.push(value.slice(selectionStart, selectionEnd));
    return true;
  };
  Object.assign(document, { execCommand });
  return copied;
}

test('a text is copied by the clipboard of the browser', async () => {
  const writeText = jest.fn(async () => undefined);
  Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true });
  expect(await copyText('a')).toBe(true);
  expect(writeText).toHaveBeenCalledWith('a');
});

test('without one, or if it is forbidden, the text is selected and copied, and the focus stays', async () => {
  document.body.innerHTML = '<input>';
  const field = document.querySelector('input')!;
  field.focus();
  const copied = allowSelection();
  expect(await copyText('a\nb')).toBe(true);
  const writeText = async (): Promise<void> => Promise.reject(new Error('NotAllowedError'));
  Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true });
  expect(await copyText('c')).toBe(true);
  expect(copied).toEqual(['a\nb', 'c']);
  expect(document.activeElement).toBe(field);
  expect(document.querySelector('textarea')).toBeNull();
});

test('if nothing is allowed, that is the answer', async () => {
  expect(await copyText('a')).toBe(false);
});
