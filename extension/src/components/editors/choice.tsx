/**
 * One of several options, as radio buttons.
 */

import { useId } from 'react';
import type { IEditorProps } from './props';
import { Here, place } from '../field-presence';
import { visible } from '../../text/hidden-characters';

export function ChoiceEditor({ proposal, value, readOnly, host, onEdit }: IEditorProps): JSX.Element {
  const name = useId();
  const chosen = JSON.stringify(value);
  return (
    <fieldset className="jp-hitl-choice" {...place('')}>
      <legend>
        {host.trans.__('Options')} <Here path="" host={host} />
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
          {visible(typeof option === 'string' ? option : JSON.stringify(option))}
        </label>
      ))}
    </fieldset>
  );
}
