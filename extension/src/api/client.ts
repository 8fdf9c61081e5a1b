/**
 * The REST calls of the server extension, over whatever way the host has to make a request.
 */

import { ISignal, Signal } from '@lumino/signaling';
import { ApiError } from './errors';
import type {
  CommentState,
  IComment,
  IDecisionRequest,
  ITimelineEntry,
  IFigures,
  IProposalQuery,
  IProposal,
  IRun,
  ICommentRequest,
  IMentionableUser,
  IStatus,
  IProposalSummary,
  IDraftUpdate,
  IWorkspace,
  IWorkspaceSummary,
  Json,
  DecisionOutcome
} from './types';

/** Makes one request below `hitl_nb/api/`; the host knows base URL, credentials and XSRF. */
export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

export class Client {
  constructor(private _fetch: Fetch) {}

  /** The run of a proposal that was decided through this client, as it is now. */
  readonly decided: ISignal<this, IRun> = new Signal<this, IRun>(this);

  getStatus(): Promise<IStatus> {
    return this._call('GET', 'status');
  }

  listProposals(
    filter: IProposalQuery = {},
    limit = 200,
    cursor?: string
  ): Promise<{ proposals: IProposalSummary[]; next: string | null }> {
    return this._call(
      'GET',
      `proposals${encodeQuery({
        status: filter.status,
        notebook: filter.notebook,
        agent: filter.agent,
        reviewer: filter.reviewer,
        older_than: filter.olderThan,
        newer_than: filter.newerThan,
        mine: filter.mine ? '1' : undefined,
        passed: filter.passed ? '1' : undefined,
        limit,
        cursor
      })}`
    );
  }

  getProposal(id: string): Promise<IProposal> {
    return this._call('GET', `proposals/${id}`);
  }

  /** The proposals of a notebook's pause: what a cell's output names. Without a key, of the newest run with any. */
  getPause(
    path: string,
    agent: string,
    pause: number,
    key?: string
  ): Promise<{ run: IRun; proposals: IProposal[] }> {
    return this._call('GET', `pauses${encodeQuery({ path, agent, pause, key })}`);
  }

  /** The workspaces that are not closed, newest first. */
  listWorkspaces(
    limit: number,
    cursor?: string
  ): Promise<{ workspaces: IWorkspaceSummary[]; next: string | null }> {
    return this._call('GET', `workspaces${encodeQuery({ limit, cursor })}`);
  }

  getWorkspace(id: string): Promise<IWorkspace> {
    return this._call('GET', `workspaces/${id}`);
  }

  /** A notebook's workspace: what a cell's output names. Without a key, of the newest run that has so many. */
  async findWorkspace(path: string, agent: string, workspace: number, key?: string): Promise<IWorkspace> {
    const asked = encodeQuery({ path, agent, workspace, key });
    const { workspaces } = await this._call<{ workspaces: [IWorkspace] }>('GET', `workspaces${asked}`);
    return workspaces[0];
  }

  checkEdit(id: string, value: Json): Promise<{ ok: true; value: Json; changes: string }> {
    return this._call('POST', `proposals/${id}/check`, { value });
  }

  async decide(
    shown: { id: string; revision: number; fingerprint: string },
    request: IDecisionRequest
  ): Promise<{ proposal: IProposal; run: IRun; outcome?: DecisionOutcome }> {
    const { id, revision, fingerprint } = shown;
    const body = { ...request, revision, fingerprint };
    const answer = await this._call<{ proposal: IProposal; run: IRun; outcome?: DecisionOutcome }>(
      'POST',
      `proposals/${id}/decision`,
      body
    );
    (this.decided as Signal<this, IRun>).emit(answer.run);
    return answer;
  }

  decideMany(
    shown: { id: string; revision: number; fingerprint: string }[],
    request: IDecisionRequest
  ): Promise<{ proposals: IProposal[] }> {
    const proposals = shown.map(({ id, revision, fingerprint }) => ({
      id,
      revision,
      fingerprint
    }));
    return this._call('POST', 'decisions', { ...request, proposals });
  }

  /** Take back an approval that has not become the decision yet. */
  undoApproval(id: string): Promise<unknown> {
    return this._call('POST', `proposals/${id}/undo`, {});
  }

  /** How the reader's own votes look. */
  getFigures(): Promise<IFigures> {
    return this._call('GET', 'people/me/figures');
  }

  /** The comments on a document, and who may be mentioned there. */
  listComments(document: string): Promise<{ comments: IComment[]; people: IMentionableUser[] }> {
    return this._call('GET', `documents/${document}/comments`);
  }

  addComment(document: string, said: ICommentRequest): Promise<{ comment: IComment }> {
    return this._call('POST', `documents/${document}/comments`, said);
  }

  /** Say what became of a comment; `changed` is whether it was this call that made it so. */
  changeCommentState(
    document: string,
    id: string,
    state: CommentState
  ): Promise<{ comment: IComment; changed: boolean }> {
    return this._call('PUT', `comments/${id}/state`, { document, state });
  }

  /** The updates of a document that follow the `after`-th; `next` is what the next page comes after. */
  getHistory(
    document: string,
    after: number,
    limit: number
  ): Promise<{ entries: IDraftUpdate[]; next: number | null }> {
    return this._call('GET', `documents/${document}/history${encodeQuery({ after, limit })}`);
  }

  assign(id: string, assignee: string | null): Promise<{ proposal: IProposal }> {
    return this._call('PUT', `proposals/${id}/assignee`, { assignee });
  }

  listRuns(limit = 100, cursor?: string): Promise<{ runs: IRun[]; next: string | null }> {
    return this._call('GET', `runs${encodeQuery({ limit, cursor })}`);
  }

  /** A run and what its last pause asked. Those who ask at the same time share one request. */
  getRun(id: string): Promise<{ run: IRun; proposals: IProposalSummary[] }> {
    let next = this._runs.get(id);
    if (!next) {
      // Not sent before all of this turn have asked, so nobody gets an answer that is older than the question.
      next = Promise.resolve().then(() => {
        this._runs.delete(id);
        return this._call('GET', `runs/${id}`);
      });
      this._runs.set(id, next);
    }
    return next;
  }

  getTimeline(id: string): Promise<{ run: IRun; entries: ITimelineEntry[] }> {
    return this._call('GET', `runs/${id}/timeline`);
  }

  /** Ask for the right to go on with a run; one browser gets it. */
  resume(id: string, browser: string): Promise<{ granted: true; run: IRun }> {
    return this._call('POST', `runs/${id}/resume`, { browser });
  }

  /** The same, by the server itself, if it is configured to run notebooks. */
  runHeadless(id: string, browser: string): Promise<{ granted: true; run: IRun }> {
    return this._call('POST', `runs/${id}/headless`, { browser });
  }

  cancel(id: string): Promise<{ run: IRun }> {
    return this._call('POST', `runs/${id}/cancel`, {});
  }

  private _runs = new Map<string, Promise<{ run: IRun; proposals: IProposalSummary[] }>>();

  private async _call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    let response: Response;
    try {
      response = await this._fetch(path, init);
    } catch {
      throw new ApiError(0, 'Unreachable', 'The Jupyter server does not answer.');
    }
    const answer = await readJson(response);
    if (!response.ok) {
      throw makeApiError(response, answer);
    }
    return answer as T;
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function makeApiError(response: Response, answer: unknown): ApiError {
  const said = (answer ?? {}) as {
    error?: string;
    message?: string;
  } & ApiError['details'];
  const message = said.message ?? `The server answered ${response.status} ${response.statusText}.`;
  return new ApiError(response.status, said.error ?? 'Refused', message, said);
}

function encodeQuery(values: { [name: string]: string | number | undefined }): string {
  const given = Object.entries(values).filter(
    (pair): pair is [string, string | number] => pair[1] !== undefined
  );
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : '';
}
