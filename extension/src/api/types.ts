/**
 * What the server says, in TypeScript: the JSON of `hitl_nb/api/`, as its OpenAPI file describes it.
 */

export type Action = 'approve' | 'edit' | 'reject' | 'respond';

export type Kind = 'text' | 'markdown' | 'code' | 'json' | 'table' | 'tool_call' | 'plan' | 'choice';

export type ProposalStatus = 'open' | 'decided' | 'expired' | 'superseded';

export type RunStatus = 'running' | 'waiting' | 'ready' | 'failed' | 'finished' | 'cancelled';

/** How the reviewer was known to the server. */
export type Authn = 'login' | 'token' | 'anonymous';

/** How it is known who decided, as the server found out: it checks signatures. */
export type ReviewerIdentity = Authn | 'unsigned' | 'policy' | 'deadline' | 'script';

/** How it is known who said something: as with a decision, or a program said it as an agent. */
export type AuthorIdentity = Authn | 'agent' | 'unsigned';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type JsonObject = { [key: string]: Json };

/** A column of a table; see `hitl_nb/tables.py`. */
export interface IColumn {
  name: string;
  type: string;
  index?: boolean;
  required?: boolean;
  options?: Json[];
  minimum?: number;
  maximum?: number;
  aware?: boolean;
}

export interface ITable {
  columns: IColumn[];
  rows: Json[][];
}

export interface IDecision {
  action: Action;
  value: Json;
  reason: string | null;
  reviewer: string;
  reviewer_name: string;
  decided_at: string;
  by: 'person' | 'policy' | 'deadline' | 'script';
  /** Of the question that was decided. */
  fingerprint: string;
  /** Number of its event in the audit log. */
  event: number;
  authn: Authn | null;
  assurance: string | null;
  /** "page": made in the page of its own, which the HTML of notebooks cannot reach. */
  surface: 'page' | 'shared' | null;
  signature: string | null;
  known: ReviewerIdentity;
}

/** What a guardrail said about a value before anybody was asked. */
export interface IGuardrailResult {
  name: string;
  version: string;
  verdict: 'pass' | 'escalate' | 'block';
  /** Why, in a sentence; "" for a pass. */
  message: string;
  milliseconds: number;
}

/** How many of which people must agree, and how many do. */
export interface INeedProgress {
  /** As the policy has it: "2 of @finance". */
  text: string;
  /** How many votes there are for it, and how many it takes; while votes are hidden, how many people have voted. */
  have: number;
  count: number;
  /** User names: whose votes are counted, and who may still give one; both empty while it may be anyone. */
  voted: string[];
  waiting: string[];
}

/** What one person said about a proposal that several decide. */
export interface IVote {
  /** Whether it is the reader's. */
  own: boolean;
  reviewer: string;
  reviewer_name: string;
  action: Action;
  reason: string | null;
  at: string;
  /** The person whose right it was: the reviewer, or for whom they stand in. */
  seat: string;
  /** Whether it is for the value that people vote on now. */
  counts: boolean;
  surface: 'page' | 'shared' | null;
  /** Absent in lists, where signatures are not checked. */
  known?: ReviewerIdentity;
}

/** What the clock does to an open proposal; "settle": an approval becomes the decision. */
export type ClockAction = 'remind' | 'overdue' | 'escalate' | 'reject' | 'approve' | 'settle';

/** A step of the clock. */
export interface IClockStep {
  at: string;
  does: ClockAction;
  /** User names of those who are asked too, or told. */
  people: string[];
}

/** The clock's next step. */
export interface ITimer extends IClockStep {
  /** All that are still to come, this one too, in order. Absent in lists. */
  steps?: IClockStep[];
}

/** What the person who asks may do about a proposal. */
export interface IProposalPermissions {
  /** Whether they may approve it, or edit or answer where it cannot be approved. */
  decide: boolean;
  /** Why not, in a sentence. */
  why_not: string | null;
  /** What they may do: those of `allow` that the rules leave them. */
  actions: Action[];
  /** Whether they may take back the approval that is about to become the decision. */
  undo: boolean;
}

/** What a policy, and the people it asks, say about a proposal. A server that knows no policies sends none of it. */
export interface IReviewFields {
  tags?: string[];
  confidence?: number | null;
  guardrails?: IGuardrailResult[];
  /** Why it is asked, passed or blocked, in sentences. */
  why?: string[];
  /** Ids of the rules that applied. */
  rules?: string[];
  /** Empty without a policy: then any reviewer decides alone. */
  needs?: INeedProgress[];
  /** Of each person the newest, oldest first; only the reader's own as long as votes are hidden. */
  votes?: IVote[];
  /** Whether votes are hidden from others until all are in. */
  blind?: boolean;
  timer?: ITimer | null;
  /** What happens at `deadline`. */
  on_deadline?: 'reject' | 'approve' | null;
  settles_at?: string | null;
  overdue?: boolean;
  /** Why nobody may decide it; "" if somebody may. */
  stuck?: string;
  /** Names of those whom no notification reached. */
  untold?: string[];
  /** Most that may be decided in one go; null: no limit. */
  batch?: number | null;
  may?: IProposalPermissions;
}

/** What became of a comment; of those only suggestions are accepted or dismissed. */
export type CommentState = 'open' | 'resolved' | 'accepted' | 'dismissed';

/** A range of a text that moves with it: two relative positions of Yjs, in their JSON. */
export interface IAnchor {
  start: JsonObject;
  end: JsonObject;
}

/** What a comment is about: where that is, the text as it was then, and what stood around it. */
export interface ICommentTarget {
  anchor: IAnchor | null;
  quote: string;
  prefix: string;
  suffix: string;
}

export interface IComment extends ICommentTarget {
  id: string;
  /** Id of the document. */
  proposal: string;
  author: string;
  author_name: string;
  text: string;
  at: string;
  /** Id of the comment that it answers, or "". */
  thread: string;
  /** What to put in place of the quote; null if it suggests nothing. */
  suggestion: string | null;
  /** User names. */
  mentions: string[];
  state: CommentState;
  state_by: string;
  state_by_name: string;
  state_at: string | null;
  /** How it is known who said it, and who made its state so, as the server found out. */
  known: AuthorIdentity;
  state_known: AuthorIdentity | null;
}

/** A comment as it is sent. */
export interface ICommentRequest extends Partial<ICommentTarget> {
  text: string;
  thread?: string;
  suggestion?: string;
  mentions?: string[];
}

/** Somebody who may be mentioned. */
export interface IMentionableUser {
  username: string;
  name: string;
}

/** One update of a document: `update` is base64; `by` is "" for what the agent proposed. */
export interface IDraftUpdate {
  n: number;
  at: string;
  by: string;
  by_name: string;
  update: string;
}

/** A call of a step of which nobody knows whether it took effect. */
export interface IDoubt {
  /** As people read it: `pay(12.5)`. */
  call: string;
  step: string;
  /** By name, shortened. */
  arguments: { [name: string]: string };
  began: string;
  noticed: string;
  /** Its process ended in the middle of it; else the run was interrupted. */
  died: boolean;
  idempotency_key: string;
}

/** A proposal as it is listed. */
export interface IProposalSummary extends IReviewFields {
  id: string;
  title: string;
  kind: Kind;
  /** The Python type that was proposed, for people. */
  type_name: string;
  status: ProposalStatus;
  agent: string;
  notebook: string;
  /** Path of the notebook for the contents API, or null outside of the server's folder. */
  path: string | null;
  run: string;
  pause: number;
  ordinal: number;
  /** Id of its draft's document: its own, or that of the workspace which it is about. */
  document: string;
  /** Where in the run it was asked (opaque). */
  position: string;
  revision: number;
  fingerprint: string;
  created_at: string;
  deadline: string | null;
  assignee: string | null;
  allow: Action[];
  /** Reasons that the notebook's author offers. */
  reasons: string[];
  /** The effect of which it asks whether it happened; absent or null for every other question. */
  doubt?: IDoubt | null;
  decision: Omit<IDecision, 'value'> | null;
  summary: string;
  /** The same for proposals that differ in their values and numbers alone. */
  alike?: string;
}

/** A proposal in full. */
export interface IProposal extends Omit<IProposalSummary, 'summary' | 'decision' | 'alike'> {
  decision: IDecision | null;
  value: Json;
  /** The edited value that people vote on; absent as long as that is `value`. */
  candidate?: Json;
  context: string | JsonObject | null;
  /** Sentences of the engine for the reviewer: what is opened again, what was left out, what is made again. */
  notes?: string[];
  schema: JsonObject | null;
  options: Json[] | null;
  has_draft: boolean;
  /** Absent without a draft. */
  draft?: Json;
  comments: IComment[];
  /** The exact text of the value. */
  text: string;
  /** Unified diff from the agent's version to what was decided, or is voted on, or "". */
  changes: string;
}

export interface IRun {
  id: string;
  agent: string;
  notebook: string;
  /** The id in the notebook's metadata, by which its runs follow it; "" outside of notebooks. */
  notebook_id: string;
  path: string | null;
  key: string;
  generation: number;
  status: RunStatus;
  pauses: number;
  open: number;
  error: string | null;
  created_at: string;
  updated_at: string;
}

export interface IStatus {
  version: string;
  api: number;
  store: string;
  server: string;
  assurance: string;
  authn: Authn;
  user: { username: string; display_name: string };
  /** The user name that the reader votes under where a policy says who may. */
  votes_as?: string;
  may: { decide: boolean };
  decide_refused: string | null;
  headless: boolean;
  /** Whether some process acts when deadlines pass; absent if the server does not know. */
  watched?: boolean;
}

/** How a person's own votes look, of the last month; null where there are too few to say. */
export interface IFigures {
  /** How many votes, and of how many of them it is known how long they took. */
  votes: number;
  timed: number;
  median_seconds: number | null;
  /** The part of them that took less time than reading the value does. */
  fast: number | null;
  /** How many of the newest are approvals, without another in between, and how many chance explains. */
  approvals_in_a_row: number;
  chance: number | null;
  last_hour: number;
}

/** What became of a decision: it was made; it waits for other votes; or it can still be taken back. */
export type DecisionOutcome = 'recorded' | 'settling' | 'decided';

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

/** "done": people have decided, and nobody writes until the agent does; "closed" for good. */
export type WorkspaceStatus = 'open' | 'done' | 'closed';

/** A document that an agent and people write together, as it is listed; its id is the document's. */
export interface IWorkspaceSummary {
  id: string;
  title: string;
  /** One of those that are text. */
  kind: Kind;
  run: string;
  agent: string;
  notebook: string;
  /** Path of the notebook for the contents API, or null outside of the server's folder. */
  path: string | null;
  key: string;
  ordinal: number;
  position: string;
  status: WorkspaceStatus;
  /** The question that waits whether it is done, or null. */
  proposal: string | null;
  created_at: string;
  updated_at: string;
}

/** A workspace in full. */
export interface IWorkspace extends IWorkspaceSummary {
  /** What it began with. */
  template: string;
  /** What stands there, or what people agreed to. */
  text: string;
}

/** One entry of a run's timeline. */
export interface ITimelineEntry {
  n: number;
  type: EntryType;
  at: string;
  until: string | null;
  seconds: number | null;
  what: string;
  actor: string;
  detail: JsonObject;
}

export interface IDecisionRequest {
  action: Action;
  value?: Json;
  reason?: string;
  /** What is decided is what the shared draft says; if it says something else, nothing is. */
  drafted?: boolean;
}

/** What people should be told of a proposal, beside that it is asked. */
export interface INotice {
  kind: 'reminded' | 'escalated' | 'overdue' | 'stuck' | 'expired';
  proposal: string;
}

/** What the feed says. */
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

export interface IProposalQuery {
  status?: ProposalStatus | 'closed';
  notebook?: string;
  agent?: string;
  reviewer?: string;
  olderThan?: number;
  newerThan?: number;
  /** Only those that the reader has a say in, first those that are assigned to them. */
  mine?: boolean;
  /** Only what a policy passed or blocked. */
  passed?: boolean;
}
