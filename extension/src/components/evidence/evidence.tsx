/**
 * Evidence: what the agent shows beside its proposal, so that people can judge it. Nothing of it is executed, and
 * nothing is loaded from other sites.
 */

import { useId, useState } from 'react';
import type { IEvidenceBlock, IProposal } from '../../api/types';
import { recallChoice, rememberChoice } from '../../text/remembered-choice';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatJson } from '../changes/path-diff';
import { Button } from '../controls/button';
import { usePrinting } from '../hooks/use-printing';
import type { IHost } from '../host';
import { ClipBox } from './clip-box';
import { EvidenceFigure, type FigureBlock } from './evidence-figure';
import { SafeLink } from './safe-link';

/** Height to which the evidence is clipped until a person wants to see all of it, in pixels. */
const CLIPPED_HEIGHT_PX = 320;

interface IProps {
  proposal: IProposal;
  host: IHost;
}

type FactBlock = Extract<IEvidenceBlock, { type: 'fact' | 'link' }>;

/** The evidence of a proposal; nothing if there is none. Hidden evidence is remembered for each agent. */
export function Evidence({ proposal, host }: IProps): JSX.Element | null {
  const { trans } = host;
  const choice = `evidence:${proposal.agent}`;
  const [hidden, setHidden] = useState(() => recallChoice(choice) === 'hidden');
  const body = useId();
  const printing = usePrinting();
  const blocks = listBlocks(proposal);
  if (blocks.length === 0) {
    return null;
  }
  const toggle = (): void => {
    rememberChoice(choice, hidden ? 'shown' : 'hidden');
    setHidden(!hidden);
  };
  return (
    <section
      className="jp-hitl-section jp-mod-sunken jp-hitl-evidence"
      data-hidden={hidden || undefined}
      aria-label={trans.__('Evidence')}
    >
      <div className="jp-hitl-section-bar">
        <h4>{trans.__('Evidence')}</h4>
        <span className="jp-hitl-grow" />
        <Button variant="quiet" small expanded={!hidden} onClick={toggle}>
          {hidden ? trans.__('Show') : trans.__('Hide')}
        </Button>
      </div>
      <div id={body} className="jp-hitl-evidence-body" hidden={hidden && !printing}>
        {(!hidden || printing) && (
          <ClipBox height={CLIPPED_HEIGHT_PX} host={host}>
            <Facts blocks={blocks.filter(isFact)} host={host} />
            <Figures proposal={proposal} blocks={blocks.filter(block => !isFact(block))} host={host} />
          </ClipBox>
        )}
      </div>
    </section>
  );
}

/** The blocks of a proposal. A server of an older version sends none: then they are made of the context. */
function listBlocks({ evidence, context }: IProposal): IEvidenceBlock[] {
  if (evidence !== undefined) {
    return evidence;
  }
  if (context === null) {
    return [];
  }
  if (typeof context === 'string') {
    return [{ type: 'markdown', name: '', text: context }];
  }
  return Object.entries(context).map(([name, value]) => ({
    type: 'fact',
    name,
    value: value === null || typeof value === 'string' ? value : formatJson(value)
  }));
}

function isFact(block: IEvidenceBlock): block is FactBlock {
  return block.type === 'fact' || block.type === 'link';
}

function Facts({ blocks, host }: { blocks: FactBlock[]; host: IHost }): JSX.Element | null {
  return blocks.length === 0 ? null : (
    <dl className="jp-hitl-facts">
      {blocks.map((block, i) => (
        <div key={i}>
          <dt>{showHiddenCharacters(block.name)}</dt>
          <dd>
            {block.type === 'link' ? (
              <SafeLink url={block.url} text={block.text} site={block.host} />
            ) : block.value === null ? (
              <i className="jp-hitl-muted">{host.trans.__('none')}</i>
            ) : (
              showHiddenCharacters(block.value)
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Figures(props: { proposal: IProposal; blocks: IEvidenceBlock[]; host: IHost }): JSX.Element | null {
  const blocks = props.blocks as FigureBlock[];
  return blocks.length === 0 ? null : (
    <div className="jp-hitl-blocks" data-count={blocks.length}>
      {blocks.map((block, i) => (
        <EvidenceFigure key={i} proposal={props.proposal} block={block} host={props.host} />
      ))}
    </div>
  );
}
