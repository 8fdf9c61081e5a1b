/**
 * The line under a changed field: what it was, and a button that takes the change back.
 */

import type { Json } from '../../api/types';
import type { IHost } from '../host';
import { isLong, PlainValue, RemovedText, ShortText } from './marked-text';

interface IProps {
  /** The agent's version; undefined if it does not have this field. */
  before: Json | undefined;
  after: Json | undefined;
  /** Name of the field, for screen readers. */
  name?: string;
  /** Takes the change back; absent where nothing can be edited. */
  onTakeBack?: () => void;
  host: IHost;
}

/** "was …, Take back" under a changed field; long texts by word. */
export function FieldWas({ before, after, name = '', onTakeBack, host }: IProps): JSX.Element {
  const { trans } = host;
  const words = typeof before === 'string' && typeof after === 'string' && isLong(before, after);
  return (
    <div className="jp-hitl-was">
      {before === undefined ? (
        <span>{trans.__('added')}</span>
      ) : words ? (
        <span>
          <ShortText before={before} after={after} host={host} />
        </span>
      ) : (
        <span>
          {trans.__('was')}{' '}
          <RemovedText host={host}>
            <PlainValue value={before} style="form" host={host} />
          </RemovedText>
        </span>
      )}
      {onTakeBack && (
        <button
          type="button"
          className="jp-hitl-link jp-hitl-small"
          aria-label={name ? trans.__('Take back: %1', name) : undefined}
          onClick={onTakeBack}
        >
          {trans.__('Take back')}
        </button>
      )}
    </div>
  );
}
