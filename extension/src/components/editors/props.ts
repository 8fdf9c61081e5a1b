/**
 * What every editor of a value takes. One component a kind; `editors/index.tsx` picks.
 */

import type { Extension } from '@codemirror/state';
import type { IProposal, Json } from '../../api/types';
import type { IDraft } from '../../drafts/draft';
import type { IHost } from '../host';

export interface IEditorProps {
  proposal: IProposal;
  /** What the editor shows; it changes from outside too (start over, somebody else's edit). */
  value: Json;
  /** The shared draft that the value is in; null if there is none. */
  draft: IDraft | null;
  /** One message a field path ("amount", "lines/0/sku", "rows/3/price"; "" is the whole). */
  fields: { [path: string]: string };
  readOnly: boolean;
  /** What an editor of the shared text adds to CodeMirror; the same as long as the draft is. */
  extension?: Extension;
  host: IHost;
  /** The person changed the value, made from `base`; from what is there now, if that is not given. */
  onEdit(value: Json, base?: Json): void;
  /** What is typed is no value (yet). */
  onUnfinished(text: string, why: string): void;
}
