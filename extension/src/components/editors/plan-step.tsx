/**
 * The rows of a plan's editor: a step, and a step that was removed.
 */

import type { Json } from '../../api/types';
import type { IDraft } from '../../drafts/draft';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { FieldWas } from '../changes/field-was';
import { formatStep, stepClass, StepSign } from '../changes/list-changes';
import type { IStepChange } from '../changes/plan-diff';
import { IconButton } from '../controls/button';
import { Icon } from '../controls/icons';
import { FieldPresence, placeAttributes } from '../field-presence';
import type { IHost } from '../host';
import { fitsForm, FormEditor } from './form';

interface IProps {
  change: IStepChange;
  step: Json;
  /** The step as proposed; undefined if it was added. */
  before: Json | undefined;
  /** The step as it was first shown here. */
  first: Json;
  /** Index of the step, and the number of all. */
  i: number;
  count: number;
  /** Name of the step in the draft. */
  name: string | undefined;
  draft: IDraft | null;
  fields: { [path: string]: string };
  readOnly: boolean;
  host: IHost;
  onEdit: (step: Json) => void;
  onUnfinished: (text: string, why: string) => void;
  onMove: (to: number) => void;
  onRemove: () => void;
}

/** One step: its sign, number and control, what it was, and its buttons. */
export function StepRow(props: IProps): JSX.Element {
  const { change, step, before, i, count, name, fields, readOnly, host } = props;
  const { trans } = host;
  const label = trans.__('Step %1', i + 1);
  return (
    <li className={stepClass(change)}>
      <StepSign step={change} host={host} />
      <span className="jp-hitl-muted jp-hitl-num">{i + 1}.</span>
      <div className="jp-hitl-step" {...placeAttributes(name ?? String(i))}>
        <StepControl {...props} label={label} />
        {change.sign === 'changed' && typeof step === 'string' && (
          <FieldWas
            before={before}
            after={step}
            name={label}
            onTakeBack={readOnly ? undefined : () => props.onEdit(before!)}
            host={host}
          />
        )}
        {fields[String(i)] && (
          <strong className="jp-hitl-error">
            <Icon name="warning" /> {showHiddenCharacters(fields[String(i)])}
          </strong>
        )}
      </div>
      <span className="jp-hitl-step-buttons">
        {change.sign === 'added' && <StepAuthor name={name} draft={props.draft} host={host} />}
        <FieldPresence path={name ?? String(i)} host={host} />
        <IconButton
          icon="up"
          small
          disabled={readOnly || i === 0}
          label={trans.__('Move step %1 up', i + 1)}
          onClick={() => props.onMove(i - 1)}
        />
        <IconButton
          icon="down"
          small
          disabled={readOnly || i === count - 1}
          label={trans.__('Move step %1 down', i + 1)}
          onClick={() => props.onMove(i + 1)}
        />
        <IconButton
          icon="cross"
          small
          disabled={readOnly}
          label={trans.__('Remove step %1', i + 1)}
          onClick={props.onRemove}
        />
      </span>
    </li>
  );
}

/** The control of a step: a text field, or a form. */
function StepControl(props: IProps & { label: string }): JSX.Element {
  const { step, before = null, i, name, label } = props;
  if (typeof step === 'string') {
    return (
      <input
        type="text"
        value={step}
        disabled={props.readOnly}
        aria-label={label}
        onChange={event => props.onEdit(event.target.value)}
      />
    );
  }
  const proposed = fitsForm(before) ? before : props.first;
  if (!fitsForm(step) || !fitsForm(proposed)) {
    return <code>{formatStep(step)}</code>;
  }
  return (
    <div className="jp-hitl-fields" role="group" aria-label={label}>
      <FormEditor
        value={step}
        proposed={proposed}
        schema={null}
        prefix={`${i}/`}
        at={`${name ?? i}/`}
        fields={props.fields}
        readOnly={props.readOnly}
        host={props.host}
        onEdit={props.onEdit}
        onUnfinished={props.onUnfinished}
      />
    </div>
  );
}

/** A step that was removed. */
export function RemovedStep({
  change,
  step,
  remover,
  onPutBack,
  host
}: {
  change: IStepChange;
  step: Json;
  /** The name of the person who removed it; "" if that is not known. */
  remover: string;
  /** Puts the step back; absent where nothing can be edited. */
  onPutBack: (() => void) | undefined;
  host: IHost;
}): JSX.Element {
  const text = formatStep(step);
  return (
    <li className="gone">
      <StepSign step={change} host={host} />
      <span />
      <del className="jp-hitl-prose">{text}</del>
      <span className="jp-hitl-step-buttons">
        {remover && (
          <span className="jp-hitl-small jp-hitl-muted">{host.trans.__('removed by %1', remover)}</span>
        )}
        {onPutBack && (
          <IconButton icon="undo" small label={host.trans.__('Put back: %1', text)} onClick={onPutBack} />
        )}
      </span>
    </li>
  );
}

/** The person who added a step, if that person is here now. */
function StepAuthor({
  name,
  draft,
  host
}: {
  /** Name of the step in the draft: the window that added it, and a number. */
  name: string | undefined;
  draft: IDraft | null;
  host: IHost;
}): JSX.Element | null {
  const person = draft?.people.find(({ client }) => name?.startsWith(`${client}:`));
  return person ? (
    <span className="jp-hitl-small jp-hitl-muted">
      {person.me ? host.trans.__('you') : showHiddenCharacters(person.name)}
    </span>
  ) : null;
}
