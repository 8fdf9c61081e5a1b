/**
 * An object as a form: one control a field, objects in it as groups of fields, and the server's message at the field.
 * A field whose text is no JSON makes the whole form unfinished, whatever else is edited, until it is one.
 *
 * Not JupyterLab's FormComponent: it compiles the schema, which the agent gives, into a function (ajv's `new Function`).
 * The page's Content-Security-Policy lets no text become code, and card and page are one view.
 */

import { useRef } from 'react';
import type { Json, JsonObject } from '../../api/types';
import type { IEditorProps } from './props';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { FormField } from './form-field';
import { isObject, ownValue, propertySchema } from './json-schema';

export { isObject } from './json-schema';

/** Groups in groups; objects deeper than this are JSON. */
const MAX_GROUP_DEPTH = 3;

/** Whether an object can be a form: it has fields. */
export function fitsForm(value: Json): value is JsonObject {
  return isObject(value) && Object.keys(value).length > 0;
}

/** Texts that are no JSON, by the path of their field. */
type UnparsedTexts = Map<string, { text: string; why: string }>;

type Props = Pick<IEditorProps, 'fields' | 'readOnly' | 'host' | 'onEdit' | 'onUnfinished'> & {
  value: JsonObject;
  proposed: JsonObject;
  schema: JsonObject | null;
  /** Where the server's messages see the object: "arguments/". */
  prefix?: string;
  /** Where the others see it; as the server does, if not given. */
  at?: string;
};

export function FormEditor({
  value,
  proposed,
  schema,
  prefix = '',
  at = prefix,
  ...props
}: Props): JSX.Element {
  const broken = useRef<UnparsedTexts>(new Map());
  /** Tell what is typed: a value, or that it is none as long as one field is broken. */
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
  onEdit: (path: string[], value: Json) => void;
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
              {meaning.about && <p className="jp-hitl-about">{showHiddenCharacters(meaning.about)}</p>}
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
            onBroken={(text, why) => onBroken(here, text, why)}
          />
        );
      })}
      <OtherMessages fields={fields} at={prefix + path.join('/')} top={path.length === 0} names={names} />
    </>
  );
}

/** Messages that belong to no field shown here: about the object itself, or a field that is missing. */
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
      ⚠ {showHiddenCharacters(others.map(one => `${one}: ${fields[one]}`).join('; '))}
    </p>
  );
}

/** The messages at a path and below it, in one text. */
function messagesAt(fields: { [path: string]: string }, path: string): string {
  return Object.entries(fields)
    .filter(([one]) => one === path || one.startsWith(`${path}/`))
    .map(([one, message]) => (one === path ? message : `${one.slice(path.length + 1)}: ${message}`))
    .join('; ');
}

function setAtPath(value: Json | undefined, path: string[], item: Json): Json {
  if (path.length === 0) {
    return item;
  }
  const [name, ...rest] = path;
  const object = isObject(value) ? value : {};
  return { ...object, [name]: setAtPath(ownValue(object, name), rest, item) };
}

/** An object as JSON text in which some fields are as they were typed. */
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
