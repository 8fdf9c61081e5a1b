/**
 * The list of open workspaces, above the waiting proposals. It is empty if there are none.
 */

import type { IWorkspaceSummary } from '../../api/types';
import type { IHost } from '../../components/host';
import { useRedraw } from '../../components/use-redraw';
import { formatWhen } from '../../components/proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { WorkspaceStore } from '../stores/workspace-store';

interface IWorkspaceListProps {
  workspaces: WorkspaceStore;
  host: IHost;
  onOpen: (workspace: IWorkspaceSummary) => void;
}

/** The open workspaces. */
export function WorkspaceList({ workspaces, host, onOpen }: IWorkspaceListProps): JSX.Element | null {
  useRedraw(workspaces);
  const { trans } = host;
  const { found, opened, problem } = workspaces;
  return (
    <>
      {problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(problem)}
        </p>
      )}
      {found.length > 0 && (
        <details className="jp-hitl-workspaces" open>
          <summary>{trans.__('Workspaces (%1)', found.length)}</summary>
          <ul aria-label={trans.__('Workspaces')}>
            {found.map(one => (
              <li key={one.id}>
                <button type="button" aria-current={one.id === opened?.id} onClick={() => onOpen(one)}>
                  <span>{showHiddenCharacters(one.title)}</span>
                  <small>{describeWorkspace(one, host)}</small>
                </button>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function describeWorkspace(one: IWorkspaceSummary, { trans }: IHost): string {
  const state =
    one.proposal !== null
      ? trans.__('asked whether it is done, %1', formatWhen(one.updated_at))
      : one.status === 'done'
        ? trans.__('done, %1', formatWhen(one.updated_at))
        : trans.__('being written since %1', formatWhen(one.created_at));
  return `${showHiddenCharacters(one.agent)} · ${showHiddenCharacters(one.path ?? one.notebook)} · ${state}`;
}
