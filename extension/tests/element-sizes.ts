/**
 * Elements with a size, so that lists draw their rows; jsdom has no layout.
 */

/** @param width - of all elements; from 721 px on the inbox has list and card side by side. */
export function giveElementsSize(width = 400): void {
  const makeGetter = (pixels: number): PropertyDescriptor => ({ get: () => pixels, configurable: true });
  Object.defineProperty(HTMLElement.prototype, 'offsetHeight', makeGetter(600));
  Object.defineProperty(HTMLElement.prototype, 'offsetWidth', makeGetter(width));
  HTMLElement.prototype.scrollTo = () => undefined;
  globalThis.ResizeObserver = class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
}
