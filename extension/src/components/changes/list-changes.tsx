/**
 * Changes of a plan, by step, and of a choice.
 */

import { useMemo } from 'react';
import type { Json } from '../../api/types';
import { isObject } from '../../api/json-schema';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { AddedText, MarkedText, MarkedValue, RemovedText } from './marked-text';
import { diffPaths, formatJson, formatPath } from './path-diff';
import { diffSteps, type IStepChange } from './plan-diff';
import { diffWords } from './text-diff';
import { Fold, useFolds } from './text-changes';

/** The changed steps of a plan; steps as proposed are folded. */
export function PlanChanges({
  before,
  after,
  host
}: {
  before: Json[];
  after: Json[];
  host: IHost;
}): JSX.Element {
  const steps = useMemo(() => diffSteps(before, after), [before, after]);
  const folds = useFolds(steps, ({ sign, moved }) => sign === 'same' && moved === null, 0);
  return (
    <ol className="jp-hitl-steps">
      {folds.map(({ items, at, shown, show }) =>
        shown ? (
          items.map((step, i) => (
            <li key={at + i} className={stepClass(step)}>
              <StepSign step={step} host={host} />
              <span className="jp-hitl-muted jp-hitl-num">{step.to === null ? '' : `${step.to + 1}.`}</span>
              <span className="jp-hitl-prose">
                <StepText step={step} before={before} after={after} host={host} />
              </span>
            </li>
          ))
        ) : (
          <li key={at} className="jp-hitl-same">
            <Fold
              text={host.trans._n('%1 step as proposed', '%1 steps as proposed', items.length)}
              onShow={show}
              host={host}
            />
          </li>
        )
      )}
    </ol>
  );
}

/** Class of a step: "new", "gone" or none. */
export function stepClass({ sign }: IStepChange): string {
  return sign === 'added' ? 'new' : sign === 'removed' ? 'gone' : '';
}

/** The sign of a step, with a word for screen readers. */
export function StepSign({ step, host }: { step: IStepChange; host: IHost }): JSX.Element {
  const { trans } = host;
  const { sign, moved } = step;
  const [mark, word] =
    sign === 'added'
      ? ['+', trans.__('added')]
      : sign === 'removed'
        ? ['−', trans.__('removed')]
        : moved === 'up'
          ? ['↑', trans.__('moved up')]
          : moved === 'down'
            ? ['↓', trans.__('moved down')]
            : sign === 'changed'
              ? ['~', trans.__('changed')]
              : ['', ''];
  return (
    <b title={word || undefined}>
      <span aria-hidden="true">{mark}</span>
      <span className="jp-hitl-visually-hidden">{word}</span>
    </b>
  );
}

function StepText({
  step,
  before,
  after,
  host
}: {
  step: IStepChange;
  before: Json[];
  after: Json[];
  host: IHost;
}): JSX.Element {
  const old = step.from === null ? undefined : before[step.from];
  const now = step.to === null ? undefined : after[step.to];
  if (old === undefined || now === undefined) {
    const Marked = now === undefined ? RemovedText : AddedText;
    return <Marked host={host}>{formatStep(now ?? old ?? null)}</Marked>;
  }
  if (step.sign === 'same') {
    return <>{formatStep(now)}</>;
  }
  return <StepWas before={old} after={now} host={host} />;
}

/** A changed step: texts by word, objects by field. */
export function StepWas({ before, after, host }: { before: Json; after: Json; host: IHost }): JSX.Element {
  if (!isObject(before) || !isObject(after)) {
    const [old, now] = [before, after].map(step => (typeof step === 'string' ? step : formatJson(step)));
    return <MarkedText parts={diffWords(old, now)} host={host} />;
  }
  return (
    <>
      {diffPaths(before, after).changes.map((one, i) => (
        <span key={i} className="jp-hitl-part">
          <span className="jp-hitl-muted">{showHiddenCharacters(formatPath(one.path))}</span>{' '}
          <MarkedValue before={one.before} after={one.after} style="form" host={host} />
        </span>
      ))}
    </>
  );
}

/** Write a step in one text. Hidden characters are shown. */
export function formatStep(step: Json): string {
  return showHiddenCharacters(typeof step === 'string' ? step : formatJson(step));
}

/** The agent's choice, and the one that replaces it. */
export function ChoiceChanges({
  before,
  after,
  host
}: {
  before: Json;
  after: Json;
  host: IHost;
}): JSX.Element {
  return (
    <ul className="jp-hitl-choices">
      <li>
        <RemovedText host={host}>{formatStep(before)}</RemovedText>{' '}
        <span className="jp-hitl-muted">{host.trans.__('the agent’s choice')}</span>
      </li>
      <li>
        <AddedText host={host}>{formatStep(after)}</AddedText>{' '}
        <span className="jp-hitl-muted">{host.trans.__('chosen instead')}</span>
      </li>
    </ul>
  );
}
