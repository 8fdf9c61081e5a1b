/**
 * The source of an agent's cell as text: as it was recorded, and with `--restart`.
 */

/** The first line of a recorded source is the magic as a comment. */
const RECORDED_MAGIC = /^# ?(?=%%agent\b)/;

/** Return a recorded source as a cell has it. */
export function cellSource(recorded: string): string {
  return recorded.replace(RECORDED_MAGIC, '').replace(/\n$/, '');
}

/** Return the source of an agent's cell with `--restart` in its magic, once. */
export function addRestart(source: string): string {
  return source.replace(/^(\s*%%agent\b)([^\n]*)/, (line, magic: string, rest: string) =>
    /(^|\s)--restart(\s|$)/.test(rest) ? line : `${magic}${rest.trimEnd()} --restart`
  );
}
