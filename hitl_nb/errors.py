"""All errors of hitl_nb, as one small tree.

Every error that a caller may want to catch derives from `HitlError`. Its message says what happened, where, and what to
do. `Paused` is separate: it is no error, but the way in which a paused run leaves the cell. It is a `BaseException`, so
that `except Exception` in the agent's code does not swallow it.

    HitlError
    ├── NotInAgent        checkpoint() was called outside an agent
    ├── CannotPause       the state here cannot be saved
    ├── CellChanged       code that already ran was edited
    │   └── InputChanged  an input of a finished agent has another value now
    ├── Rejected          a reviewer rejected the proposal (Decision.require, gates)
    ├── UnknownProposal, UnknownRun, UnknownComment, UnknownWorkspace, UnknownNotebook
    ├── AlreadyDecided    the proposal is closed: somebody else decided first
    ├── NotAReviewer      this person may not decide this proposal
    │   └── OwnRequest    four eyes: a requester may not decide
    ├── TooLate           the approval can no longer be taken back
    ├── PolicyError       a policy file, or the review arguments of a call, cannot be used
    ├── AlreadySettled    somebody else has accepted or dismissed the suggestion first
    ├── StaleDraft        the decision is for a value that is no longer proposed
    ├── InvalidEdit       the edited value does not fit its schema
    ├── WorkspaceInUse    the run has an open workspace with this title
    ├── WorkspaceClosed   the workspace cannot be edited any more
    ├── TextGone          the text to replace is not in the document, or more than once
    ├── Unanswered        in a test run, no decision is written down for this proposal
    ├── RunClaimed        another process executes this run
    ├── Untrusted         not signed by this user's key
    ├── WrongPython       saved by another Python version, or in another format
    ├── ServerError       a script's Jupyter server does not answer, or refuses the request
    └── StoreError
        ├── StoreBusy, StoreFull, StoreCorrupt
        └── StoreRefused  a place, a version or a process that the store cannot work with
"""

from __future__ import annotations


class HitlError(Exception):
    """Base of all errors of hitl_nb."""


class Paused(BaseException):
    """The run is saved and waits for people. Raised to leave the agent's code.

    Attributes:
        run_id: Id of the paused run.
        titles: Titles of the open proposals, in order.
    """

    def __init__(self, run_id: str = "", titles: tuple[str, ...] = ()) -> None:
        self.run_id = run_id
        self.titles = titles
        super().__init__(", ".join(titles) or run_id)

    def _render_traceback_(self) -> list[str]:
        """Return the traceback for IPython. Nobody sees it, and formatting the real one takes half a second."""
        return [f"Paused: {self}"]


class NotInAgent(HitlError):
    """A call that needs a run was made outside of a run."""


class CannotPause(HitlError):
    """The run cannot be saved at this checkpoint; nothing was shown or stored."""


class CellChanged(HitlError):
    """Code that already ran, or in which the run is paused, was edited. `diff` is a unified diff of the two sources."""

    def __init__(self, message: str, diff: str = "") -> None:
        self.diff = diff
        super().__init__(message)


class InputChanged(CellChanged):
    """Inputs of a finished agent cell have other values now. `names` are the names of these inputs."""

    def __init__(self, message: str, names: tuple[str, ...] = ()) -> None:
        self.names = names
        super().__init__(message)


class Rejected(HitlError):
    """A reviewer rejected the proposal. `reason` says why, `reviewer` is the user name."""

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
    """No workspace has this id, or is the one that a cell's output names."""


class UnknownNotebook(HitlError):
    """The kernel does not know which notebook it runs, so it can use no notebook's runs."""


class WorkspaceInUse(HitlError):
    """The run already has an open workspace with this title."""


class WorkspaceClosed(HitlError):
    """The workspace cannot be edited: people have decided it, or it is closed for good."""


class TextGone(HitlError):
    """The text to replace is not in the document, or is in it more than once."""


class AlreadyDecided(HitlError):
    """The proposal is closed. `proposal` is its record, with the decision and its reviewer."""

    def __init__(self, message: str, proposal: object = None) -> None:
        self.proposal = proposal
        super().__init__(message)


class NotAReviewer(HitlError):
    """The person may not decide this proposal; nothing was recorded."""


class OwnRequest(NotAReviewer):
    """The person started or continued the run, and four eyes are needed; nothing was recorded."""


class TooLate(HitlError):
    """The approval can no longer be taken back; it is the decision."""


class PolicyError(HitlError):
    """A policy cannot be used. The message names the file, the rule, the error and the correction."""


class AlreadySettled(HitlError):
    """Somebody else has accepted or dismissed the suggestion. `comment` is its record, with the person and the time."""

    def __init__(self, message: str, comment: object = None) -> None:
        self.comment = comment
        super().__init__(message)


class StaleDraft(HitlError):
    """The proposal changed after the reviewer opened it."""


class InvalidEdit(HitlError):
    """An edited value does not satisfy the proposal. `fields` maps a path ("amount", "lines/0/sku") to a message."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        shown = "; ".join(f"{path or 'value'}: {message}" for path, message in fields.items())
        super().__init__(f"the edit does not fit the proposal: {shown}")


class Unanswered(HitlError):
    """A test run reached a proposal without a decision in the decisions file. The message has the entry to add."""


class RunClaimed(HitlError):
    """Another process holds, or has taken over, the claim on this run. `owner` names that process."""

    def __init__(self, message: str, owner: str = "") -> None:
        self.owner = owner
        super().__init__(message)


class Untrusted(HitlError):
    """A stored blob is not signed for its place by this user's key. Nothing in it was executed."""


class WrongPython(HitlError):
    """Another Python version or an incompatible hitl_nb saved the snapshot."""


class ServerError(HitlError):
    """The Jupyter server that a script writes through does not answer, does not know the script, or cannot do this."""


class StoreError(HitlError):
    """Base of the errors of the store."""


class StoreBusy(StoreError):
    """Another process kept the store locked for too long."""


class StoreFull(StoreError):
    """The disk is full, or a value is above the size limit. Nothing was saved in part."""


class StoreCorrupt(StoreError):
    """A stored record is damaged or was forged."""


class StoreRefused(StoreError):
    """The store cannot be used here: network file system, newer format, wrong permissions, or a forked process."""
