/**
 * How the drafts of each kind of value are shared: `sharing_form` of the kinds in `hitl_nb/kinds`.
 */

import type { Kind } from '../api/types';

/** As one text; as the cells of a table; as parts of a JSON value; as one JSON text. */
export type SharingForm = 'text' | 'table' | 'parts' | 'whole';

/** Kinds that are not here are shared in parts. */
const SHARING_FORMS = new Map<Kind, SharingForm>([
  ['text', 'text'],
  ['markdown', 'text'],
  ['code', 'text'],
  ['table', 'table'],
  ['choice', 'whole']
]);

export function sharingForm(kind: Kind): SharingForm {
  return SHARING_FORMS.get(kind) ?? 'parts';
}

/** Whether a value of this kind is written as text and nothing else. */
export function isText(kind: Kind): boolean {
  return sharingForm(kind) === 'text';
}
