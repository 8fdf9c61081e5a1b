/**
 * What is shown instead of a part that could not be drawn. React tells the console why.
 */

import { Component, ReactNode } from 'react';

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
