/**
 * Elements with a size, so that lists draw their rows; jsdom has no layout.
 */

export function giveElementsSize(): void {
  Object.defineProperty(HTMLElement.prototype, 'offsetHeight', { get: () => 600 });
  Object.defineProperty(HTMLElement.prototype, 'offsetWidth', { get: () => 400 });
  HTMLElement.prototype.scrollTo = () => undefined;
  globalThis.ResizeObserver = class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
}
