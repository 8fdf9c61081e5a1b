/**
 * The text that a comment is about.
 */

import type { IStanding } from '../../codemirror/comment-marks';
import type { IHost } from '../host';
import { visible } from '../../text/hidden-characters';

/** Characters of a quote that are shown. */
const LONGEST = 300;

/** A quote, cut to what can be read at a glance. */
export function Quoted({ text, host }: { text: string; host: IHost }): JSX.Element {
  return (
    <blockquote className="jp-hitl-quote" aria-label={host.trans.__('About')}>
      {short(text)}
    </blockquote>
  );
}

/**
 * What a comment is about, and whether that still stands.
 *
 * @param place - where it is; null if it is gone, undefined if nobody looked.
 * @param onShow - shows it in the text.
 */
export function About(props: {
  quote: string;
  place: IStanding | null | undefined;
  host: IHost;
  onShow: () => void;
}): JSX.Element | null {
  const { quote, place, host } = props;
  const { trans } = host;
  if (place === null) {
    return (
      <>
        <blockquote className="jp-hitl-quote" aria-label={trans.__('About')}>
          <del>{short(quote)}</del>
        </blockquote>
        <p className="jp-hitl-note">{trans.__('The text it was about is gone.')}</p>
      </>
    );
  }
  if (place === undefined) {
    return quote === '' ? null : <Quoted text={quote} host={host} />;
  }
  return (
    <>
      {quote !== '' && <Quoted text={quote} host={host} />}
      {!place.text.startsWith(quote) && (
        <p className="jp-hitl-note">{trans.__('It says now: %1', short(place.text))}</p>
      )}
      <button type="button" className="jp-hitl-link" onClick={props.onShow}>
        {trans.__('Show in the text')}
      </button>
    </>
  );
}

function short(text: string): string {
  const characters = [...text.slice(0, LONGEST + 1)];
  return visible(text.length > LONGEST ? `${characters.slice(0, -2).join('')}…` : text);
}
