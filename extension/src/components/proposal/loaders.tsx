/**
 * A proposal's card or a workspace, loaded when it is shown. Use the id as `key`, so that another id is another
 * element.
 */

import { type ReactNode, useEffect, useState } from 'react';
import { ProposalModel } from '../../models/proposal';
import { WorkspaceModel } from '../../models/workspace';
import { ProposalCard } from './proposal-card';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { WorkspaceView } from './workspace-view';

interface IByIdProps {
  id: string;
  host: IHost;
}

/** Loads a proposal and shows its card. */
export function CardById({ id, host }: IByIdProps): JSX.Element {
  const { model, problem } = useModel(id, host, loadProposalModel);
  return model ? (
    <ProposalCard model={model} host={host} />
  ) : (
    <LoadingOrError problem={problem} host={host} />
  );
}

/** Loads a workspace and shows it. While people are asked whether it is done, the card of that question is shown. */
export function WorkspaceById({ id, host }: IByIdProps): JSX.Element {
  const { model, problem } = useModel(id, host, loadWorkspaceModel);
  const renderQuestion = (proposal: string): ReactNode => (
    <CardById key={proposal} id={proposal} host={host} />
  );
  return model ? (
    <WorkspaceView model={model} host={host} renderQuestion={renderQuestion} />
  ) : (
    <LoadingOrError problem={problem} host={host} />
  );
}

/** Load a proposal and its run. The returned function creates the model. */
export async function loadProposalModel(id: string, host: IHost): Promise<() => ProposalModel> {
  const proposal = await host.client.getProposal(id);
  const { run } = await host.client.getRun(proposal.run);
  return () => new ProposalModel(host, proposal, run);
}

/** Load a workspace and its run. The returned function creates the model. */
export async function loadWorkspaceModel(id: string, host: IHost): Promise<() => WorkspaceModel> {
  const workspace = await host.client.getWorkspace(id);
  const standing = await host.client.getRun(workspace.run);
  return () => new WorkspaceModel(host, workspace, standing);
}

function useModel<M extends { dispose(): void }>(
  id: string,
  host: IHost,
  read: (id: string, host: IHost) => Promise<() => M>
): { model: M | null; problem: string } {
  const [model, setModel] = useState<M | null>(null);
  const [problem, setProblem] = useState('');
  useEffect(() => {
    let made: M | null = null;
    let gone = false;
    setProblem('');
    setModel(null);
    const show = async (): Promise<void> => {
      try {
        const make = await read(id, host);
        if (!gone) {
          made = make();
          setModel(made);
        }
      } catch (reason) {
        if (!gone) {
          setProblem(reason instanceof Error ? reason.message : String(reason));
        }
      }
    };
    void show();
    return () => {
      gone = true;
      made?.dispose();
    };
  }, [id, host, read]);
  return { model, problem };
}

function LoadingOrError({ problem, host }: { problem: string; host: IHost }): JSX.Element {
  return problem ? (
    <p className="jp-hitl-error" role="alert">
      {showHiddenCharacters(problem)}
    </p>
  ) : (
    <p>{host.trans.__('Loading …')}</p>
  );
}
