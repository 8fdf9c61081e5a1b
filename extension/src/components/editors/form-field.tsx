/**
 * One field of a form: the control that fits its type, and JSON as text for everything that has none.
 */

import { useId, useState } from 'react';
import type { Json } from '../../api/types';
import type { IHost } from '../host';
import { Here, place } from '../field-presence';
import { visible } from '../../text/hidden-characters';
import type { IMeaning } from './json-schema';

export interface IFieldProps {
  name: string;
  /** Where the others see who is in it. */
  at: string;
  /** undefined if the value has no such field (any more). */
  value: Json | undefined;
  /** undefined if the agent's version has no such field. */
  proposed: Json | undefined;
  meaning: IMeaning;
  /** The server's messages about it. */
  problem: string;
  readOnly: boolean;
  host: IHost;
  onEdit: (value: Json) => void;
  /** The text in the field is no JSON. */
  onBroken: (text: string, why: string) => void;
}

interface ICommon {
  id: string;
  disabled: boolean;
  'aria-invalid': boolean;
  'aria-describedby': string;
}

type ControlProps = IFieldProps & { common: ICommon };

export function Field(props: IFieldProps): JSX.Element {
  const id = useId();
  const { value, meaning, problem } = props;
  const common = {
    id,
    disabled: props.readOnly,
    'aria-invalid': problem !== '',
    'aria-describedby': `${id}-about`
  };
  const Control = controlOf(props);
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return (
    <div className="jp-hitl-field" {...place(props.at)}>
      <label htmlFor={id}>{visible(meaning.title || props.name)}</label>
      <Control {...props} common={common} />
      <Here path={props.at} host={props.host} />
      <span className="jp-hitl-about" id={`${id}-about`}>
        {problem ? <strong>⚠ {visible(problem)}</strong> : visible(meaning.about)}
      </span>
      {visible(text) !== text && <code className="jp-hitl-revealed">{visible(text)}</code>}
    </div>
  );
}

/** By what was proposed, so that a control stays the same while somebody types. */
function controlOf({ value, proposed, meaning }: IFieldProps): (props: ControlProps) => JSX.Element {
  if (proposed === undefined || value === undefined) {
    return JsonField;
  }
  if (meaning.options) {
    return Select;
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
      return empty || typeof value === 'string' ? Text : JsonField;
    case 'number':
    case 'integer':
      return empty || typeof value === 'number' || value === '' ? Numeric : JsonField;
    case 'boolean':
      return nullable ? Select : typeof value === 'boolean' ? Check : JsonField;
    default:
      return JsonField;
  }
}

function Select({ value = null, meaning, common, onEdit }: ControlProps): JSX.Element {
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
          {visible(typeof one === 'string' ? one : JSON.stringify(one))}
        </option>
      ))}
    </select>
  );
}

function Check({ value, common, onEdit }: ControlProps): JSX.Element {
  return (
    <input
      {...common}
      type="checkbox"
      checked={value === true}
      onChange={event => onEdit(event.target.checked)}
    />
  );
}

function Numeric({ value, meaning, common, onEdit }: ControlProps): JSX.Element {
  const { types, nullable } = meaning;
  const whole = types.includes('integer') && !types.includes('number');
  return (
    <input
      {...common}
      type="number"
      step={whole ? 1 : 'any'}
      value={String(value ?? '')}
      placeholder={nullable ? 'null' : undefined}
      onChange={event => {
        const text = event.target.value;
        onEdit(text !== '' ? Number(text) : nullable ? null : '');
      }}
    />
  );
}

/** A text; left empty it is null where the schema allows that, unless an empty text was proposed. */
function Text({ value, proposed, meaning, common, onEdit }: ControlProps): JSX.Element {
  const text = typeof value === 'string' ? value : '';
  const first = typeof proposed === 'string' ? proposed : '';
  const none = meaning.nullable && proposed !== '';
  const control = {
    ...common,
    value: text,
    placeholder: none ? 'null' : undefined,
    onChange: (event: { target: { value: string } }) =>
      onEdit(event.target.value === '' && none ? null : event.target.value)
  };
  return first.length > 80 || first.includes('\n') || text.includes('\n') ? (
    <textarea {...control} rows={Math.min(Math.max(text.split('\n').length, 3), 20)} />
  ) : (
    <input {...control} type="text" />
  );
}

/** Anything as JSON. What was typed stays as it was typed, also when it is no JSON (yet). */
function JsonField({ value, readOnly, host, common, onEdit, onBroken }: ControlProps): JSX.Element {
  const source = value === undefined ? '' : JSON.stringify(value, null, 2);
  const [typed, setTyped] = useState({ text: source, why: '' });
  const [seen, setSeen] = useState(source);
  if (seen !== source) {
    setSeen(source);
    if (typed.why === '' && !means(typed.text, value)) {
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
      <span className="jp-hitl-wrong" id={`${common.id}-why`}>
        {why && `⚠ ${host.trans.__('Not JSON: %1', visible(why))}`}
      </span>
    </>
  );
}

function means(text: string, value: Json | undefined): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value);
  } catch {
    return false;
  }
}
