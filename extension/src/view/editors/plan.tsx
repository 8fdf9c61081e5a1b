/**
 * A plan: its steps as a list that can be changed, moved, removed and added to.
 */

import type { Json } from '../../api/types';
import type { IEditorProps } from '../editor';
import { visible } from '../visible';

export function PlanEditor({ value, fields, readOnly, host, onEdit }: IEditorProps): JSX.Element {
  const { trans } = host;
  const steps = value as Json[];
  const move = (from: number, to: number): void => {
    const made = steps.slice();
    made.splice(to, 0, ...made.splice(from, 1));
    onEdit(made);
  };
  return (
    <div className="jp-hitl-plan">
      <ol>
        {steps.map((step, i) => (
          <li key={i}>
            <div className="jp-hitl-step">
              {typeof step === 'string' ? (
                <input
                  type="text"
                  value={step}
                  disabled={readOnly}
                  aria-label={trans.__('Step %1', i + 1)}
                  onChange={event => onEdit(steps.map((one, j) => (j === i ? event.target.value : one)))}
                />
              ) : (
                <code>{visible(JSON.stringify(step))}</code>
              )}
              <button
                type="button"
                disabled={readOnly || i === 0}
                aria-label={trans.__('Move step %1 up', i + 1)}
                onClick={() => move(i, i - 1)}
              >
                ↑
              </button>
              <button
                type="button"
                disabled={readOnly || i === steps.length - 1}
                aria-label={trans.__('Move step %1 down', i + 1)}
                onClick={() => move(i, i + 1)}
              >
                ↓
              </button>
              <button
                type="button"
                disabled={readOnly}
                aria-label={trans.__('Remove step %1', i + 1)}
                onClick={() => onEdit(steps.filter((_, j) => j !== i))}
              >
                ×
              </button>
            </div>
            {fields[String(i)] && <strong className="jp-hitl-wrong">⚠ {visible(fields[String(i)])}</strong>}
          </li>
        ))}
      </ol>
      <button type="button" disabled={readOnly} onClick={() => onEdit([...steps, ''])}>
        {trans.__('Add a step')}
      </button>
    </div>
  );
}
