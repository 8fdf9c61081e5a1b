/**
 * A row of buttons of which one is pressed, such as "Edit | Changes | Original".
 */

interface IProps<T extends string> {
  /** Name of the group for screen readers. */
  label: string;
  options: readonly { value: T; text: string }[];
  chosen: T;
  onChoose: (value: T) => void;
}

/** The row of buttons. */
export function SegmentedControl<T extends string>({
  label,
  options,
  chosen,
  onChoose
}: IProps<T>): JSX.Element {
  return (
    <span className="jp-hitl-segments" role="group" aria-label={label}>
      {options.map(({ value, text }) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
          {text}
        </button>
      ))}
    </span>
  );
}
