/**
 * A filter of an overview as a round list of choices.
 */

/** A filter with a few choices; "" is all. */
export function ChoicePill(props: {
  label: string;
  value: string;
  /** The values with their words; the first one is all. */
  choices: readonly (readonly [value: string, text: string])[];
  onChoose: (value: string) => void;
}): JSX.Element {
  const { label, value, choices, onChoose } = props;
  return (
    <select
      className={`jp-hitl-filter${value ? ' jp-mod-on' : ''}`}
      aria-label={label}
      value={value}
      onChange={event => onChoose(event.target.value)}
    >
      {choices.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
  );
}
