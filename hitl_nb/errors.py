"""All errors of hitl_nb.

Every error that a caller may want to catch derives from `HitlError`. Its message says what happened, where, and what to
do. `Paused` is separate, because it is not an error: it ends the cell of a run that waits for people. It is a
`BaseException`, so that `except Exception` in the agent's code does not catch it.

    HitlError
    ├── NotInAgent        checkpoint() was called outside an agent
    ├── CannotPause       the state here cannot be saved
    ├── CellChanged       code that already ran was edited
    │   └── InputChanged  an input of a finished agent has another value now
    ├── Rejected          a reviewer rejected the proposal (Decision.require, gates)
    ├── UnknownProposal, UnknownRun, UnknownComment, UnknownWorkspace, UnknownNotebook
    ├── AlreadyDecided    the proposal is closed: another person decided first
    ├── NotAReviewer      this person may not decide this proposal
    │   └── OwnRequest    the person started the run, so another person must decide (four eyes)
    ├── TooLate           the approval can no longer be withdrawn
    ├── PolicyError       a policy file, or the review arguments of a call, cannot be used
    ├── AlreadySettled    another person has accepted or dismissed the suggestion first
    ├── StaleDraft        the decision is for a value that is no longer proposed
    ├── InvalidEdit       the edited value does not fit its schema
    ├── WorkspaceInUse    the run has an open workspace with this title
    ├── WorkspaceClosed   the workspace cannot be edited any more
    ├── TextGone          the text to replace is not in the document, or more than once
    ├── Unanswered        a test reached a proposal without an entry in the decisions file
    ├── RunClaimed        another process executes this run
    ├── Untrusted         not signed by this user's key
    ├── WrongPython       saved by another Python version, or in another format
    ├── ServerError       a script's Jupyter server does not answer, or refuses the request
    └── StoreError
        ├── StoreBusy, StoreFull, StoreCorrupt
        └── StoreRefused  a directory, a version or a process that the store cannot work with
"""

from __future__ import annotations


class HitlError(Exception):
    """Base of all errors of hitl_nb."""


class Paused(BaseException):
    """The end of a cell whose run is saved and waits for people.

    `checkpoint()` raises this exception to leave the agent's code. It is not an error.

    Attributes:
        run_id: Id of the paused run.
        titles: Titles of the open proposals, in the order in which they were asked.
    """

    def __init__(self, run_id: str = "", titles: tuple[str, ...] = ()) -> None:
        self.run_id = run_id
        self.titles = titles
        super().__init__(", ".join(titles) or run_id)

    def _render_traceback_(self) -> list[str]:
        """Return the traceback lines that IPython shows: one line with the titles of the open proposals.

        IPython calls this method in place of its own formatter. Formatting the real traceback would take half a second.
        """
        return [f"Paused: {self}"]


class NotInAgent(HitlError):
    """A function that works only inside an agent, such as `checkpoint()`, was called outside an agent."""


class CannotPause(HitlError):
    """The state of the run cannot be saved at this checkpoint, so the run cannot pause there.

    No proposal was shown or stored.
    """


class CellChanged(HitlError):
    """The source of a paused or finished agent was edited: code that has already run, or the statement at the pause.

    Attributes:
        diff: Unified diff from the source that ran to the current source.
    """

    def __init__(self, message: str, diff: str = "") -> None:
        self.diff = diff
        super().__init__(message)


class InputChanged(CellChanged):
    """An agent cell that has finished is run again, and some of its inputs have other values now.

    An input is a global name that the cell reads and does not assign.

    Attributes:
        names: Names of the inputs whose values differ.
    """

    def __init__(self, message: str, names: tuple[str, ...] = ()) -> None:
        self.names = names
        super().__init__(message)


class Rejected(HitlError):
    """A reviewer rejected the proposal. Raised by `Decision.require()` and by calls of `@gate` functions.

    Attributes:
        reason: The reviewer's reason, or None.
        reviewer: User name of the reviewer, or None.
    """

    def __init__(self, message: str, reason: str | None = None, reviewer: str | None = None) -> None:
        self.reason = reason
        self.reviewer = reviewer
        super().__init__(message)


class UnknownProposal(HitlError):
    """No proposal has this id."""


class UnknownRun(HitlError):
    """No run has this id or name."""


class UnknownComment(HitlError):
    """No comment on the document has this id."""


class UnknownWorkspace(HitlError):
    """No workspace has this id, or this cell output does not name a workspace."""


class UnknownNotebook(HitlError):
    """The kernel does not know which notebook it runs, so it cannot find the runs of the notebook."""


class WorkspaceInUse(HitlError):
    """The run already has an open workspace with this title."""


class WorkspaceClosed(HitlError):
    """The workspace cannot be edited: people have decided on its text, or it is closed permanently."""


class TextGone(HitlError):
    """The text that the agent wants to replace is not in the document, or occurs in it more than once."""


class AlreadyDecided(HitlError):
    """The proposal is no longer open, so it cannot be decided again. The new decision was not recorded.

    Attributes:
        proposal: The closed `Proposal` record, with the decision and the reviewer.
    """

    def __init__(self, message: str, proposal: object = None) -> None:
        self.proposal = proposal
        super().__init__(message)


class NotAReviewer(HitlError):
    """The rules of the proposal do not allow this person to decide it. No decision was recorded."""


class NotAllowed(HitlError):
    """This person may not cancel the run or start it over. Nothing was changed."""


class OwnRequest(NotAReviewer):
    """The person started or continued the run, and the policy has a four-eyes rule: another person must decide.

    No decision was recorded.
    """


class TooLate(HitlError):
    """The time in which an approval could be withdrawn is over: the approval is the decision now."""


class PolicyError(HitlError):
    """A policy file, or a review argument of a call, is not valid.

    The message names the file, the rule, the error and the correction.
    """


class AlreadySettled(HitlError):
    """Another person has already accepted or dismissed the suggestion, so its state was not changed.

    Attributes:
        comment: The `Comment` record of the suggestion, with the person and the time.
    """

    def __init__(self, message: str, comment: object = None) -> None:
        self.comment = comment
        super().__init__(message)


class StaleDraft(HitlError):
    """The proposal has changed since it was shown to the reviewer. No decision was recorded."""


class InvalidEdit(HitlError):
    """An edited value does not fit the proposal: it does not match the schema, or a policy blocks it.

    Attributes:
        fields: Error message by the path of the wrong field ("amount", "lines/0/sku"). The path "" is the whole value.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        shown = "; ".join(f"{path or 'value'}: {message}" for path, message in fields.items())
        super().__init__(f"the edit does not fit the proposal: {shown}")


class Unanswered(HitlError):
    """A test run reached a proposal for which the decisions file has no entry.

    The message has the entry to add to the file.
    """


class RunClaimed(HitlError):
    """Another process executes this run, or has taken it over.

    Only one process at a time may execute a run. This exclusive right is called the run's claim.

    Attributes:
        owner: Description of the process that has the claim, for people.
    """

    def __init__(self, message: str, owner: str = "") -> None:
        self.owner = owner
        super().__init__(message)


class Untrusted(HitlError):
    """Stored data is not signed with this user's key for its place in the store.

    It may come from another user or from another place in the store. Nothing in it was executed.
    """


class WrongPython(HitlError):
    """The snapshot cannot be read: another Python version or an incompatible version of hitl_nb has saved it."""


class ServerError(HitlError):
    """A request of a script to its Jupyter server failed.

    The server does not answer, does not know the script, or refuses the request.
    """


class StoreError(HitlError):
    """Base class of the errors of the store, the database in which hitl_nb keeps its records."""


class StoreBusy(StoreError):
    """Another process has kept the store locked for too long, so nothing was written."""


class StoreFull(StoreError):
    """The disk is full, or a value is above the size limit. No part of the write was saved."""


class StoreCorrupt(StoreError):
    """A stored record is damaged, or was not written by hitl_nb."""


class StoreRefused(StoreError):
    """The store cannot be used here.

    Its directory is on a network file system or has wrong permissions, or its format is newer than this version of
    hitl_nb. Or this process is a fork of a process that has the store open.
    """
