import { fireEvent, render, screen } from '@testing-library/react';
import { useRef } from 'react';
import { Popover } from '../../../src/components/controls/popover';

function Reason({ onSubmit }: { onSubmit: () => void }): JSX.Element {
  const anchor = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button ref={anchor}>Reject…</button>
      <Popover anchor={anchor} title="Why?" onClose={() => undefined} onSubmit={onSubmit}>
        <textarea />
      </Popover>
    </>
  );
}

function open() {
  const sent = jest.fn();
  render(<Reason onSubmit={sent} />);
  const field = screen.getByRole('textbox');
  /** Press a key; returns whether it acts. */
  const press = (key: string, more: KeyboardEventInit = {}): boolean =>
    fireEvent.keyDown(field, { key, ...more });
  return { sent, field, press };
}

test('a held Ctrl Enter sends nothing, a new one does', () => {
  const { sent, press } = open();
  press('Enter', { ctrlKey: true, repeat: true });
  fireEvent.keyUp(document.body, { key: 'Enter' });
  press('a');
  press('Enter', { ctrlKey: true, repeat: true });
  expect(sent).not.toHaveBeenCalled();
  press('Enter', { ctrlKey: true });
  expect(sent).toHaveBeenCalledTimes(1);
});

test('the key that opened a pop-up types nothing into it until it is released', () => {
  const { press, field } = open();
  expect(document.activeElement).toBe(field);
  expect(press('r', { repeat: true })).toBe(false);
  expect(press('r', { repeat: true })).toBe(false);
  fireEvent.keyUp(document.body, { key: 'r' });
  expect(press('r')).toBe(true);
  expect(press('r', { repeat: true })).toBe(true);
});
