/**
 * A pop-up that is anchored to a button: a small dialog or a menu.
 *
 * It stays inside its card in the document, so that its keys reach nothing but the card. The browser's `popover`
 * draws it above everything, also out of the scrolled outputs that would clip it.
 */

import {
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useRef
} from 'react';

/** Space between the button and the pop-up, and between the pop-up and the edges of the window, in pixels. */
const GAP_PX = 4;
const MARGIN_PX = 8;

const FOCUSABLE =
  'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex]:not([tabindex="-1"])';

interface IPopoverProps {
  /** The button that opened it: it gets the focus back. */
  anchor: RefObject<HTMLElement>;
  onClose: () => void;
  /** Heading of the dialog, and its name. */
  title: string;
  children: ReactNode;
  /** The buttons below. */
  footer?: ReactNode;
  /** Called by Ctrl Enter (Command Enter). */
  onSubmit?: () => void;
}

/** A small dialog. The first field, or else the first button, has the focus; Escape closes it. */
export function Popover({ anchor, onClose, title, children, footer, onSubmit }: IPopoverProps): JSX.Element {
  const heading = useId();
  const node = useRef<HTMLDivElement>(null);
  usePlacement(node, anchor, onClose);
  useHeldOpener(node);
  useEffect(() => {
    const first =
      node.current?.querySelector<HTMLElement>('textarea, input:not([type="radio"])') ??
      node.current?.querySelector<HTMLElement>(FOCUSABLE);
    (first ?? node.current)?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && onSubmit) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) {
        onSubmit();
      }
    } else if (event.key === 'Tab' && node.current) {
      keepFocusInside(event, node.current);
    }
  };
  return (
    <div
      ref={node}
      className="jp-hitl-popover"
      role="dialog"
      aria-labelledby={heading}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <header id={heading}>{title}</header>
      <div className="jp-hitl-popover-body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </div>
  );
}

interface IMenuProps {
  anchor: RefObject<HTMLElement>;
  onClose: () => void;
  /** Name of the menu. */
  label: string;
  /** `MenuItem`s, and `<hr />` between groups. */
  children: ReactNode;
}

/** A menu: arrows move, a letter is typed to the card's keys, Escape and Tab close it. */
export function Menu({ anchor, onClose, label, children }: IMenuProps): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  usePlacement(node, anchor, onClose);
  useHeldOpener(node);
  useEffect(() => menuItems(node.current)[0]?.focus(), []);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    const items = menuItems(node.current);
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[
      event.key
    ];
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      items[next % items.length]?.focus();
    } else if (event.key === 'Tab') {
      onClose();
    } else if (event.key.length === 1) {
      event.stopPropagation(); // a letter does nothing while a menu is open
    }
  };
  return (
    <div
      ref={node}
      className="jp-hitl-popover jp-hitl-menu"
      role="menu"
      aria-label={label}
      onKeyDown={onKeyDown}
    >
      {children}
    </div>
  );
}

function menuItems(menu: HTMLElement | null): HTMLElement[] {
  return [...(menu?.querySelectorAll<HTMLElement>('[role="menuitem"]:not(:disabled)') ?? [])];
}

function keepFocusInside(event: KeyboardEvent, node: HTMLElement): void {
  const all = [...node.querySelectorAll<HTMLElement>(FOCUSABLE)];
  const [first, last] = [all[0], all[all.length - 1]];
  const leaving = event.shiftKey ? first : last;
  if (document.activeElement === leaving || document.activeElement === node) {
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }
}

/** Ignore the key that opened the pop-up while it is held down: it would type into its field, or press its buttons. */
function useHeldOpener(node: RefObject<HTMLElement>): void {
  useLayoutEffect(() => {
    const shown = node.current!;
    const onKeyDown = (event: globalThis.KeyboardEvent): void => {
      if (event.repeat) {
        event.preventDefault();
        event.stopPropagation();
      } else {
        end(); // another key, whose repeats count
      }
    };
    const end = (): void => {
      shown.removeEventListener('keydown', onKeyDown, true);
      window.removeEventListener('keyup', end, true);
    };
    shown.addEventListener('keydown', onKeyDown, true);
    window.addEventListener('keyup', end, true);
    return end;
  }, [node]);
}

/** Show the element above all others beside its anchor, close it by Escape or a press outside, and restore the focus. */
function usePlacement(
  node: RefObject<HTMLElement>,
  anchor: RefObject<HTMLElement>,
  onClose: () => void
): void {
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const shown = node.current!;
    const button = anchor.current;
    shown.setAttribute('popover', 'manual');
    shown.showPopover?.(); // a browser without it draws the element inside its card
    const place = (): void => placeBeside(shown, button);
    place();
    const onPress = (event: Event): void => {
      const target = event.target as Node;
      if (!shown.contains(target) && !button?.contains(target)) {
        close.current();
      }
    };
    const onKey = (event: globalThis.KeyboardEvent): void => {
      if (event.key === 'Escape') {
        event.preventDefault();
        event.stopPropagation();
        close.current();
      }
    };
    shown.addEventListener('keydown', onKey);
    document.addEventListener('pointerdown', onPress, true);
    window.addEventListener('resize', place);
    document.addEventListener('scroll', place, true);
    return () => {
      shown.removeEventListener('keydown', onKey);
      document.removeEventListener('pointerdown', onPress, true);
      window.removeEventListener('resize', place);
      document.removeEventListener('scroll', place, true);
      if (shown.contains(document.activeElement)) {
        button?.focus({ preventScroll: true });
      }
    };
  }, [node, anchor]);
}

function placeBeside(shown: HTMLElement, button: HTMLElement | null): void {
  if (!button) {
    return;
  }
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = shown;
  const below = at.bottom + GAP_PX;
  const fits = below + height <= window.innerHeight - MARGIN_PX;
  const top = fits ? below : Math.max(MARGIN_PX, at.top - GAP_PX - height);
  const left = Math.max(MARGIN_PX, Math.min(at.left, window.innerWidth - MARGIN_PX - width));
  shown.style.top = `${top}px`;
  shown.style.left = `${left}px`;
}
