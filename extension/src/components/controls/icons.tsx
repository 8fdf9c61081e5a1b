/**
 * The outlined icons of all views, 16 px. An icon is always beside a word, or in a button with a name.
 */

/** The shape of each icon, as the path of an SVG of 16 by 16. */
const ICON_PATHS = {
  add: 'M8 3v10M3 8h10',
  answer: 'M6.5 4 2.5 8l4 4M2.5 8H10a3.5 3.5 0 0 1 3.5 3.5V13',
  bell: 'M8 2.5a4 4 0 0 0-4 4V9l-1.500 2.5h11L12 9V6.500a4 4 0 0 0-4-4zM6.5 13.5h3',
  changes: 'M8 3v6M5 6h6M5 12.5h6',
  chart: 'M2.5 13.5h11M4 11V8M7 11V4M10 11V6.5M13 11V9',
  check: 'M3 8.5 6.5 12 13 4.5',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v3.2l2 1.3',
  comment: 'M2.5 3h11v8h-6l-3 2.5V11h-2z',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  cross: 'M4 4l8 8M12 4l-8 8',
  disconnected: 'M6 2v3M10 2v3M4 5h8v3a4 4 0 0 1-8 0zM8 12v2M2 2l12 12',
  down: 'M4 6l4 4 4-4',
  download: 'M8 2v8M5 7.5l3 3 3-3M3 13.5h10',
  filter: 'M2 3.5h12L9.5 9v4L6.5 11.5V9z',
  flag: 'M3.5 14V2.5M3.5 3h9l-2 3 2 3h-9',
  history: 'M2.5 8a5.5 5.5 0 1 0 1.6-3.9L2.5 5.5M2.5 2.5v3h3M8 5v3.2l2 1.3',
  keyboard: 'M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6',
  left: 'M10 4 6 8l4 4',
  lock: 'M4 7.5h8v6H4zM5.5 7.5V5.500a2.5 2.5 0 0 1 5 0v2',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  notebook: 'M2 3h12v10H2zM5 6l2 2-2 2M8.5 10H11',
  open: 'M9 2.5h4.5V7M13.5 2.5 7.5 8.5M12 9.5v4H2.5V4h4',
  pencil: 'M3 13l.6-3L10.8 2.800l2.400 2.400L6 12.400z',
  people:
    'M6 7.5a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6zM1.8 13.200c.3-2.500 2-3.700 4.200-3.700s3.900 1.200 4.200 3.700M10.6 3.200a2.2 2.2 0 0 1 0 4M12 9.800c1.400.4 2.200 1.500 2.400 3.200',
  play: 'M4.5 3v10l8-5z',
  question: 'M6 6a2 2 0 1 1 2.900 1.800c-.6.3-.9.7-.9 1.400M8 11.5v.01M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z',
  redo: 'M10.5 3l3 3-3 3M13.5 6H7a4 4 0 0 0 0 8h3',
  restart: 'M13.5 8a5.5 5.5 0 1 1-1.600-3.900M13.5 2v3h-3',
  right: 'M6 4l4 4-4 4',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14',
  shield: 'M8 2l5 1.800V8c0 3-2.200 5-5 6-2.800-1-5-3-5-6V3.800z',
  sort: 'M5 3v10M5 13l-2.500-2.500M5 13l2.500-2.500M11 13V3M11 3 8.500 5.500M11 3l2.500 2.500',
  stop: 'M4 4h8v8H4z',
  table: 'M2 3h12v10H2zM2 6.5h12M2 9.8h12M6.5 3v10',
  text: 'M3 4h10M3 7h10M3 10h7M3 13h5',
  undo: 'M5.5 3 2.5 6l3 3M2.5 6H9a4 4 0 0 1 0 8H6',
  up: 'M4 10l4-4 4 4',
  warning: 'M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.600v.01',
  wrench:
    'M10.5 2.500a3.2 3.2 0 0 0-3 4.400L2.700 11.700l1.600 1.600 4.800-4.800a3.2 3.2 0 0 0 4.300-3.800l-2 2-1.800-.5-.5-1.800z'
} as const;

/** Name of an icon. */
export type IconName = keyof typeof ICON_PATHS;

/** One icon. Screen readers skip it. */
export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg className="jp-hitl-icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICON_PATHS[name]} />
    </svg>
  );
}

/** Return an icon as the source of an SVG, for places that are not drawn by React. */
export function iconSvg(name: IconName): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16" height="16"><path class="jp-hitl-stroke" fill="none" stroke="#616161" stroke-width="1.5" d="${ICON_PATHS[name]}"/></svg>`;
}
