/**
 * An editor for a plan: a list of steps that can be edited, moved, removed and added. A step that is an object is a
 * form.
 */

import { useRef } from 'react';
import type { Json } from '../../api/types';
import type { IEditorProps } from './props';
import { FieldPresence, placeAttributes } from '../field-presence';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { fitsForm, FormEditor } from './form';

/** The editor of a plan. */
export function PlanEditor({
  value,
  draft,
  fields,
  readOnly,
  host,
  onEdit,
  onUnfinished
}: IEditorProps): JSX.Element {
  const { trans } = host;
  const steps = value as Json[];
  const keys = draft?.value === value ? draft.keys : null;
  const places = usePlanSteps(steps, keys);

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

  const renderStep = (step: Json, i: number): JSX.Element => {
    const { first } = places[i];
    if (typeof step === 'string') {
      return (
        <input
          type="text"
          value={step}
          disabled={readOnly}
          aria-label={trans.__('Step %1', i + 1)}
          onChange={event => change(i, event.target.value)}
        />
      );
    }
    if (!fitsForm(step) || !fitsForm(first)) {
      return <code>{showHiddenCharacters(JSON.stringify(step))}</code>;
    }
    return (
      <div className="jp-hitl-fields" role="group" aria-label={trans.__('Step %1', i + 1)}>
        <FormEditor
          value={step}
          proposed={first}
          schema={null}
          prefix={`${i}/`}
          at={`${keys?.[i] ?? i}/`}
          {...{ fields, readOnly, host }}
          onEdit={made => {
            places[i].broken = null;
            change(i, made);
          }}
          onUnfinished={(text, why) => {
            places[i].broken = { text, why };
            complain(steps);
          }}
        />
      </div>
    );
  };
  return (
    <div className="jp-hitl-plan">
      <ol>
        {steps.map((step, i) => (
          <li key={places[i].key}>
            <div className="jp-hitl-step" {...placeAttributes(keys?.[i] ?? String(i))}>
              {renderStep(step, i)}
              <FieldPresence path={keys?.[i] ?? String(i)} host={host} />
              <button
                type="button"
                disabled={readOnly || i === 0}
                aria-label={trans.__('Move step %1 up', i + 1)}
                onClick={() => move(i, i - 1)}
              >
                ↑
              </button>
              <button
                type="button"
                disabled={readOnly || i === steps.length - 1}
                aria-label={trans.__('Move step %1 down', i + 1)}
                onClick={() => move(i, i + 1)}
              >
                ↓
              </button>
              <button
                type="button"
                disabled={readOnly}
                aria-label={trans.__('Remove step %1', i + 1)}
                onClick={() => remove(i)}
              >
                ×
              </button>
            </div>
            {fields[String(i)] && (
              <strong className="jp-hitl-error">⚠ {showHiddenCharacters(fields[String(i)])}</strong>
            )}
          </li>
        ))}
      </ol>
      <button type="button" disabled={readOnly} onClick={() => tell([...steps, ''])}>
        {trans.__('Add a step')}
      </button>
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
function usePlanSteps(steps: Json[], keys: readonly string[] | null): IPlanStep[] {
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
  return places;
}

function makePlanStep(name: string | undefined, first: Json, next: { current: number }): IPlanStep {
  return { key: next.current++, name, first, broken: null };
}

function areAlike(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}
