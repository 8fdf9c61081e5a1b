/**
 * A replacement for parts of the page that could not be drawn. React reports the error in the console.
 */

import { Component, ReactNode } from 'react';

/** Draws `instead` if its children could not be drawn. */
export class ErrorBoundary extends Component<
  { instead: ReactNode; children: ReactNode },
  { failed: boolean }
> {
  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override state = { failed: false };

  override render(): ReactNode {
    return this.state.failed ? this.props.instead : this.props.children;
  }
}
