/**
 * Edits of a JSON text for a changed value. The person's own formatting stays; only the parts that differ are
 * rewritten.
 */

import type { Json } from '../api/types';
import { isObject, isSame } from './json-parts';

/** A range of a text, and the text that replaces it. */
export interface IReplacement {
  start: number;
  end: number;
  text: string;
}

/** A value in a text, with its range and its parts. */
interface IJsonNode {
  start: number;
  end: number;
  value: Json;
  parts: Map<string | number, IJsonNode>;
}

/**
 * Find the replacements in the JSON text `text` after which it means `value`; the last one in the text comes first.
 *
 * @throws SyntaxError if the text is not JSON.
 */
export function patchJsonText(text: string, value: Json): IReplacement[] {
  JSON.parse(text);
  const found: IReplacement[] = [];
  compareNode(new JsonReader(text).readNode(), value, found, text);
  return found.reverse();
}

function compareNode(node: IJsonNode, value: Json, found: IReplacement[], text: string): void {
  if (isSame(node.value, value)) {
    return;
  }
  const names = isObject(value) ? Object.keys(value) : Array.isArray(value) ? [...value.keys()] : [];
  const alike =
    isObject(node.value) === isObject(value) && Array.isArray(node.value) === Array.isArray(value);
  if (
    alike &&
    names.length > 0 &&
    names.length === node.parts.size &&
    names.every(one => node.parts.has(one))
  ) {
    for (const [name, part] of node.parts) {
      compareNode(part, (value as { [name: string]: Json })[name], found, text);
    }
    return;
  }
  const line = text.slice(text.lastIndexOf('\n', node.start - 1) + 1, node.start);
  const indent = /^\s*/.exec(line)![0];
  found.push({ ...node, text: JSON.stringify(value, null, 2).replace(/\n/g, `\n${indent}`) });
}

/** Reads JSON that is known to be valid. */
class JsonReader {
  constructor(private _text: string) {}

  readNode(): IJsonNode {
    const start = this._skipSpace();
    const parts = new Map<string | number, IJsonNode>();
    const opening = this._text[start];
    if (opening === '{' || opening === '[') {
      this._at++;
      for (let i = 0; !'}]'.includes(this._text[this._skipSpace()]); i++) {
        const name = opening === '{' ? (JSON.parse(this._readToken()) as string) : i;
        this._expect(':');
        parts.set(name, this.readNode());
        this._expect(',');
      }
      this._at++;
    } else {
      this._readToken();
    }
    const value = JSON.parse(this._text.slice(start, this._at)) as Json;
    return { start, end: this._at, value, parts };
  }

  /** Read the string, number or word at the current index. */
  private _readToken(): string {
    TOKEN.lastIndex = this._at;
    const [token] = TOKEN.exec(this._text)!;
    this._at += token.length;
    return token;
  }

  private _expect(mark: string): void {
    if (this._text[this._skipSpace()] === mark) {
      this._at++;
    }
  }

  private _skipSpace(): number {
    while (' \t\r\n'.includes(this._text[this._at]) && this._at < this._text.length) {
      this._at++;
    }
    return this._at;
  }

  private _at = 0;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[^\s,:\]}]+/y;
