/**
 * What every editor of a value takes. One component a kind; `editors/index.tsx` picks.
 */

import type { IProposal, Json } from '../api/types';
import type { IHost } from './host';

export interface IEditorProps {
  proposal: IProposal;
  /** What the editor shows; it changes from outside too (start over, another browser). */
  value: Json;
  /** One message a field path ("amount", "lines/0/sku", "rows/3/price"; "" is the whole). */
  fields: { [path: string]: string };
  readOnly: boolean;
  host: IHost;
  /** The person changed the value. */
  onEdit(value: Json): void;
  /** What is typed is no value (yet). */
  onUnfinished(text: string, why: string): void;
}
