// What a browser has and jsdom has not, for packages that ask for it when they are loaded.
globalThis.DragEvent = class DragEvent extends MouseEvent {};
globalThis.ResizeObserver = class ResizeObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.requestIdleCallback = work => setTimeout(work, 0);
