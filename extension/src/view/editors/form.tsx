/**
 * An object as a form: one control a field, by the type of what was proposed, with the server's message at the field.
 */

import { useId } from 'react';
import type { Json, JsonObject } from '../../api/types';
import type { IEditorProps } from '../editor';
import { visible } from '../visible';

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether an object is simple enough for the form: every field is a text, a number, true or false. */
export function fitsForm(value: Json): value is JsonObject {
  return (
    isObject(value) &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(item => ['string', 'number', 'boolean'].includes(typeof item))
  );
}

export function Form({
  value,
  proposed,
  schema,
  prefix = '',
  ...props
}: Pick<IEditorProps, 'fields' | 'readOnly' | 'onEdit'> & {
  value: JsonObject;
  proposed: JsonObject;
  schema: JsonObject | null;
  prefix?: string;
}): JSX.Element {
  return (
    <div className="jp-hitl-form">
      {Object.keys(proposed).map(name => (
        <Field
          key={name}
          name={name}
          value={value[name] ?? null}
          proposed={proposed[name]}
          schema={property(schema, name)}
          problem={props.fields[`${prefix}${name}`]}
          readOnly={props.readOnly}
          onEdit={item => props.onEdit({ ...value, [name]: item })}
        />
      ))}
    </div>
  );
}

function Field(props: {
  name: string;
  value: Json;
  proposed: Json;
  schema: JsonObject | null;
  problem?: string;
  readOnly: boolean;
  onEdit: (value: Json) => void;
}): JSX.Element {
  const id = useId();
  const { value, proposed, schema, readOnly, onEdit } = props;
  const about = typeof schema?.description === 'string' ? schema.description : '';
  const common = {
    id,
    disabled: readOnly,
    'aria-invalid': props.problem !== undefined,
    'aria-describedby': `${id}-about`
  };
  let control: JSX.Element;
  if (Array.isArray(schema?.enum)) {
    const options = schema.enum;
    control = (
      <select
        {...common}
        value={options.findIndex(one => one === value)}
        onChange={event => onEdit(options[Number(event.target.value)])}
      >
        {options.map((one, i) => (
          <option key={i} value={i}>
            {visible(typeof one === 'string' ? one : JSON.stringify(one))}
          </option>
        ))}
      </select>
    );
  } else if (typeof proposed === 'boolean') {
    control = (
      <input
        {...common}
        type="checkbox"
        checked={value === true}
        onChange={event => onEdit(event.target.checked)}
      />
    );
  } else if (typeof proposed === 'number') {
    control = (
      <input
        {...common}
        type="number"
        step="any"
        value={String(value ?? '')}
        onChange={event =>
          onEdit(event.target.value === '' ? event.target.value : Number(event.target.value))
        }
      />
    );
  } else {
    const text = String(value ?? '');
    control =
      text.includes('\n') || text.length > 80 ? (
        <textarea
          {...common}
          rows={Math.min(Math.max(text.split('\n').length, 3), 20)}
          value={text}
          onChange={event => onEdit(event.target.value)}
        />
      ) : (
        <input {...common} type="text" value={text} onChange={event => onEdit(event.target.value)} />
      );
  }
  return (
    <div className="jp-hitl-field">
      <label htmlFor={id}>{visible(typeof schema?.title === 'string' ? schema.title : props.name)}</label>
      {control}
      <span className="jp-hitl-about" id={`${id}-about`}>
        {props.problem ? <strong>⚠ {visible(props.problem)}</strong> : visible(about)}
      </span>
    </div>
  );
}

function property(schema: JsonObject | null, name: string): JsonObject | null {
  const properties = schema?.properties;
  const found = isObject(properties) ? properties[name] : undefined;
  return isObject(found) ? found : null;
}
