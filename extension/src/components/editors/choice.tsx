/**
 * Radio buttons for a value that is one of several options.
 */

import { useId } from 'react';
import type { IEditorProps } from './props';
import { FieldPresence, placeAttributes } from '../field-presence';
import { formatStep } from '../changes/list-changes';
import { Chip } from '../controls/chip';

/** The editor of a choice. */
export function ChoiceEditor({ proposal, value, readOnly, host, onEdit }: IEditorProps): JSX.Element {
  const name = useId();
  const [chosen, proposed] = [JSON.stringify(value), JSON.stringify(proposal.value)];
  return (
    <fieldset className="jp-hitl-choice" {...placeAttributes('')}>
      <legend>
        {host.trans.__('Options')} <FieldPresence path="" host={host} />
      </legend>
      {(proposal.options ?? []).map((option, i) => {
        const text = JSON.stringify(option);
        const now = text === chosen;
        return (
          <div key={i} className="jp-hitl-option">
            <label className={now ? 'jp-hitl-chosen' : undefined}>
              <input
                type="radio"
                name={name}
                disabled={readOnly}
                checked={now}
                aria-describedby={`${name}-${i}`}
                onChange={() => onEdit(option)}
              />
              {formatStep(option)}
            </label>
            <span id={`${name}-${i}`}>
              {text === proposed ? (
                <span className="jp-hitl-muted">{host.trans.__('the agent’s choice')}</span>
              ) : (
                now && (
                  <Chip tone="good" icon="pencil">
                    {host.trans.__('chosen instead')}
                  </Chip>
                )
              )}
            </span>
          </div>
        );
      })}
    </fieldset>
  );
}
