// Parts of a browser that jsdom lacks, for packages that need them when they are loaded.
globalThis.DragEvent = class DragEvent extends MouseEvent {};
globalThis.ResizeObserver = class ResizeObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.matchMedia = media => ({
  media,
  matches: false,
  addEventListener() {},
  removeEventListener() {}
});
globalThis.requestIdleCallback = work => setTimeout(work, 0);
