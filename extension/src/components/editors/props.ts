/**
 * Props of all editors of values. There is one editor per kind; `registry.tsx` chooses it.
 */

import type { Extension } from '@codemirror/state';
import type { IProposal, Json } from '../../api/types';
import type { IDraft } from '../../drafts/draft';
import type { DraftHistory } from '../../models/history';
import type { IHost } from '../host';

/** Props of an editor. */
export interface IEditorProps {
  proposal: IProposal;
  /** The value to edit. It also changes from outside (start over, edits of others). */
  value: Json;
  /** The shared draft with the value; null if there is none. */
  draft: IDraft | null;
  /** One message per field path ("amount", "lines/0/sku", "rows/3/price"; "" is the whole value). */
  fields: { [path: string]: string };
  readOnly: boolean;
  /** Returns the document's history, which says who removed what; absent where there is none. */
  history?: () => DraftHistory;
  /** CodeMirror extension for editors of shared text. It stays the same while the draft does. */
  extension?: Extension;
  host: IHost;
  /**
   * Called when the person has changed the value. `base` is the value that it was made from; the current one by
   * default.
   */
  onEdit(value: Json, base?: Json): void;
  /** Called when the typed text is not a valid value yet. */
  onUnfinished(text: string, why: string): void;
}
