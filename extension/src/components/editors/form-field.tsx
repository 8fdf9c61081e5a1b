/**
 * One field of a form: a control for the type of its value, or JSON text if there is no such control.
 */

import { useId, useReducer, useState } from 'react';
import type { Json } from '../../api/types';
import type { IHost } from '../host';
import { FieldPresence, placeAttributes } from '../field-presence';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IFieldSchema } from '../../api/json-schema';
import { isSame } from '../../drafts/json-parts';
import { FieldWas } from '../changes/field-was';
import { formatValue } from '../changes/marked-text';
import { Icon } from '../controls/icons';

/** Props of a form field. */
export interface IFormFieldProps {
  name: string;
  /** Path of the field in the presence of others. */
  at: string;
  /** undefined if the value does not have this field now. */
  value: Json | undefined;
  /** undefined if the agent's version does not have this field. */
  proposed: Json | undefined;
  meaning: IFieldSchema;
  /** Messages of the server about the field. */
  problem: string;
  readOnly: boolean;
  host: IHost;
  onEdit: (value: Json) => void;
  /** Gives the field its proposed value again, or removes it if the agent's version does not have it. */
  onTakeBack: () => void;
  /** Called when the text in the field is not valid JSON. */
  onBroken: (text: string, why: string) => void;
}

interface IControlAttributes {
  id: string;
  disabled: boolean;
  'aria-invalid': boolean;
  'aria-describedby': string;
}

type ControlProps = IFormFieldProps & { common: IControlAttributes };

/** A labeled control for one field: what it was, if it was changed, and its messages. */
export function FormField(props: IFormFieldProps): JSX.Element {
  const id = useId();
  // A new number creates a new control, so that typed text that is not a valid value is removed.
  const [round, resetControl] = useReducer((n: number) => n + 1, 0);
  const { value, proposed, meaning, problem, readOnly, host } = props;
  const name = showHiddenCharacters(meaning.title || props.name);
  const common = {
    id,
    disabled: readOnly,
    'aria-invalid': problem !== '',
    'aria-describedby': `${id}-about ${id}-problem`
  };
  const Control = chooseControl(props);
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  const changed = value === undefined || proposed === undefined || !isSame(value, proposed);
  const takeBack = (): void => {
    props.onTakeBack();
    resetControl();
  };
  return (
    <div className={`jp-hitl-field${changed ? ' jp-mod-changed' : ''}`} {...placeAttributes(props.at)}>
      <label htmlFor={id}>{name}</label>
      <div className="jp-hitl-val">
        <Control key={round} {...props} common={common} />
        <FieldPresence path={props.at} host={host} />
      </div>
      {changed && (
        <FieldWas
          before={proposed}
          after={value}
          name={name}
          onTakeBack={readOnly ? undefined : takeBack}
          host={host}
        />
      )}
      <div className="jp-hitl-hint" id={`${id}-about`}>
        {showHiddenCharacters(meaning.about)}
        {isEmptied(value, proposed) && problem === '' && (
          <div className="jp-hitl-emptied">
            <Icon name="warning" /> {host.trans.__('Empty now; the agent gets it empty.')}
          </div>
        )}
      </div>
      <div className="jp-hitl-error" id={`${id}-problem`}>
        {problem && (
          <>
            <Icon name="warning" /> {showHiddenCharacters(problem)}
          </>
        )}
      </div>
      {showHiddenCharacters(text) !== text && (
        <code className="jp-hitl-revealed">{showHiddenCharacters(text)}</code>
      )}
    </div>
  );
}

/** Return true if a person has removed all of a proposed text. That may be valid, and be meant, but is easily missed. */
function isEmptied(value: Json | undefined, proposed: Json | undefined): boolean {
  return (
    typeof value === 'string' && value.trim() === '' && typeof proposed === 'string' && proposed !== value
  );
}

/** Choose the control by the proposed value, so that it stays the same during typing. */
function chooseControl({ value, proposed, meaning }: IFormFieldProps): (props: ControlProps) => JSX.Element {
  if (proposed === undefined || value === undefined) {
    return JsonControl;
  }
  if (meaning.options) {
    return SelectControl;
  }
  const { types, nullable } = meaning;
  const kind =
    proposed !== null
      ? typeof proposed
      : types.includes('string')
        ? 'string'
        : types.length === 1
          ? types[0]
          : '';
  const empty = value === null && nullable;
  switch (kind) {
    case 'string':
      return empty || typeof value === 'string' ? TextControl : JsonControl;
    case 'number':
    case 'integer':
      return empty || typeof value === 'number' || value === '' ? NumberControl : JsonControl;
    case 'boolean':
      return nullable ? SelectControl : typeof value === 'boolean' ? CheckControl : JsonControl;
    default:
      return JsonControl;
  }
}

function SelectControl({ value = null, meaning, host, common, onEdit }: ControlProps): JSX.Element {
  const given = meaning.options ?? [true, false, null];
  const now = JSON.stringify(value);
  const known = given.some(one => JSON.stringify(one) === now);
  const options = known ? given : [...given, value];
  return (
    <select
      {...common}
      value={options.findIndex(one => JSON.stringify(one) === now)}
      onChange={event => onEdit(options[Number(event.target.value)])}
    >
      {options.map((one, i) => (
        <option key={i} value={i}>
          {formatValue(one, 'form', host) || host.trans.__('empty')}
        </option>
      ))}
    </select>
  );
}

function CheckControl({ value, common, onEdit }: ControlProps): JSX.Element {
  return (
    <input
      {...common}
      type="checkbox"
      checked={value === true}
      onChange={event => onEdit(event.target.checked)}
    />
  );
}

function NumberControl({ value, meaning, host, common, onEdit }: ControlProps): JSX.Element {
  const { types, nullable } = meaning;
  const whole = types.includes('integer') && !types.includes('number');
  return (
    <input
      {...common}
      type="number"
      className="jp-hitl-num"
      step={whole ? 1 : 'any'}
      value={String(value ?? '')}
      placeholder={nullable ? host.trans.__('empty') : undefined}
      onChange={event => {
        const text = event.target.value;
        onEdit(text !== '' ? Number(text) : nullable ? null : '');
      }}
    />
  );
}

/** A text. An empty text means null if the schema allows null and the proposed text was not empty. */
function TextControl({ value, proposed, meaning, host, common, onEdit }: ControlProps): JSX.Element {
  const text = typeof value === 'string' ? value : '';
  const first = typeof proposed === 'string' ? proposed : '';
  const none = meaning.nullable && proposed !== '';
  const control = {
    ...common,
    value: text,
    placeholder: none ? host.trans.__('empty') : undefined,
    onChange: (event: { target: { value: string } }) =>
      onEdit(event.target.value === '' && none ? null : event.target.value)
  };
  return first.length > 80 || first.includes('\n') || text.includes('\n') ? (
    <textarea {...control} rows={Math.min(Math.max(text.split('\n').length, 3), 20)} />
  ) : (
    <input {...control} type="text" />
  );
}

/** Any value as JSON. The typed text stays as typed, even if it is not valid JSON. */
function JsonControl({ value, readOnly, host, common, onEdit, onBroken }: ControlProps): JSX.Element {
  const source = value === undefined ? '' : JSON.stringify(value, null, 2);
  const [typed, setTyped] = useState({ text: source, why: '' });
  const [seen, setSeen] = useState(source);
  if (seen !== source) {
    setSeen(source);
    if (typed.why === '' && !textMeans(typed.text, value)) {
      setTyped({ text: source, why: '' });
    }
  }
  const { text, why } = readOnly ? { text: source, why: '' } : typed;
  const change = (made: string): void => {
    let parsed: Json;
    try {
      parsed = JSON.parse(made) as Json;
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      setTyped({ text: made, why: message });
      onBroken(made, message);
      return;
    }
    setTyped({ text: made, why: '' });
    onEdit(parsed);
  };
  return (
    <>
      <textarea
        {...common}
        className="jp-hitl-json"
        spellCheck={false}
        aria-invalid={common['aria-invalid'] || why !== ''}
        aria-describedby={`${common['aria-describedby']} ${common.id}-why`}
        rows={Math.min(Math.max(text.split('\n').length, 2), 20)}
        value={text}
        placeholder={value === undefined ? host.trans.__('not there') : undefined}
        onChange={event => change(event.target.value)}
      />
      <span className="jp-hitl-error" id={`${common.id}-why`}>
        {why && (
          <>
            <Icon name="warning" /> {host.trans.__('Not JSON: %1', showHiddenCharacters(why))}
          </>
        )}
      </span>
    </>
  );
}

function textMeans(text: string, value: Json | undefined): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value);
  } catch {
    return false;
  }
}
