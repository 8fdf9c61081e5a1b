/**
 * The legend of author colors.
 */

import type { IAuthor } from '../codemirror/author-colors';
import type { IHost } from './host';
import { tintStyle } from './field-presence';
import { showHiddenCharacters } from '../text/hidden-characters';

/** A list of authors with their colors. */
export function AuthorLegend({ authors, host }: { authors: readonly IAuthor[]; host: IHost }): JSX.Element {
  return (
    <ul className="jp-hitl-legend" aria-label={host.trans.__('Authors')}>
      {authors.map((author, i) => (
        <li key={i} style={tintStyle(author.color)}>
          <span className="jp-hitl-author">{authorName(author, host)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Return the name of an author for display. */
export function authorName({ name, me }: IAuthor, { trans }: IHost): string {
  return me ? trans.__('You') : showHiddenCharacters(name);
}
