/**
 * The JSON of `hitl_nb/api/` as TypeScript types. The server's OpenAPI file describes the same JSON. Times are ISO
 * 8601.
 */

/** The four ways to decide. In the UI, `respond` is called Answer. */
export type Action = 'approve' | 'edit' | 'reject' | 'respond';

/** The name of a kind of value: 'text', 'json' …; `EDITORS` in `components/editors/registry.tsx` has their editors. */
export type Kind = string;

/** State of a proposal. In the UI, `superseded` is called Withdrawn. */
export type ProposalStatus = 'open' | 'decided' | 'expired' | 'superseded';

/** State of a run. */
export type RunStatus = 'running' | 'waiting' | 'ready' | 'failed' | 'finished' | 'cancelled';

/** How the server knew the user: by a login, by the server's token alone, or not at all. */
export type Authn = 'login' | 'token' | 'anonymous';

/** How the decision's author is known. The server checks the signature; without a valid one it is "unsigned". */
export type ReviewerIdentity = Authn | 'unsigned' | 'policy' | 'deadline' | 'script';

/** How a comment's author is known: as with a decision, or "agent" for a comment of a program. */
export type AuthorIdentity = Authn | 'agent' | 'unsigned';

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** A column of a table; see `hitl_nb/values/tables.py`. */
export interface IColumn {
  name: string;
  type: string;
  /** True for an index level of a pandas frame. */
  index?: boolean;
  /** True if cells must not be null. */
  required?: boolean;
  /** The only allowed cells. */
  options?: Json[];
  /** Least value of an integer column. */
  minimum?: number;
  /** Greatest value of an integer column. */
  maximum?: number;
  /** Whether the times of a datetime column have a UTC offset. */
  aware?: boolean;
}

/** A table. `rows`: list of n_rows lists, each with one cell per column. */
export interface ITable {
  columns: IColumn[];
  rows: Json[][];
}

/** A decision with the value that it left. */
export interface IDecision {
  action: Action;
  /** The edited value, or the text of an answer. */
  value: Json;
  reason: string | null;
  reviewer: string;
  /** Display name of the reviewer. People can change it, so it does not identify anybody. */
  reviewer_name: string;
  decided_at: string;
  /** Kind of author as recorded; `known` says how far that is proven. */
  by: 'person' | 'policy' | 'deadline' | 'script';
  /** Fingerprint of the question that was decided. */
  fingerprint: string;
  /** Number of the decision's event in the audit log. */
  event: number;
  /** How the server knew the reviewer; null if the decision was made without a server. */
  authn: Authn | null;
  /**
   * How much this installation can promise about the reviewer's identity. "A0": evidence against accidents, but not
   * against code that runs as the same user.
   */
  assurance: string | null;
  /**
   * "page": decided on the separate review page, which the HTML of notebooks cannot reach. "shared": decided in a
   * page where it can run. Null: decided without a browser.
   */
  surface: 'page' | 'shared' | null;
  /** Signature of the server in base64; null without a server. */
  signature: string | null;
  /** How it is known who decided. */
  known: ReviewerIdentity;
}

/** The result of a guardrail, which checks a value before people are asked. */
export interface IGuardrailResult {
  name: string;
  version: string;
  verdict: 'pass' | 'escalate' | 'block';
  /** The reason, in a sentence; "" for a pass. */
  message: string;
  milliseconds: number;
}

/** One need of a policy: how many votes of which people it takes, and how many there are. */
export interface INeedProgress {
  /** The need as the policy has it: "2 of @finance". */
  text: string;
  /**
   * How many votes there are, and how many are needed. While votes are hidden, `have` is how many people have voted.
   */
  have: number;
  count: number;
  /** User names: people whose votes count, and people who can still vote. Both are empty if anyone may vote. */
  voted: string[];
  waiting: string[];
}

/** The vote of one person on a proposal that several people decide. */
export interface IVote {
  /** Whether this is the vote of the current user. */
  own: boolean;
  reviewer: string;
  reviewer_name: string;
  action: Action;
  reason: string | null;
  at: string;
  /** The person whose right to vote was used: the reviewer, or the person whom the reviewer replaces. */
  seat: string;
  /** Whether the vote is for the value that people vote on now. */
  counts: boolean;
  surface: 'page' | 'shared' | null;
  /** How it is known who voted. Absent in lists, where signatures are not checked. */
  known?: ReviewerIdentity;
}

/** An action on an open proposal at a certain time; "settle": an approval becomes the decision. */
export type ClockAction = 'remind' | 'overdue' | 'escalate' | 'reject' | 'approve' | 'settle';

/** One step of a proposal's schedule. */
export interface IClockStep {
  at: string;
  does: ClockAction;
  /** User names of the people who are informed, or who may decide from then on. */
  people: string[];
}

/** The next step of a proposal's schedule. */
export interface ITimer extends IClockStep {
  /** All remaining steps in order, including this one. Absent in lists. */
  steps?: IClockStep[];
}

/** The permissions of the current user for one proposal. */
export interface IProposalPermissions {
  /** Whether the user may approve it. If it cannot be approved: whether the user may edit or answer it. */
  decide: boolean;
  /** Reason why the user may not decide, in a sentence; null if the user may. */
  why_not: string | null;
  /** The actions of `allow` that the rules leave to the user. */
  actions: Action[];
  /** Whether the user may take back the approval that is about to become the decision. */
  undo: boolean;
}

/**
 * The part of a proposal that comes from a policy and from votes. A server without policies sends none of these
 * fields.
 */
export interface IReviewFields {
  tags?: string[];
  confidence?: number | null;
  guardrails?: IGuardrailResult[];
  /** Why the proposal was asked, passed or blocked, in sentences. */
  why?: string[];
  /** Ids of the rules that applied. */
  rules?: string[];
  /** Votes that are needed. Empty without a policy: then any reviewer decides alone. */
  needs?: INeedProgress[];
  /** The newest vote of each person, oldest first. While votes are hidden: only the vote of the current user. */
  votes?: IVote[];
  /** Whether votes are hidden from others until all are in. */
  blind?: boolean;
  timer?: ITimer | null;
  /** The decision that is made at `deadline` if nobody has decided. */
  on_deadline?: 'reject' | 'approve' | null;
  /** Time when an approval becomes the decision; until then it can be taken back. */
  settles_at?: string | null;
  overdue?: boolean;
  /** Reason why nobody may decide; "" if somebody may. */
  stuck?: string;
  /** Names of the people whom no notification reached. */
  untold?: string[];
  /** Most proposals that may be decided together; null: no limit. */
  batch?: number | null;
  may?: IProposalPermissions;
}

/** State of a comment. Only suggestions can be accepted or dismissed. */
export type CommentState = 'open' | 'resolved' | 'accepted' | 'dismissed';

/** A range of a text that moves with the text: two relative positions of Yjs, as JSON. */
export interface IAnchor {
  start: JsonObject;
  end: JsonObject;
}

/** The part of a text that a comment is about: its range, and the text in it, before it and after it at that time. */
export interface ICommentTarget {
  anchor: IAnchor | null;
  quote: string;
  prefix: string;
  suffix: string;
}

/** A comment on a document, or an answer to a comment. */
export interface IComment extends ICommentTarget {
  id: string;
  /** Id of the document. */
  proposal: string;
  author: string;
  author_name: string;
  text: string;
  at: string;
  /** Id of the comment that this one answers, or "". */
  thread: string;
  /** Text that should replace the quote; null if nothing is suggested. */
  suggestion: string | null;
  /** User names. */
  mentions: string[];
  state: CommentState;
  state_by: string;
  state_by_name: string;
  state_at: string | null;
  /** How it is known who wrote the comment, and who set its state, as the server found out. */
  known: AuthorIdentity;
  state_known: AuthorIdentity | null;
}

/** A new comment. `text` may be empty if `suggestion` is set. The server adds the other fields. */
export interface ICommentRequest extends Partial<ICommentTarget> {
  text: string;
  thread?: string;
  suggestion?: string;
  mentions?: string[];
}

/** A user who may be mentioned in a comment. */
export interface IMentionableUser {
  username: string;
  name: string;
}

/** One update of a document: `update` is base64; `by` is "" for the value that the agent proposed. */
export interface IDraftUpdate {
  /** Number of the update in the document's log, from 1. */
  n: number;
  at: string;
  by: string;
  by_name: string;
  update: string;
}

/** A call of a step whose effect is in doubt: it is not known whether the call took effect. */
export interface IDoubt {
  /** The call as people read it: `pay(12.5)`. */
  call: string;
  step: string;
  /** The arguments by name, shortened. */
  arguments: { [name: string]: string };
  /** When the call began. */
  began: string;
  /** When it was noticed that the call had no recorded result. */
  noticed: string;
  /** True if the process ended during the call; false if the run was interrupted. */
  died: boolean;
  /** The key to look up the call in the called system. */
  idempotency_key: string;
}

/** A proposal as lists have it. */
export interface IProposalSummary extends IReviewFields {
  id: string;
  title: string;
  kind: Kind;
  /** The Python type that was proposed, for people. */
  type_name: string;
  status: ProposalStatus;
  agent: string;
  notebook: string;
  /** Path of the notebook for the contents API; null if the notebook is outside of the server's folder. */
  path: string | null;
  run: string;
  /** Number of the pause in its run, from 1; 0 if a policy decided and the run did not pause. */
  pause: number;
  /** Position among the proposals of its pause. */
  ordinal: number;
  /** Id of the draft's document: the proposal's own, or the document of the workspace that it asks about. */
  document: string;
  /** Position in the run where the question was asked (opaque). */
  position: string;
  /** Version of the proposal, from 1; a decision names the version that was shown. */
  revision: number;
  /** Digest of the question. A decision is bound to it. */
  fingerprint: string;
  created_at: string;
  deadline: string | null;
  assignee: string | null;
  /** The actions that the agent's code allows. */
  allow: Action[];
  /** Reasons that the notebook's author offers. */
  reasons: string[];
  /** The call whose effect is in doubt, if the question is about one; absent or null for every other question. */
  doubt?: IDoubt | null;
  decision: Omit<IDecision, 'value'> | null;
  /** The beginning of the value, as one text. */
  summary: string;
  /** A key that is equal for proposals that differ only in their values and numbers. */
  alike?: string;
}

/** A proposal in full. */
export interface IProposal extends Omit<IProposalSummary, 'summary' | 'decision' | 'alike'> {
  decision: IDecision | null;
  value: Json;
  /** The edited value that people vote on; absent if they vote on `value`. */
  candidate?: Json;
  /** Markdown, or an object of facts, for the reviewer. */
  context: string | JsonObject | null;
  /** Sentences of the engine for the reviewer: what is opened again, what was left out, what is created again. */
  notes?: string[];
  /** JSON Schema that an edited value must satisfy, or null. */
  schema: JsonObject | null;
  /** The values to choose from, for the kind "choice". */
  options: Json[] | null;
  has_draft: boolean;
  /** The value as people edit it; absent without a draft. */
  draft?: Json;
  comments: IComment[];
  /** The exact text of the value. */
  text: string;
  /** Unified diff from the agent's version to the decided value, or to the value that people vote on; "" if equal. */
  changes: string;
}

/** One execution of an agent, from start to end. */
export interface IRun {
  id: string;
  agent: string;
  notebook: string;
  /** The id in the notebook's metadata, which connects the notebook with its runs; "" outside of notebooks. */
  notebook_id: string;
  path: string | null;
  /** Value of `--key` as text, or "". */
  key: string;
  /** Counts the runs of the same notebook, agent and key, from 1. */
  generation: number;
  status: RunStatus;
  /** How many times the run has paused. */
  pauses: number;
  /** How many proposals of the current pause are open. */
  open: number;
  error: string | null;
  created_at: string;
  updated_at: string;
}

/** The server, its store, and the permissions of the current user. */
export interface IStatus {
  version: string;
  /** Version of the API. If the page uses another one, nothing can be decided there. */
  api: number;
  /** URL of the store. */
  store: string;
  server: string;
  /** How much this installation can promise about a reviewer's identity; see `IDecision`. */
  assurance: string;
  authn: Authn;
  user: { username: string; display_name: string };
  /** The user name under which the user's votes count where a policy says who may decide. */
  votes_as?: string;
  may: { decide: boolean };
  /** Why the user may not decide, in a sentence; null if the user may. */
  decide_refused: string | null;
  /** Whether the server can run notebooks itself. */
  headless: boolean;
  /** Whether a process acts when deadlines pass; absent if the server does not know. */
  watched?: boolean;
}

/** Statistics of a user's own votes in the last month; null where there are too few votes. */
export interface IFigures {
  /** How many votes there are. */
  votes: number;
  /** For how many of them the duration is known. */
  timed: number;
  median_seconds: number | null;
  /** The fraction of the timed votes that took less time than reading the value takes. */
  fast: number | null;
  /** How many of the newest votes are approvals, without another vote between them. */
  approvals_in_a_row: number;
  /** How many approvals in a row chance would explain, given how often this person approves. */
  chance: number | null;
  last_hour: number;
}

/**
 * The result of a decision: "decided"; "recorded", if other votes are needed; or "settling", if it can be taken back.
 */
export type DecisionOutcome = 'recorded' | 'settling' | 'decided';

/** Type of an entry in a run's timeline. */
export type EntryType =
  | 'opened'
  | 'working'
  | 'statement'
  | 'step'
  | 'waiting'
  | 'decision'
  | 'comment'
  | 'doubt'
  | 'resumed'
  | 'paused'
  | 'failed'
  | 'finished'
  | 'cancelled'
  | 'policy'
  | 'vote'
  | 'clock';

/** State of a workspace. "done": people have decided, and only the agent writes next; "closed": closed for good. */
export type WorkspaceStatus = 'open' | 'done' | 'closed';

/** A document that an agent and people write together, as lists have it. Its id is the document's id. */
export interface IWorkspaceSummary {
  id: string;
  title: string;
  /** One of the text kinds. */
  kind: Kind;
  run: string;
  agent: string;
  notebook: string;
  /** Path of the notebook for the contents API; null if the notebook is outside of the server's folder. */
  path: string | null;
  key: string;
  ordinal: number;
  position: string;
  status: WorkspaceStatus;
  /** Id of the open question whether the workspace is done, or null. */
  proposal: string | null;
  created_at: string;
  updated_at: string;
}

/** A workspace in full. */
export interface IWorkspace extends IWorkspaceSummary {
  /** The text that the document began with. */
  template: string;
  /** The current text, or the text that people agreed to. */
  text: string;
}

/** One entry of a run's timeline. */
export interface ITimelineEntry {
  n: number;
  type: EntryType;
  at: string;
  /** The end; null for an event, and for an entry that has not ended. */
  until: string | null;
  /** The duration; null if `until` is null. */
  seconds: number | null;
  /** The entry in one line, for people. */
  what: string;
  actor: string;
  detail: JsonObject;
}

/** A decision as it is sent. */
export interface IDecisionRequest {
  action: Action;
  value?: Json;
  reason?: string;
  /**
   * True if the decision is about the shared draft. Then the draft must equal `value` for an edit, else the proposed
   * value; otherwise nothing is decided.
   */
  drafted?: boolean;
}

/** A message for people about a proposal, other than that it is asked. */
export interface INotice {
  kind: 'reminded' | 'escalated' | 'overdue' | 'stuck' | 'expired';
  proposal: string;
}

/** A message of the feed. */
export type FeedMessage =
  | { type: 'hello'; browser: string; head: number }
  | {
      type: 'changed';
      proposals: string[];
      runs: string[];
      drafts: string[];
      workspaces?: string[];
      notices?: INotice[];
      head: number;
    }
  | {
      type: 'headless';
      run: string;
      state: 'started' | 'finished' | 'waiting' | 'failed';
      message: string;
    };

/** A filter for proposals. Without a status: the open ones; "closed": all others. */
export interface IProposalQuery {
  status?: ProposalStatus | 'closed';
  notebook?: string;
  agent?: string;
  reviewer?: string;
  /** Only proposals that have waited for at least so many seconds. */
  olderThan?: number;
  /** Only proposals that have waited for less than so many seconds. */
  newerThan?: number;
  /** Only proposals in which the user has a say; those that are assigned to the user come first. */
  mine?: boolean;
  /** Only proposals that a policy passed or blocked. */
  passed?: boolean;
}
