/**
 * A link of an agent, with the host that it leads to.
 */

import { showHiddenCharacters } from '../../text/hidden-characters';

/** A link to a page. An address that is not of the web is shown as text. */
export function SafeLink({ url, text, site }: { url: string; text: string; site: string }): JSX.Element {
  const shown = showHiddenCharacters(text);
  if (!/^https?:\/\/[^/\\]/i.test(url)) {
    return (
      <>
        {shown} ({showHiddenCharacters(url)})
      </>
    );
  }
  return (
    <>
      <a
        href={url}
        target="_blank"
        rel="noopener noreferrer nofollow"
        referrerPolicy="no-referrer"
        title={showHiddenCharacters(url)}
      >
        {shown}
      </a>{' '}
      <span className="jp-hitl-muted">({showHiddenCharacters(site)})</span>
    </>
  );
}
