/**
 * A run as a page to print: its decisions and steps as a table, and whether its log is complete. The page is built from
 * texts alone, so that nothing of a notebook or an agent is executed or loaded in it.
 */

import type { ITimelineEntry } from '../api/types';
import type { IHost } from '../components/host';
import { showHiddenCharacters } from '../text/hidden-characters';
import { formatExactTime } from './entry-list';
import { describeGroup, isShown } from './entry-words';
import { logSentence } from './log-check';
import { describeRun } from './timeline-view';

const STYLE = `
  body { font: 11pt/1.4 system-ui, sans-serif; color: #000; background: #fff; }
  table { width: 100%; border-collapse: collapse; font-size: 9.5pt; }
  th, td { padding: 4px 8px 4px 0; border-bottom: 1px solid #999; text-align: left; vertical-align: top;
    overflow-wrap: anywhere; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  td:first-child { white-space: nowrap; }
`;

/** Read a run, and let the browser print it. */
export async function printRun(id: string, host: IHost): Promise<void> {
  const { client } = host;
  const [timeline, log] = await Promise.all([
    client.getTimeline(id),
    client.verifyRun(id).catch((reason: unknown) => ({
      failed: reason instanceof Error ? reason.message : String(reason)
    }))
  ]);
  const frame = document.createElement('iframe');
  frame.className = 'jp-hitl-print-frame';
  frame.setAttribute('aria-hidden', 'true');
  document.querySelectorAll(`.${frame.className}`).forEach(old => old.remove());
  document.body.append(frame);
  const shown = frame.contentWindow!;
  const lines = [describeRun({ ...timeline, now: Date.now() }, host), logSentence(log, host)];
  fillPage(shown.document, timeline.run.agent, lines, timeline.entries, host);
  shown.addEventListener('afterprint', () => frame.remove());
  shown.print();
}

function fillPage(
  page: Document,
  name: string,
  lines: readonly string[],
  entries: readonly ITimelineEntry[],
  host: IHost
): void {
  const { trans } = host;
  const add = (parent: Node, tag: string, text = ''): HTMLElement => {
    const made = page.createElement(tag);
    made.textContent = text;
    parent.appendChild(made);
    return made;
  };
  page.title = showHiddenCharacters(name);
  add(page.head, 'style', STYLE);
  add(page.body, 'h1', showHiddenCharacters(name));
  lines.filter(Boolean).forEach(line => add(page.body, 'p', line));
  const table = add(page.body, 'table');
  const head = add(add(table, 'thead'), 'tr');
  [trans.__('Time'), trans.__('Event'), trans.__('By whom, and why')].forEach(title =>
    add(head, 'th', title)
  );
  const body = add(table, 'tbody');
  for (const entry of entries.filter(one => isShown(one, 'all'))) {
    const row = add(body, 'tr');
    const { text, about, note } = describeGroup([entry], host);
    [formatExactTime(entry.at), `${text} ${about}`.trim(), note].forEach(cell => add(row, 'td', cell));
  }
}
