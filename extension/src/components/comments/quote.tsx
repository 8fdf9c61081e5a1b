/**
 * The text that a comment is about.
 */

import type { IQuoteRange } from '../../codemirror/comment-marks';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** Longest quote that is shown, in characters; longer ones are cut. */
const MAX_QUOTE_CHARS = 300;

/** A quote, shortened if it is long. */
export function QuotedText({ text, host }: { text: string; host: IHost }): JSX.Element {
  return (
    <blockquote className="jp-hitl-quote" aria-label={host.trans.__('About')}>
      {shortenQuote(text)}
    </blockquote>
  );
}

/**
 * The quote of a comment, with a note if the text has changed or is gone.
 *
 * @param place - the current range; null if the text is gone, undefined if unknown.
 * @param onShow - scrolls to the text.
 */
export function QuoteLink(props: {
  quote: string;
  place: IQuoteRange | null | undefined;
  host: IHost;
  onShow: () => void;
}): JSX.Element | null {
  const { quote, place, host } = props;
  const { trans } = host;
  if (place === null) {
    return (
      <>
        <blockquote className="jp-hitl-quote" aria-label={trans.__('About')}>
          <del>{shortenQuote(quote)}</del>
        </blockquote>
        <p className="jp-hitl-note">{trans.__('The text it was about is gone.')}</p>
      </>
    );
  }
  if (place === undefined) {
    return quote === '' ? null : <QuotedText text={quote} host={host} />;
  }
  return (
    <>
      {quote !== '' && <QuotedText text={quote} host={host} />}
      {!place.text.startsWith(quote) && (
        <p className="jp-hitl-note">{trans.__('Text now: %1', shortenQuote(place.text))}</p>
      )}
      <button type="button" className="jp-hitl-link" onClick={props.onShow}>
        {trans.__('Show in the text')}
      </button>
    </>
  );
}

function shortenQuote(text: string): string {
  const characters = [...text.slice(0, MAX_QUOTE_CHARS + 1)];
  return showHiddenCharacters(text.length > MAX_QUOTE_CHARS ? `${characters.slice(0, -2).join('')}…` : text);
}
