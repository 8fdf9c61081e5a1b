/**
 * Above what waits: the documents that agents and people are writing, if there are any.
 */

import type { IWorkspaceSummary } from '../api/types';
import type { IHost } from '../components/host';
import { useRedraw } from '../components/use-redraw';
import { when } from '../components/proposal-status';
import { visible } from '../text/hidden-characters';
import type { Workspaces } from './workspace-store';

interface IProps {
  workspaces: Workspaces;
  host: IHost;
  onOpen: (workspace: IWorkspaceSummary) => void;
}

export function Writing({ workspaces, host, onOpen }: IProps): JSX.Element | null {
  useRedraw(workspaces);
  const { trans } = host;
  const { found, opened, problem } = workspaces;
  return (
    <>
      {problem && (
        <p className="jp-hitl-wrong" role="alert">
          {visible(problem)}
        </p>
      )}
      {found.length > 0 && (
        <details className="jp-hitl-workspaces" open>
          <summary>{trans.__('Workspaces (%1)', found.length)}</summary>
          <ul aria-label={trans.__('Workspaces')}>
            {found.map(one => (
              <li key={one.id}>
                <button type="button" aria-current={one.id === opened?.id} onClick={() => onOpen(one)}>
                  <span>{visible(one.title)}</span>
                  <small>{about(one, host)}</small>
                </button>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function about(one: IWorkspaceSummary, { trans }: IHost): string {
  const state =
    one.proposal !== null
      ? trans.__('waits for a decision since %1', when(one.updated_at))
      : one.status === 'done'
        ? trans.__('done, %1', when(one.updated_at))
        : trans.__('being written since %1', when(one.created_at));
  return `${visible(one.agent)} · ${visible(one.path ?? one.notebook)} · ${state}`;
}
