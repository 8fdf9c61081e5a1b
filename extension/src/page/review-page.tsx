/**
 * The review page: a proposal's card or a workspace, or an error, and the state of the connection. After a decision it
 * shows the next proposal that waits for this person.
 */

import { type ReactNode, useCallback, useEffect, useReducer, useRef, useState } from 'react';
import { ApiError } from '../api/errors';
import type { IProposal } from '../api/types';
import { Alert } from '../components/controls/alert';
import { Button } from '../components/controls/button';
import { DecisionSurroundings, type IDecisionSurroundings } from '../components/decide/decision-surroundings';
import { useKeyHints } from '../components/keys/key-hints';
import { focusCard, isFocusFree } from '../components/keys/card-focus';
import { CardById, loadProposalModel, loadWorkspaceModel } from '../components/proposal/loaders';
import { ProposalCard } from '../components/proposal/proposal-card';
import { ErrorBoundary } from '../components/error-boundary';
import { showHiddenCharacters } from '../text/hidden-characters';
import { WorkspaceView } from '../components/proposal/workspace-view';
import type { IProposalModel } from '../models/interfaces';
import { LastDecision } from './last-decision';
import { PageBar } from './page-bar';
import type { PageHost } from './page-host';
import { useReviewQueue } from './review-queue';

/** The kinds of records that a page can show. */
export type PageSubject = 'proposal' | 'workspace';

/** The windows of phones. The style sheet has the same width. */
const COMPACT = '(width <= 600px)';

/** The loaded record, and its view. */
interface ILoadedPage {
  id: string;
  title: string;
  /** The model of a proposal; null for a workspace. */
  model: IProposalModel | null;
  /** Plain text, shown if the view cannot be drawn. */
  text: string;
  view: ReactNode;
  dispose(): void;
}

interface IProps {
  host: PageHost;
  /** The record that is shown first. */
  id: string;
  of: PageSubject;
}

/** The content of the review page. */
export function ReviewPage({ host, id: first, of }: IProps): JSX.Element {
  const { trans } = host;
  useKeyHints(host);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [id, setId] = useState(first);
  const [shown, setShown] = useState<ILoadedPage | null>(null);
  const [last, setLast] = useState<IProposal | null>(null);
  const queue = useReviewQueue(host, id, of === 'proposal');
  const compact = useMediaQuery(COMPACT);
  const [problem, setProblem] = useState('');
  const [reading, setReading] = useState(true);

  useEffect(() => {
    host.changed.connect(redraw);
    return () => {
      host.changed.disconnect(redraw);
    };
  }, [host]);

  const read = useCallback(
    async (isCurrent: () => boolean = () => true) => {
      setReading(true);
      setProblem('');
      try {
        const [make] = await Promise.all([LOADERS[of](id, host), host.refresh()]);
        if (isCurrent()) {
          setShown(make());
          showAddress(id);
        }
      } catch (reason) {
        if (isCurrent()) {
          setShown(null);
          setProblem(errorSentence(reason, host));
        }
      }
      if (isCurrent()) {
        setReading(false);
      }
    },
    [host, id, of]
  );

  useEffect(() => {
    let current = true;
    void read(() => current);
    return () => {
      current = false;
    };
  }, [read]);
  useEffect(() => () => shown?.dispose(), [shown]);
  useEffect(() => {
    document.title = shown ? trans.__('%1 – Review', showHiddenCharacters(shown.title)) : trans.__('Review');
  }, [shown, trans]);

  const current = useRef(id);
  current.current = id;
  const moveFocus = useCardFocus(shown, first);

  const go = (to: string, byKey = false): void => {
    setLast(null);
    moveFocus(byKey ? id : null);
    setId(to);
  };
  useEffect(() => {
    host.goBy = by => {
      const to = by > 0 ? queue.next : queue.previous;
      if (to !== null) {
        go(to, true);
      }
    };
    host.openProposal = to => go(to);
    return () => {
      host.goBy = null;
      host.openProposal = undefined;
    };
  });
  const surroundings: IDecisionSurroundings = {
    hasNext: false,
    selected: 0,
    compact,
    onDecided: () => {
      const decided = shown?.model?.proposal ?? null;
      if (decided === null || decided.id !== current.current) {
        return; // the person has gone to another one meanwhile
      }
      moveFocus(decided.id);
      // Without another one, the decided card stays, and says what the run needs.
      if (queue.nextToDecide !== null) {
        setLast(decided);
        setId(queue.nextToDecide);
      }
    }
  };
  const lost = shown !== null && !host.feed.connected && !host.feed.forbidden;
  return (
    <main className="jp-hitl-page jp-hitl-root">
      <h1 className="jp-hitl-visually-hidden">{trans.__('Review')}</h1>
      <PageBar host={host} queue={of === 'proposal' ? queue : null} onGo={go} lost={lost} />
      {last && <LastDecision key={last.id} proposal={last} host={host} onTakenBack={() => go(last.id)} />}
      {/* Cards begin with a heading of level 3. */}
      {shown && (
        <h2 className="jp-hitl-visually-hidden">
          {of === 'workspace' ? trans.__('Workspace') : trans.__('Proposal')}
        </h2>
      )}
      {shown && (
        <DecisionSurroundings.Provider value={surroundings}>
          <ErrorBoundary key={shown.id} instead={<pre>{showHiddenCharacters(shown.text)}</pre>}>
            {shown.view}
          </ErrorBoundary>
        </DecisionSurroundings.Provider>
      )}
      {!shown && reading && <p role="status">{trans.__('Reading …')}</p>}
      {problem && (
        <Alert tone="bad" actions={<Button onClick={() => void read()}>{trans.__('Try again')}</Button>}>
          {showHiddenCharacters(problem)}
        </Alert>
      )}
    </main>
  );
}

const LOADERS: { [of in PageSubject]: (id: string, host: PageHost) => Promise<() => ILoadedPage> } = {
  proposal: async (id, host) => {
    const make = await loadProposalModel(id, host);
    return () => {
      const model = make();
      const { title, text } = model.proposal;
      const view = <ProposalCard model={model} host={host} />;
      return { id, title, model, text, view, dispose: () => model.dispose() };
    };
  },
  workspace: async (id, host) => {
    const make = await loadWorkspaceModel(id, host);
    return () => {
      const model = make();
      const { title, text } = model.workspace;
      const renderQuestion = (question: string): ReactNode => (
        <CardById key={question} id={question} host={host} />
      );
      const view = <WorkspaceView model={model} host={host} renderQuestion={renderQuestion} />;
      return { id, title, model: null, text, view, dispose: () => model.dispose() };
    };
  }
};

/**
 * Give the first card the focus, so that its keys act. Return a function that moves the focus when a card is left, after
 * a decision or by a key: to the next card when it is shown, or else to the decided one. Otherwise the focus is lost
 * together with the left card.
 */
function useCardFocus(shown: ILoadedPage | null, first: string): (left: string | null) => void {
  // A new object each time, since the same card may be left again.
  const [left, setLeft] = useState<{ id: string | null }>({ id: first });
  useEffect(() => {
    const { id } = left;
    if (id === null || !isFocusFree(id)) {
      return;
    }
    const card = document.querySelector<HTMLElement>('.jp-hitl-page :is(.jp-hitl-card, .jp-hitl-decided)');
    if (card && (card.dataset.proposal !== id || !card.contains(document.activeElement))) {
      focusCard(card);
    }
  }, [left, shown]);
  return id => setLeft({ id });
}

/** Return whether a media query fits, also after the window changes. */
function useMediaQuery(query: string): boolean {
  const [fits, setFits] = useState(false);
  useEffect(() => {
    const media = window.matchMedia(query);
    const onChange = (): void => setFits(media.matches);
    onChange();
    media.addEventListener('change', onChange);
    return () => media.removeEventListener('change', onChange);
  }, [query]);
  return fits;
}

/** Put the id of the shown record into the address, so that a reload and a copied link show the same one. */
function showAddress(id: string): void {
  const address = location.pathname.replace(/[^/]*$/, id);
  if (/\/review\/[^/]+$/.test(location.pathname) && address !== location.pathname) {
    history.replaceState(null, '', address);
    window.scrollTo(0, 0);
  }
}

/** Describe in one sentence why the record is not shown. */
function errorSentence(reason: unknown, { trans }: PageHost): string {
  if (reason instanceof ApiError && [401, 403].includes(reason.status) && reason.error === 'Refused') {
    return trans.__('You are not logged in any more: reload the page.');
  }
  return reason instanceof Error ? reason.message : String(reason);
}
