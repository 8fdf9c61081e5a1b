/**
 * The names that the extension's code has for the JSON of `hitl_nb/api/`. Times are ISO 8601. The types themselves are
 * made from the server's classes; `make types` writes them.
 */

import type { components } from './types.generated';

export type { IColumn, ITable, Json, JsonObject } from './json';

type Schemas = components['schemas'];

/** The four ways to decide. In the UI, `respond` is called Answer. */
export type Action = Schemas['DecisionRequest']['action'];

/** The name of a kind of value: 'text', 'json' …; `EDITORS` in `components/editors/registry.tsx` has their editors. */
export type Kind = Schemas['ProposalSummary']['kind'];

/** State of a proposal. In the UI, `superseded` is called Withdrawn. */
export type ProposalStatus = Schemas['ProposalSummary']['status'];

/** How the decision's author is known. The server checks the signature; without a valid one it is "unsigned". */
export type ReviewerIdentity = Schemas['DecisionSummary']['known'];

/** How a comment's author is known: as with a decision, or "agent" for a comment of a program. */
export type AuthorIdentity = Schemas['CommentInfo']['known'];

/** A decision with the value that it left. */
export type IDecision = Schemas['DecisionDetail'];

/** The result of a guardrail, which checks a value before people are asked. */
export type IGuardrailResult = Schemas['GuardrailResultInfo'];

/** One need of a policy: how many votes of which people it takes, and how many there are. */
export type INeedProgress = Schemas['NeedInfo'];

/** The vote of one person on a proposal that several people decide. */
export type IVote = Schemas['VoteInfo'];

/** One step of a proposal's schedule. */
export type IClockStep = Omit<Schemas['TimerInfo'], 'steps'>;

/** The permissions of the current user for one proposal. */
export type IProposalPermissions = Schemas['MayDecide'];

/**
 * The part of a proposal that comes from a policy and from votes. A server without policies sends none of these
 * fields.
 */
export type IReviewFields = Partial<
  Pick<
    Schemas['ProposalDetail'],
    | 'tags'
    | 'confidence'
    | 'guardrails'
    | 'why'
    | 'rules'
    | 'needs'
    | 'votes'
    | 'blind'
    | 'timer'
    | 'on_deadline'
    | 'settles_at'
    | 'overdue'
    | 'stuck'
    | 'untold'
    | 'batch'
    | 'may'
  >
>;

/** State of a comment. Only suggestions can be accepted or dismissed. */
export type CommentState = Schemas['CommentInfo']['state'];

/** A range of a text that moves with the text: two relative positions of Yjs, as JSON. */
export type IAnchor = Schemas['Anchor'];

/** The part of a text that a comment is about: its range, and the text in it, before it and after it at that time. */
export type ICommentTarget = Pick<Schemas['CommentInfo'], 'anchor' | 'quote' | 'prefix' | 'suffix'>;

/** A comment on a document, or an answer to a comment. */
export type IComment = Schemas['CommentInfo'];

/** A new comment. `text` may be empty if `suggestion` is set. The server adds the other fields. */
export type ICommentRequest = Schemas['CommentRequest'];

/** A user who may be mentioned in a comment. */
export type IMentionableUser = Schemas['MentionableUser'];

/** One update of a document: `update` is base64; `by` is "" for the value that the agent proposed. */
export type IDraftUpdate = Schemas['DraftUpdate'];

/** A call of a step whose effect is in doubt: it is not known whether the call took effect. */
export type IDoubt = Schemas['DoubtInfo'];

/** A proposal as lists have it. */
export type IProposalSummary = Schemas['ProposalSummary'];

/** A page of proposals. */
export type IProposalPage = Schemas['ProposalPage'];

/** One part of what an agent shows beside its proposal. */
export type IEvidenceBlock = Schemas['ProposalDetail']['evidence'][number];

/** A proposal in full. A server of an older version sends no evidence. */
export type IProposal = Omit<Schemas['ProposalDetail'], 'evidence'> & { evidence?: IEvidenceBlock[] };

/** Numbers for the views of the inbox. */
export type IProposalCounts = Schemas['ProposalCounts'];

/** A run with its state for people and its figures. */
export type IRunRow = Schemas['RunRow'];

/** State of a run for people. */
export type RunState = IRunRow['state'];

/** A run, the proposals of its last pause, and the permissions of the current user. */
export type IRunDetail = Schemas['RunDetail'];

/** The recorded source of the cell of a run's agent. */
export type ICellSource = Schemas['CellSourceResponse'];

/** The result of verifying the audit log for one run. */
export type IRunVerification = Schemas['RunVerification'];

/** One execution of an agent, from start to end. */
export type IRun = Schemas['RunInfo'];

/** The server, its store, and the permissions of the current user. */
export type IStatus = Schemas['StatusResponse'];

/** Statistics of a user's own votes in the last month; null where there are too few votes. */
export type IFigures = Schemas['VotingFigures'];

/** The policy files and rules that apply to a notebook. */
export type IAppliedPolicy = Schemas['AppliedPolicy'];

/**
 * The result of a decision: "decided"; "recorded", if other votes are needed; or "settling", if it can be taken back.
 */
export type DecisionOutcome = Schemas['DecisionResponse']['outcome'];

/** Type of an entry in a run's timeline. */
export type EntryType = Schemas['TimelineEntry']['type'];

/** A document that an agent and people write together, as lists have it. Its id is the document's id. */
export type IWorkspaceSummary = Schemas['WorkspaceSummary'];

/** A workspace in full. */
export type IWorkspace = Schemas['WorkspaceDetail'];

/** One entry of a run's timeline. */
export type ITimelineEntry = Schemas['TimelineEntry'];

/** A decision as the card sends it; the client adds the version of the proposal. */
export type IDecisionRequest = Omit<Schemas['DecisionRequest'], 'revision' | 'fingerprint'>;

/** A message for people about a proposal, other than that it is asked. */
export type INotice = Schemas['NoticeInfo'];

/** A message of the feed. */
export type FeedMessage = Schemas['HelloMessage'] | Schemas['ChangedMessage'] | Schemas['HeadlessMessage'];
