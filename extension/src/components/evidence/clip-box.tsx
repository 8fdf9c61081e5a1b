/**
 * Content that is clipped to a height until a person wants to see all of it.
 */

import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import type { IHost } from '../host';

interface IProps {
  /** The height, in pixels. */
  height: number;
  children: ReactNode;
  host: IHost;
}

/** Content with "Show all" if it is higher. Focus inside shows all, so that nothing with the focus is hidden. */
export function ClipBox({ height, children, host }: IProps): JSX.Element {
  const content = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState(false);
  const [tall, setTall] = useState(false);
  useLayoutEffect(() => {
    const node = content.current!;
    const measure = (): void => setTall(node.offsetHeight > height);
    measure();
    const observer = new ResizeObserver(measure); // pictures come later
    observer.observe(node);
    return () => observer.disconnect();
  }, [height]);
  const clipped = tall && !shown;
  return (
    <>
      <div
        className="jp-hitl-clipped"
        data-clipped={clipped || undefined}
        style={shown ? undefined : { maxHeight: height }}
        onFocus={() => setShown(true)}
      >
        <div ref={content}>{children}</div>
      </div>
      {clipped && (
        <button type="button" className="jp-hitl-link jp-hitl-show-all" onClick={() => setShown(true)}>
          {host.trans.__('Show all')}
        </button>
      )}
    </>
  );
}
