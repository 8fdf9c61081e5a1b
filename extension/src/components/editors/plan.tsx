/**
 * An editor for a plan: a list of steps that can be edited, moved, removed and added. A removed step stays in its place,
 * struck, and can be put back.
 */

import { useEffect, useMemo, useRef } from 'react';
import type { Json } from '../../api/types';
import type { IEditorProps } from './props';
import { diffSteps } from '../changes/plan-diff';
import { Button } from '../controls/button';
import { useStepRemovers } from '../hooks/use-removers';
import { RemovedStep, StepRow } from './plan-step';

/** The editor of a plan. */
export function PlanEditor({
  proposal,
  value,
  draft,
  history,
  fields,
  readOnly,
  host,
  onEdit,
  onUnfinished
}: IEditorProps): JSX.Element {
  const { trans } = host;
  const steps = value as Json[];
  const keys = draft?.value === value ? draft.keys : null;
  const { places, newPlace } = usePlanSteps(steps, keys);
  const proposed = useMemo(
    () => (Array.isArray(proposal.value) ? proposal.value : steps),
    [proposal.value, steps]
  );
  const compared = useMemo(() => diffSteps(proposed, steps), [proposed, steps]);
  const hasRemoved = compared.some(({ to }) => to === null);
  const removerOf = useStepRemovers(proposed, hasRemoved, draft, history, host);

  /** Report the plan as unfinished while a field of a step is not valid JSON. */
  const complain = (made: Json[]): void => {
    const broken = places.find(place => place.broken)?.broken;
    if (broken) {
      const texts = made.map((step, i) => places[i]?.broken?.text ?? JSON.stringify(step, null, 2));
      onUnfinished(`[\n${texts.join(',\n')}\n]`, broken.why);
    }
  };
  const tell = (made: Json[]): void => {
    onEdit(made);
    complain(made);
  };
  const change = (i: number, step: Json): void => tell(steps.map((one, j) => (j === i ? step : one)));
  const move = (from: number, to: number): void => {
    const made = steps.slice();
    made.splice(to, 0, ...made.splice(from, 1));
    places.splice(to, 0, ...places.splice(from, 1));
    tell(made);
  };
  const remove = (i: number): void => {
    places.splice(i, 1);
    tell(steps.filter((_, j) => j !== i));
  };
  /** Put a removed step back where it was, before the next step that is still there. */
  const putBack = (step: Json, at: number): void => {
    places.splice(at, 0, newPlace(step));
    tell([...steps.slice(0, at), step, ...steps.slice(at)]);
  };

  const node = useRef<HTMLDivElement>(null);
  const isAdded = useRef(false);
  useEffect(() => {
    if (isAdded.current) {
      isAdded.current = false; // what is typed next belongs into the new step
      node.current?.querySelector<HTMLElement>('.jp-hitl-steps > :last-child :is(textarea, input)')?.focus();
    }
  }, [steps.length]);
  const addStep = (): void => {
    isAdded.current = true;
    tell([...steps, '']);
  };

  let next = 0;
  return (
    <div ref={node} className="jp-hitl-plan">
      <ol className="jp-hitl-steps">
        {compared.map(one => {
          if (one.to === null) {
            const at = next;
            const step = proposed[one.from!];
            return (
              <RemovedStep
                key={`removed ${one.from}`}
                change={one}
                step={step}
                remover={removerOf(one.from!)}
                onPutBack={readOnly ? undefined : () => putBack(step, at)}
                host={host}
              />
            );
          }
          const i = next++;
          return (
            <StepRow
              key={places[i].key}
              change={one}
              step={steps[i]}
              before={one.from === null ? undefined : proposed[one.from]}
              first={places[i].first}
              i={i}
              count={steps.length}
              name={keys?.[i]}
              draft={draft}
              fields={fields}
              readOnly={readOnly}
              host={host}
              onEdit={made => {
                places[i].broken = null;
                change(i, made);
              }}
              onUnfinished={(text, why) => {
                places[i].broken = { text, why };
                complain(steps);
              }}
              onMove={to => move(i, to)}
              onRemove={() => remove(i)}
            />
          );
        })}
      </ol>
      <Button small icon="add" disabled={readOnly} onClick={addStep}>
        {trans.__('Add a step')}
      </Button>
    </div>
  );
}

/** State of a step in the editor, which moves with the step. */
interface IPlanStep {
  key: number;
  /** Name of the step in the draft. */
  name: string | undefined;
  /** The step as it was first shown here. */
  first: Json;
  /** The typed text, if it is not a valid step. */
  broken: { text: string; why: string } | null;
}

/**
 * Keep one state per step. If a step is moved here, its state moves with it; if others add or remove steps, the
 * states are matched by name.
 */
function usePlanSteps(
  steps: Json[],
  keys: readonly string[] | null
): { places: IPlanStep[]; newPlace: (step: Json) => IPlanStep } {
  const places = useRef<IPlanStep[]>([]).current;
  const next = useRef(0);
  const last = useRef<readonly string[] | null>(null);
  if (keys && last.current && !areAlike(keys, last.current)) {
    const known = new Map(places.map(place => [place.name, place]));
    places.splice(
      0,
      places.length,
      ...keys.map((name, i) => known.get(name) ?? makePlanStep(name, steps[i], next))
    );
  }
  while (places.length < steps.length) {
    places.push(makePlanStep(undefined, steps[places.length], next));
  }
  places.length = steps.length;
  places.forEach((place, i) => (place.name = keys?.[i]));
  last.current = keys;
  return { places, newPlace: step => makePlanStep(undefined, step, next) };
}

function makePlanStep(name: string | undefined, first: Json, next: { current: number }): IPlanStep {
  return { key: next.current++, name, first, broken: null };
}

function areAlike(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}
