/**
 * A form for a JSON object: one control per field, groups for nested objects, and the server's messages next to the
 * fields. If the text of one field is not valid JSON, the whole form is unfinished until that is corrected.
 *
 * JupyterLab's FormComponent is not used. It compiles the schema, which comes from the agent, into a function (`new
 * Function` in ajv). The Content-Security-Policy of the review page forbids that, and card and page share their
 * views.
 */

import { useRef } from 'react';
import type { Json, JsonObject } from '../../api/types';
import type { IEditorProps } from './props';
import type { IHost } from '../host';
import { Icon } from '../controls/icons';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { FormField } from './form-field';
import { isObject, ownValue, propertySchema } from '../../api/json-schema';

export { isObject } from '../../api/json-schema';

/** Deepest nesting of groups; deeper objects are edited as JSON. */
const MAX_GROUP_DEPTH = 3;

/** Return true if a value can be shown as a form: an object with at least one field. */
export function fitsForm(value: Json): value is JsonObject {
  return isObject(value) && Object.keys(value).length > 0;
}

/** Texts that are not valid JSON, by the path of their field. */
type UnparsedTexts = Map<string, { text: string; why: string }>;

type Props = Pick<IEditorProps, 'fields' | 'readOnly' | 'host' | 'onEdit' | 'onUnfinished'> & {
  value: JsonObject;
  proposed: JsonObject;
  schema: JsonObject | null;
  /** Prefix of the object's fields in the server's messages: "arguments/". */
  prefix?: string;
  /** Prefix of the object's fields in the presence of others; `prefix` by default. */
  at?: string;
};

/** The editor of a JSON object. */
export function FormEditor({
  value,
  proposed,
  schema,
  prefix = '',
  at = prefix,
  ...props
}: Props): JSX.Element {
  const broken = useRef<UnparsedTexts>(new Map());
  /** Report the value. While a field is not valid, report it as unfinished. */
  const tell = (made: JsonObject): void => {
    if (made !== value) {
      props.onEdit(made);
    }
    for (const [path, { why }] of broken.current) {
      const name = (JSON.parse(path) as string[]).join('/');
      props.onUnfinished(formatWithTexts(made, broken.current), `${name}: ${why}`);
      return;
    }
  };
  return (
    <div className="jp-hitl-form">
      <FormFields
        value={value}
        proposed={proposed}
        schema={schema}
        root={schema}
        path={[]}
        prefix={prefix}
        at={at}
        fields={props.fields}
        readOnly={props.readOnly}
        host={props.host}
        onEdit={(path, item) => {
          broken.current.delete(JSON.stringify(path));
          tell(setAtPath(value, path, item) as JsonObject);
        }}
        onBroken={(path, text, why) => {
          broken.current.set(JSON.stringify(path), { text, why });
          tell(value);
        }}
      />
    </div>
  );
}

interface IFieldsProps {
  value: JsonObject;
  proposed: JsonObject;
  schema: JsonObject | null;
  root: JsonObject | null;
  path: string[];
  prefix: string;
  at: string;
  fields: { [path: string]: string };
  readOnly: boolean;
  host: IHost;
  /** Sets the value of a field; undefined removes the field. */
  onEdit: (path: string[], value: Json | undefined) => void;
  onBroken: (path: string[], text: string, why: string) => void;
}

function FormFields(props: IFieldsProps): JSX.Element {
  const { value, proposed, schema, root, path, prefix, fields, onEdit, onBroken } = props;
  const names = [...new Set([...Object.keys(proposed), ...Object.keys(value)])];
  return (
    <>
      {names.map(name => {
        const here = [...path, name];
        const meaning = propertySchema(schema, name, root);
        const item = ownValue(value, name);
        const first = ownValue(proposed, name);
        if (
          isObject(item) &&
          isObject(first) &&
          Object.keys(first).length > 0 &&
          path.length < MAX_GROUP_DEPTH
        ) {
          return (
            <fieldset key={name} className="jp-hitl-group">
              <legend>{showHiddenCharacters(meaning.title || name)}</legend>
              {meaning.about && <p className="jp-hitl-hint">{showHiddenCharacters(meaning.about)}</p>}
              <FormFields {...props} value={item} proposed={first} schema={meaning.schema} path={here} />
            </fieldset>
          );
        }
        return (
          <FormField
            key={name}
            name={name}
            at={props.at + here.join('/')}
            value={item}
            proposed={first}
            meaning={meaning}
            problem={messagesAt(fields, prefix + here.join('/'))}
            readOnly={props.readOnly}
            host={props.host}
            onEdit={made => onEdit(here, made)}
            onTakeBack={() => onEdit(here, first)}
            onBroken={(text, why) => onBroken(here, text, why)}
          />
        );
      })}
      <OtherMessages fields={fields} at={prefix + path.join('/')} top={path.length === 0} names={names} />
    </>
  );
}

/** Messages that belong to none of the shown fields: about the object itself, or about a missing field. */
function OtherMessages({
  fields,
  at,
  top,
  names
}: {
  fields: { [path: string]: string };
  at: string;
  top: boolean;
  names: string[];
}): JSX.Element | null {
  const start = at === '' || at.endsWith('/') ? at : `${at}/`;
  const others = Object.keys(fields).filter(
    one =>
      one !== '' &&
      (top || one === at || one.startsWith(start)) &&
      !names.some(name => one === start + name || one.startsWith(`${start}${name}/`))
  );
  return others.length === 0 ? null : (
    <p className="jp-hitl-error">
      <Icon name="warning" /> {showHiddenCharacters(others.map(one => `${one}: ${fields[one]}`).join('; '))}
    </p>
  );
}

/** Join the messages at a path and below it. */
function messagesAt(fields: { [path: string]: string }, path: string): string {
  return Object.entries(fields)
    .filter(([one]) => one === path || one.startsWith(`${path}/`))
    .map(([one, message]) => (one === path ? message : `${one.slice(path.length + 1)}: ${message}`))
    .join('; ');
}

/** Return a value with another part at a path; undefined removes the part. */
function setAtPath(value: Json | undefined, path: string[], item: Json | undefined): Json | undefined {
  if (path.length === 0) {
    return item;
  }
  const [name, ...rest] = path;
  const object = isObject(value) ? value : {};
  const made = setAtPath(ownValue(object, name), rest, item);
  if (made !== undefined) {
    return { ...object, [name]: made };
  }
  return Object.fromEntries(Object.entries(object).filter(([other]) => other !== name));
}

/** Format an object as JSON text, with the typed texts in place of some fields. */
export function formatWithTexts(value: Json, texts: UnparsedTexts, path: string[] = []): string {
  const typed = texts.get(JSON.stringify(path));
  if (typed) {
    return typed.text;
  }
  if (!isObject(value)) {
    return JSON.stringify(value, null, 2).replace(/\n/g, `\n${'  '.repeat(path.length)}`);
  }
  const missing = [...texts.keys()]
    .map(one => JSON.parse(one) as string[])
    .filter(one => one.length === path.length + 1 && path.every((name, i) => name === one[i]))
    .map(one => one[path.length]);
  const names = [...new Set([...Object.keys(value), ...missing])];
  const indent = '  '.repeat(path.length);
  const parts = names.map(
    name =>
      `${indent}  ${JSON.stringify(name)}: ${formatWithTexts(ownValue(value, name) ?? null, texts, [...path, name])}`
  );
  return `{\n${parts.join(',\n')}\n${indent}}`;
}
