/**
 * One block of evidence in its frame: a text, a table, a picture, the changes of a text, or a tree.
 */

import { type ReactNode, useState } from 'react';
import type { IEvidenceBlock, IProposal } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { unescapeBreaks } from '../changes/path-diff';
import { TextChanges } from '../changes/text-changes';
import { Icon, type IconName } from '../controls/icons';
import type { IHost } from '../host';
import { Markdown } from '../markdown';
import { ClipBox } from './clip-box';
import { DataTable } from './data-table';
import { JsonTree } from './json-tree';
import { Picture } from './picture';

/** Height of 12 lines of text, in pixels. */
const TEXT_HEIGHT_PX = 234;

/** Windows in which pictures are folded. */
const PHONE = '(width <= 600px)';

/** A block that has a frame of its own. */
export type FigureBlock = Exclude<IEvidenceBlock, { type: 'fact' | 'link' }>;

const BLOCK_ICONS: { readonly [type in FigureBlock['type']]: IconName } = {
  markdown: 'text',
  table: 'table',
  image: 'open',
  chart: 'chart',
  diff: 'changes',
  tree: 'more'
};

interface IProps {
  proposal: IProposal;
  block: FigureBlock;
  host: IHost;
}

/** One block with its name. */
export function EvidenceFigure({ proposal, block, host }: IProps): JSX.Element {
  switch (block.type) {
    case 'table':
      return <DataTable block={block} icon={<Icon name={BLOCK_ICONS.table} />} host={host} />;
    case 'image':
    case 'chart':
      return (
        <Frame block={block}>
          <FoldedOnPhones host={host}>
            <Picture proposal={proposal} block={block} host={host} />
          </FoldedOnPhones>
        </Frame>
      );
    case 'diff':
      return (
        <Frame block={block} note={block.cut && host.trans.__('cut')}>
          <ClipBox height={TEXT_HEIGHT_PX} host={host}>
            <DiffText before={block.before} after={block.after} host={host} />
          </ClipBox>
        </Frame>
      );
    case 'tree':
      return (
        <Frame block={block} note={block.cut && host.trans.__('cut')}>
          <JsonTree value={block.value} host={host} />
        </Frame>
      );
    case 'markdown':
      return (
        <Frame block={block} note={block.cut && host.trans.__('cut')}>
          <ClipBox height={TEXT_HEIGHT_PX} host={host}>
            <Markdown text={block.text} />
          </ClipBox>
        </Frame>
      );
  }
}

/** The changes of a text, or of JSON by its lines. */
function DiffText(props: { before: string; after: string; host: IHost }): JSX.Element {
  const { before, after, host } = props;
  return isJson(before) ? (
    <TextChanges code before={unescapeBreaks(before)} after={unescapeBreaks(after)} host={host} />
  ) : (
    <TextChanges code={false} before={before} after={after} host={host} />
  );
}

/** A frame with a name. A text without a name, which is the whole context, has no frame. */
function Frame(props: { block: FigureBlock; note?: ReactNode; children: ReactNode }): JSX.Element {
  const { block, note, children } = props;
  if (block.name === '' && !note) {
    return <div className="jp-hitl-block-whole">{children}</div>;
  }
  return (
    <figure className={`jp-hitl-block jp-mod-${block.type}`}>
      <figcaption>
        <Icon name={BLOCK_ICONS[block.type]} />
        <span className="jp-hitl-grow">{showHiddenCharacters(block.name)}</span>
        {note}
      </figcaption>
      <div className="jp-hitl-block-body">{children}</div>
    </figure>
  );
}

/** A picture. In a window as narrow as a phone it is folded, so that the proposal is not far below it. */
function FoldedOnPhones({ host, children }: { host: IHost; children: ReactNode }): JSX.Element {
  const [folded] = useState(() => window.matchMedia(PHONE).matches);
  return folded ? (
    <details>
      <summary>{host.trans.__('Show the picture')}</summary>
      {children}
    </details>
  ) : (
    <>{children}</>
  );
}

function isJson(text: string): boolean {
  return /^\s*[[{]/.test(text);
}
