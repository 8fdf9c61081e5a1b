/**
 * REST calls of the server extension. The host supplies the function that makes a request.
 */

import { ISignal, Signal } from '@lumino/signaling';
import { ApiError, MISSING_SERVER } from './errors';
import type {
  Action,
  CommentState,
  IAppliedPolicy,
  IComment,
  IDecisionRequest,
  ITimelineEntry,
  IFigures,
  IProposal,
  IProposalCounts,
  IProposalPage,
  ICellSource,
  IRun,
  IRunDetail,
  IRunRow,
  IRunVerification,
  RunState,
  ICommentRequest,
  IMentionableUser,
  IStatus,
  IDraftUpdate,
  IWorkspace,
  IWorkspaceSummary,
  Json,
  DecisionOutcome,
  ProposalStatus
} from './types';

/** Makes one request to a path below `hitl_nb/api/`. The host knows base URL, credentials and XSRF token. */
export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

/** An order of open proposals. "amount:PATH": by a number in the value, largest first. */
export type ProposalOrder = 'due' | 'oldest' | 'newest' | 'agent' | `amount:${string}`;

/**
 * A filter for proposals. Without a status: the open ones ("waiting"); "closed": all others; "passed": those that a
 * policy decided. Closed ones are sorted newest first.
 */
export interface IProposalQuery {
  status?: ProposalStatus | 'waiting' | 'passed' | 'closed';
  /** Words that must all occur in the title, value, draft, context, comments or names of people. */
  search?: string;
  /** Order of open proposals. Default: oldest first. */
  sort?: ProposalOrder;
  notebook?: string;
  agent?: string;
  kind?: string;
  reviewer?: string;
  /** A user to whom the proposal is assigned, who has voted on it, or who decided it. */
  person?: string;
  /** Id of a rule that asked for the proposal or decided it. */
  rule?: string;
  /** Action of the decision. */
  verdict?: Action;
  /** Only decisions from this time on (ISO 8601). */
  since?: string;
  /** Only decisions before this time (ISO 8601). */
  until?: string;
  /** Only open proposals whose draft differs from the value. */
  edited?: boolean;
  /** Only proposals that have waited for at least so many seconds. */
  olderThan?: number;
  /** Only proposals that have waited for less than so many seconds. */
  newerThan?: number;
  /** Only proposals in which the user has a say; those that are assigned to the user come first. */
  mine?: boolean;
  /** Only proposals that a policy passed or blocked; false: only closed ones that no policy decided. */
  passed?: boolean;
}

/** A filter for runs. */
export interface IRunQuery {
  state?: RunState;
  /** Words that must all occur in the agent, notebook, key, labels, error or people. */
  search?: string;
  /** Only runs that have changed since this time (ISO 8601). */
  since?: string;
  notebook?: string;
  /** Contents path of the notebook. */
  path?: string;
  agent?: string;
  /** Key of the run; "": none. */
  key?: string;
}

/**
 * The REST API as typed methods. A failed call rejects with an `ApiError`; its status is 0 if the server did not
 * answer.
 */
export class Client {
  constructor(private _fetch: Fetch) {}

  /** Emits the run of a proposal that was just decided through this client. */
  readonly decided: ISignal<this, IRun> = new Signal<this, IRun>(this);

  /** Read the server's version, its store, and the permissions of this user. */
  getStatus(): Promise<IStatus> {
    return this._call('GET', 'status');
  }

  /**
   * List proposals, one page at a time. `total` is the number of all that match, if the server knows it: with a search
   * or an order. A page can be short although `next` is not null.
   *
   * @param limit - the page size, in proposals.
   * @param cursor - `next` of the page before; none for the first page.
   */
  listProposals(filter: IProposalQuery = {}, limit = 200, cursor?: string): Promise<IProposalPage> {
    return this._call(
      'GET',
      `proposals${encodeQuery({
        status: filter.status,
        q: filter.search,
        sort: filter.sort,
        kind: filter.kind,
        person: filter.person,
        rule: filter.rule,
        verdict: filter.verdict,
        since: filter.since,
        until: filter.until,
        edited: filter.edited ? '1' : undefined,
        notebook: filter.notebook,
        agent: filter.agent,
        reviewer: filter.reviewer,
        older_than: filter.olderThan,
        newer_than: filter.newerThan,
        mine: filter.mine ? '1' : undefined,
        passed: filter.passed === undefined ? undefined : filter.passed ? '1' : '0',
        limit,
        cursor
      })}`
    );
  }

  /** Read one proposal in full. */
  getProposal(id: string): Promise<IProposal> {
    return this._call('GET', `proposals/${id}`);
  }

  /**
   * Read a picture that a proposal shows as evidence.
   *
   * @param sha256 - hash of the picture, from a block of the proposal's evidence.
   */
  async getPicture(id: string, sha256: string): Promise<Blob> {
    const response = await this._send(`proposals/${id}/evidence/${sha256}`, { method: 'GET' });
    if (!response.ok) {
      throw makeApiError(response, await readJson(response));
    }
    return response.blob();
  }

  /**
   * Read the proposals of one pause, as a cell's output names it. `pause` counts from 1. Without `key`: those of the
   * newest run that has this pause.
   */
  getPause(
    path: string,
    agent: string,
    pause: number,
    key?: string
  ): Promise<{ run: IRun; proposals: IProposal[] }> {
    return this._call('GET', `pauses${encodeQuery({ path, agent, pause, key })}`);
  }

  /** List the workspaces that are not closed, newest first. */
  listWorkspaces(
    limit: number,
    cursor?: string
  ): Promise<{ workspaces: IWorkspaceSummary[]; next: string | null }> {
    return this._call('GET', `workspaces${encodeQuery({ limit, cursor })}`);
  }

  /** Read one workspace in full. */
  getWorkspace(id: string): Promise<IWorkspace> {
    return this._call('GET', `workspaces/${id}`);
  }

  /**
   * Read one workspace, as a cell's output names it. `workspace` counts from 1 in its run. Without `key`: that of the
   * newest run that has this workspace.
   */
  async findWorkspace(path: string, agent: string, workspace: number, key?: string): Promise<IWorkspace> {
    const asked = encodeQuery({ path, agent, workspace, key });
    const { workspaces } = await this._call<{ workspaces: [IWorkspace] }>('GET', `workspaces${asked}`);
    return workspaces[0];
  }

  /**
   * Check an edited value without saving it. Rejects with `details.fields` if the value is not valid.
   *
   * @returns the value as it would be saved, and a unified diff from the agent's version.
   */
  checkEdit(id: string, value: Json): Promise<{ ok: true; value: Json; changes: string }> {
    return this._call('POST', `proposals/${id}/check`, { value });
  }

  /**
   * Decide one proposal. The server refuses this if the proposal is no longer as in `shown`.
   *
   * @returns the proposal and its run as they are now, and the outcome.
   */
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

  /** Decide several proposals with the same action. Either all of them are decided, or none. */
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

  /** Say of an approval, after the decision, that it was wrong. The decision itself stays. */
  flag(id: string, reason: string): Promise<{ proposal: IProposal }> {
    return this._call('POST', `proposals/${id}/flag`, { reason });
  }

  /** Read the policy rules that apply to a notebook. */
  getPolicy(path: string): Promise<IAppliedPolicy> {
    return this._call('GET', `policy${encodeQuery({ path })}`);
  }

  /** Read statistics of this user's own votes. */
  getFigures(): Promise<IFigures> {
    return this._call('GET', 'people/me/figures');
  }

  /** List the comments on a document, and the users who may be mentioned there. */
  listComments(document: string): Promise<{ comments: IComment[]; people: IMentionableUser[] }> {
    return this._call('GET', `documents/${document}/comments`);
  }

  /** Post a comment on a document, or an answer to one. */
  addComment(document: string, said: ICommentRequest): Promise<{ comment: IComment }> {
    return this._call('POST', `documents/${document}/comments`, said);
  }

  /** Change the state of a comment. `changed` is false if the comment had this state before the call. */
  changeCommentState(
    document: string,
    id: string,
    state: CommentState
  ): Promise<{ comment: IComment; changed: boolean }> {
    return this._call('PUT', `comments/${id}/state`, { document, state });
  }

  /**
   * Read the updates of a document that follow number `after`, at most `limit` of them. `next` is the `after` of the
   * next page, or null if there is none.
   */
  getHistory(
    document: string,
    after: number,
    limit: number
  ): Promise<{ entries: IDraftUpdate[]; next: number | null }> {
    return this._call('GET', `documents/${document}/history${encodeQuery({ after, limit })}`);
  }

  /** Assign a proposal to a user, or to nobody (null). */
  assign(id: string, assignee: string | null): Promise<{ proposal: IProposal }> {
    return this._call('PUT', `proposals/${id}/assignee`, { assignee });
  }

  /** Count the proposals and runs of the inbox's views. `since` (ISO 8601) is the time from which closed ones count. */
  getCounts(since?: string): Promise<IProposalCounts> {
    return this._call('GET', `proposals/counts${encodeQuery({ since })}`);
  }

  /** List runs, newest first, one page at a time. A page can be short although `next` is not null. */
  listRuns(
    limit = 100,
    cursor?: string,
    filter: IRunQuery = {}
  ): Promise<{ runs: IRunRow[]; next: string | null }> {
    const { search, ...more } = filter;
    return this._call('GET', `runs${encodeQuery({ ...more, q: search, limit, cursor })}`);
  }

  /** Find the newest run of an agent in a notebook; null if there is none among the newest runs of this agent. */
  async findRun(path: string, agent: string, key: string): Promise<IRun | null> {
    const { runs } = await this.listRuns(100, undefined, { agent });
    return runs.find(run => run.path === path && run.key === key) ?? null;
  }

  /** Read a run and the proposals of its last pause. Calls in the same turn of the event loop share one request. */
  getRun(id: string): Promise<IRunDetail> {
    let next = this._runs.get(id);
    if (!next) {
      // The request is sent after all calls of this turn were made. So no caller gets an answer that is older than
      // its call.
      next = Promise.resolve().then(() => {
        this._runs.delete(id);
        return this._call('GET', `runs/${id}`);
      });
      this._runs.set(id, next);
    }
    return next;
  }

  /** Start a run over: the next execution of its cell begins a new run. The call itself executes nothing. */
  restart(id: string): Promise<{ run: IRun }> {
    return this._call('POST', `runs/${id}/restart`, {});
  }

  /** Read the recorded source of the cell of a run's agent. It is only text. */
  getCellSource(id: string): Promise<ICellSource> {
    return this._call('GET', `runs/${id}/source`);
  }

  /** Read the timeline of a run. */
  getTimeline(id: string): Promise<{ run: IRun; entries: ITimelineEntry[] }> {
    return this._call('GET', `runs/${id}/timeline`);
  }

  /**
   * Request the right to resume a run in this browser window. Only one window gets it.
   *
   * @param browser - id of this browser window, from the feed.
   */
  resume(id: string, browser: string): Promise<{ granted: true; run: IRun }> {
    return this._call('POST', `runs/${id}/resume`, { browser });
  }

  /**
   * Let the server resume a run, if the server is configured to run notebooks.
   *
   * @param browser - id of this browser window, from the feed.
   */
  runHeadless(id: string, browser: string): Promise<{ granted: true; run: IRun }> {
    return this._call('POST', `runs/${id}/headless`, { browser });
  }

  /** Cancel a run. Only its requesters and administrators may do so. */
  cancel(id: string): Promise<{ run: IRun }> {
    return this._call('POST', `runs/${id}/cancel`, {});
  }

  /** Verify the audit log, and the records of one run. */
  verifyRun(id: string): Promise<IRunVerification> {
    return this._call('GET', `runs/${id}/verify`);
  }

  /** Download the events of one run, byte for byte as `hitl-nb audit --export` writes them, or as CSV. */
  async exportRun(id: string, format: 'jsonl' | 'csv' = 'jsonl'): Promise<Blob> {
    const response = await this._send(`runs/${id}/export${encodeQuery({ format })}`, { method: 'GET' });
    if (!response.ok) {
      throw makeApiError(response, await readJson(response));
    }
    return response.blob();
  }

  private _runs = new Map<string, Promise<IRunDetail>>();

  private async _call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    const response = await this._send(path, init);
    const answer = await readJson(response);
    if (!response.ok) {
      throw makeApiError(response, answer);
    }
    return answer as T;
  }

  private async _send(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this._fetch(path, init);
    } catch {
      throw new ApiError(0, 'Unreachable', 'The Jupyter server does not answer.');
    }
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
  if (response.status === 404 && said.error === undefined) {
    const message =
      'The review cards need hitl_nb on this Jupyter server. Run pip install hitl_nb where the server runs, restart it, and reload.';
    return new ApiError(404, MISSING_SERVER, message);
  }
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
