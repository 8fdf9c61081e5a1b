/**
 * Radio buttons for a value that is one of several options.
 */

import { useId } from 'react';
import type { IEditorProps } from './props';
import { FieldPresence, placeAttributes } from '../field-presence';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** The editor of a choice. */
export function ChoiceEditor({ proposal, value, readOnly, host, onEdit }: IEditorProps): JSX.Element {
  const name = useId();
  const chosen = JSON.stringify(value);
  return (
    <fieldset className="jp-hitl-choice" {...placeAttributes('')}>
      <legend>
        {host.trans.__('Options')} <FieldPresence path="" host={host} />
      </legend>
      {(proposal.options ?? []).map((option, i) => (
        <label key={i}>
          <input
            type="radio"
            name={name}
            disabled={readOnly}
            checked={JSON.stringify(option) === chosen}
            onChange={() => onEdit(option)}
          />
          {showHiddenCharacters(typeof option === 'string' ? option : JSON.stringify(option))}
        </label>
      ))}
    </fieldset>
  );
}
