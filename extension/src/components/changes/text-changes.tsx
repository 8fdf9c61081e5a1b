/**
 * Changes of a text: in place by word, or by line for code; side by side where there is room.
 */

import { Fragment, type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { SideBySide } from '../../codemirror/side-by-side';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { MarkedText } from './marked-text';
import { diffLines, diffWords, type ICodeLine, splitParagraphs } from './text-diff';

interface IProps {
  before: string;
  after: string;
  host: IHost;
}

/**
 * Width from which both versions are shown side by side, in pixels. A card has at most 860, and its value 823 of them;
 * it gets them where 900 are free.
 */
const SIDES_WIDTH_PX = 800;

/** Unchanged lines that are shown before and after a change. */
const LINES_AROUND = 3;

/** The changes of a text: prose by word, code by line. */
export function TextChanges({ code, ...props }: IProps & { code: boolean }): JSX.Element {
  const { before, after, host } = props;
  const node = useRef<HTMLDivElement>(null);
  const wide = useIsWide(node);
  const Inline = code ? CodeChanges : ProseChanges;
  return (
    <div ref={node} className="jp-hitl-text-changes">
      {wide ? (
        <SideBySide
          before={before}
          after={after}
          names={[host.trans.__('Original'), host.trans.__('Changed')]}
        />
      ) : (
        <Inline {...props} />
      )}
    </div>
  );
}

function ProseChanges({ before, after, host }: IProps): JSX.Element {
  const { trans } = host;
  const paragraphs = useMemo(() => splitParagraphs(diffWords(before, after)), [before, after]);
  const folds = useFolds(paragraphs, one => one.every(({ sign }) => sign === 'same'), 0);
  return (
    <div className="jp-hitl-prose">
      {folds.map(({ items, at, shown, show }) =>
        shown ? (
          items.map((parts, i) => (
            <p key={at + i}>
              <MarkedText parts={parts} host={host} />
            </p>
          ))
        ) : (
          <Fold
            key={at}
            text={trans._n(
              '%1 paragraph without changes',
              '%1 paragraphs without changes',
              items.filter(parts => parts.some(({ text }) => text.trim() !== '')).length
            )}
            onShow={show}
            host={host}
          />
        )
      )}
    </div>
  );
}

function CodeChanges({ before, after, host }: IProps): JSX.Element {
  const { trans } = host;
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  const folds = useFolds(lines, ({ sign }) => sign === 'same', LINES_AROUND);
  return (
    <div className="jp-hitl-code" role="region" tabIndex={0} aria-label={trans.__('Changes, line by line')}>
      {folds.map(({ items, at, shown, show }) =>
        shown ? (
          items.map((line, i) => <CodeLine key={at + i} line={line} host={host} />)
        ) : (
          <Fold
            key={at}
            text={trans._n('%1 line without changes', '%1 lines without changes', items.length)}
            onShow={show}
            host={host}
          />
        )
      )}
    </div>
  );
}

const SIGNS = { same: ' ', removed: '−', added: '+' };
const LINE_CLASSES = { same: '', removed: 'd', added: 'a' };

function CodeLine({ line, host }: { line: ICodeLine; host: IHost }): JSX.Element {
  const { sign, before, after, pieces } = line;
  const words = { same: '', removed: host.trans.__('removed:'), added: host.trans.__('added:') };
  return (
    <div className={LINE_CLASSES[sign]}>
      <span>{before}</span>
      <span>{after}</span>
      <i aria-hidden="true">{SIGNS[sign]}</i>
      <span>
        {sign !== 'same' && <span className="jp-hitl-visually-hidden">{words[sign]} </span>}
        {pieces.map(({ text, marked }, i) => {
          const Element = marked ? 'mark' : Fragment;
          return <Element key={i}>{showHiddenCharacters(text)}</Element>;
        })}
      </span>
    </div>
  );
}

/** A line in place of parts without changes. */
export function Fold({ text, onShow, host }: { text: string; onShow: () => void; host: IHost }): JSX.Element {
  return (
    <p className="jp-hitl-fold">
      <span aria-hidden="true">⋯ </span>
      {text}{' '}
      <button type="button" className="jp-hitl-link" onClick={onShow}>
        {host.trans.__('Show')}
      </button>
    </p>
  );
}

interface IFold<T> {
  items: T[];
  /** Index of the first item. */
  at: number;
  shown: boolean;
  show: () => void;
}

/**
 * Group a list into parts with changes and parts without, which are folded until a person shows them.
 *
 * @param around - number of unchanged items that are shown next to a change.
 */
export function useFolds<T>(items: readonly T[], isSame: (item: T) => boolean, around: number): IFold<T>[] {
  const [open, setOpen] = useState<{ items: readonly T[]; at: ReadonlySet<number> }>({
    items,
    at: new Set()
  });
  const near = new Set<number>();
  items.forEach((item, i) => {
    if (!isSame(item)) {
      for (let at = i - around; at <= i + around; at++) {
        near.add(at);
      }
    }
  });
  const folds: IFold<T>[] = [];
  items.forEach((item, i) => {
    const last = folds[folds.length - 1] as IFold<T> | undefined;
    const shown = near.has(i);
    if (last && near.has(i - 1) === shown) {
      last.items.push(item);
    } else {
      folds.push({
        items: [item],
        at: i,
        shown,
        show: () => setOpen(({ at }) => ({ items, at: new Set([...at, i]) }))
      });
    }
  });
  return folds.map(fold => ({
    ...fold,
    shown: fold.shown || (open.items === items && open.at.has(fold.at))
  }));
}

/** Whether an element is wide enough for two columns of text. */
function useIsWide(node: RefObject<HTMLElement>): boolean {
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const observer = new ResizeObserver(entries =>
      setWide(entries[entries.length - 1].contentRect.width >= SIDES_WIDTH_PX)
    );
    observer.observe(node.current!);
    return () => observer.disconnect();
  }, [node]);
  return wide;
}
