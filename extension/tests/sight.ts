/**
 * An `IntersectionObserver` whose reports a test makes: jsdom has no layout.
 */

/** Install it. `show` reports that the elements are wholly in sight; the returned function removes it again. */
export function watchSight(): { show: (...elements: Element[]) => void; stop: () => void } {
  const browser = globalThis as { IntersectionObserver?: unknown };
  const observers = new Set<{ report: (entries: unknown[]) => void; watched: Set<Element> }>();
  browser.IntersectionObserver = class {
    watched = new Set<Element>();
    constructor(readonly report: (entries: unknown[]) => void) {
      observers.add(this);
    }
    observe(element: Element): void {
      this.watched.add(element);
    }
    unobserve(element: Element): void {
      this.watched.delete(element);
    }
    disconnect(): void {
      observers.delete(this);
    }
  };
  return {
    show: (...elements) =>
      [...observers].forEach(({ report, watched }) => {
        const entries = elements
          .filter(target => watched.has(target))
          .map(target => ({
            ...{ target, isIntersecting: true, intersectionRatio: 1 },
            ...{
              intersectionRect: { height: 20, bottom: 20 },
              boundingClientRect: { height: 20, bottom: 20 }
            }
          }));
        report(entries);
      }),
    stop: () => void delete browser.IntersectionObserver
  };
}
