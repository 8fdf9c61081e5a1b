"""What can go wrong, as one small tree.

Everything a caller may want to catch derives from `HitlError`; the message says what happened, where,
and what to do. `Paused` is apart: it is no error but the way a paused run leaves the cell, and a
`BaseException` so that `except Exception` in the agent's code does not swallow it.

    HitlError
    ├── NotInAgent        checkpoint() outside an agent
    ├── CannotPause       the state here cannot be saved
    ├── CellChanged       what already ran was edited
    │   └── InputChanged  what a finished agent has read has another value now
    ├── Rejected          a reviewer said no (Decision.require, gates)
    ├── UnknownProposal, UnknownRun, UnknownComment, UnknownWorkspace, UnknownNotebook
    ├── AlreadyDecided    somebody was first
    ├── NotAReviewer      this person may not decide this proposal
    │   └── OwnRequest    with four eyes, a requester does not decide
    ├── TooLate           the time in which it could be taken back is over
    ├── PolicyError       a policy file, or what a call says about review, cannot be used
    ├── AlreadySettled    somebody was first to accept or dismiss a suggestion
    ├── StaleDraft        decided on something else than what is proposed now
    ├── InvalidEdit       the edited value does not fit its schema
    ├── WorkspaceInUse    the run has an open workspace of this title
    ├── WorkspaceClosed   nobody writes into this workspace any more
    ├── TextGone          the text to be replaced is not there, or more than once
    ├── Unanswered        in a test run, and no decision was written down for this proposal
    ├── RunClaimed        another process runs this run
    ├── Untrusted         not signed by this user's key
    ├── WrongPython       saved by another Python version, or in another format
    ├── ServerError       a script's Jupyter server does not answer, or lets it do nothing
    └── StoreError
        ├── StoreBusy, StoreFull, StoreCorrupt
        └── StoreRefused  a place, a version or a process the store cannot work with
"""

from __future__ import annotations


class HitlError(Exception):
    """Base of all errors of hitl_nb."""


class Paused(BaseException):
    """The run is saved and waits for people; this leaves the agent's code.

    Attributes:
        run_id: the paused run.
        titles: one line per open proposal, in order.
    """

    def __init__(self, run_id: str = "", titles: tuple[str, ...] = ()) -> None:
        self.run_id = run_id
        self.titles = titles
        super().__init__(", ".join(titles) or run_id)

    def _render_traceback_(self) -> list[str]:
        """What IPython keeps as the traceback: formatting the real one, which nobody sees, takes half a second."""
        return [f"Paused: {self}"]


class NotInAgent(HitlError):
    """A call that needs a run was made outside of one."""


class CannotPause(HitlError):
    """The run cannot be saved at this checkpoint; nothing was shown or stored."""


class CellChanged(HitlError):
    """Code that already ran, or is paused, was edited. `diff` is a unified diff of the two sources."""

    def __init__(self, message: str, diff: str = "") -> None:
        self.diff = diff
        super().__init__(message)


class InputChanged(CellChanged):
    """What a finished agent cell has read has another value now. `names` are those of its inputs that differ."""

    def __init__(self, message: str, names: tuple[str, ...] = ()) -> None:
        self.names = names
        super().__init__(message)


class Rejected(HitlError):
    """A reviewer rejected the proposal. `reason` and `reviewer` say why and who."""

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
    """No workspace has this id, or is the one of this cell."""


class UnknownNotebook(HitlError):
    """This kernel cannot tell which notebook it runs, so it gets no run of any."""


class WorkspaceInUse(HitlError):
    """The run has an open workspace with this title already."""


class WorkspaceClosed(HitlError):
    """Nobody writes into the workspace: people have decided, or it is closed for good."""


class TextGone(HitlError):
    """The text that is to be replaced does not stand in the document, or stands there more than once."""


class AlreadyDecided(HitlError):
    """The proposal is closed. `proposal` is its record: who decided what."""

    def __init__(self, message: str, proposal: object = None) -> None:
        self.proposal = proposal
        super().__init__(message)


class NotAReviewer(HitlError):
    """The person may not decide this proposal; nothing was recorded."""


class OwnRequest(NotAReviewer):
    """The person started or continued the run, and its terms ask for somebody else; nothing was recorded."""


class TooLate(HitlError):
    """An approval can no longer be taken back; it is the decision."""


class PolicyError(HitlError):
    """A policy cannot be used: the message names the file, the rule, what is wrong and how to mend it."""


class AlreadySettled(HitlError):
    """Somebody else has accepted or dismissed the suggestion. `comment` is its record: who, and when."""

    def __init__(self, message: str, comment: object = None) -> None:
        self.comment = comment
        super().__init__(message)


class StaleDraft(HitlError):
    """The proposal changed since the reviewer saw it."""


class InvalidEdit(HitlError):
    """An edited value does not satisfy the proposal. `fields` maps a path ("amount", "lines/0/sku") to a message."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        shown = "; ".join(f"{path or 'value'}: {message}" for path, message in fields.items())
        super().__init__(f"the edit does not fit the proposal: {shown}")


class Unanswered(HitlError):
    """A test run came to a proposal that nothing answers; the message has the entry to add."""


class RunClaimed(HitlError):
    """Another process holds, or took over, the claim on this run. `owner` names it."""

    def __init__(self, message: str, owner: str = "") -> None:
        self.owner = owner
        super().__init__(message)


class Untrusted(HitlError):
    """A stored blob is not signed by this user's key for this place; nothing in it was executed."""


class WrongPython(HitlError):
    """A snapshot was saved by another Python version or an incompatible hitl_nb."""


class ServerError(HitlError):
    """The Jupyter server that a script writes through does not answer, does not know it, or cannot do this."""


class StoreError(HitlError):
    """Base of what the store reports."""


class StoreBusy(StoreError):
    """Another process kept the store locked for too long."""


class StoreFull(StoreError):
    """No room left on the disk, or a value above the limit; nothing was half-saved."""


class StoreCorrupt(StoreError):
    """A stored record is damaged or was planted."""


class StoreRefused(StoreError):
    """The store cannot be used here: network file system, newer format, wrong permissions, forked process."""
