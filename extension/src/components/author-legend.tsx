/**
 * Whose colour is whose.
 */

import type { IAuthor } from '../codemirror/author-colors';
import type { IHost } from './host';
import { tinted } from './field-presence';
import { visible } from '../text/hidden-characters';

export function Legend({ authors, host }: { authors: readonly IAuthor[]; host: IHost }): JSX.Element {
  return (
    <ul className="jp-hitl-legend" aria-label={host.trans.__('Authors')}>
      {authors.map(({ name, color }, i) => (
        <li key={i} style={tinted(color)}>
          <span className="jp-hitl-author">{visible(name)}</span>
        </li>
      ))}
    </ul>
  );
}
