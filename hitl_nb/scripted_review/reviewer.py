"""Reviewer that answers proposals from a decisions file, in tests and CI, where no person decides.

The environment variable `HITL_NB_REVIEWER` (`script:FILE`) names the decisions file, so that kernels and worker
processes inherit it. The agent really pauses, and each decision is recorded in the store like any other. So after a
crash the store shows which entries are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from hitl_nb import settings
from hitl_nb.errors import HitlError, Unanswered
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.requesters import replace_requesters
from hitl_nb.ledger.rows.store_clock import replace_clock
from hitl_nb.records import Proposal, Run, Workspace
from hitl_nb.scripted_review.decision_file import DecisionEntry, DecisionFile, matches_pattern, read_file
from hitl_nb.scripted_review.fixed_clock import ManualClock
from hitl_nb.scripted_review.given_answers import AnswerGiven, count_given, list_answers, newest_runs
from hitl_nb.scripted_review.people import ScriptedPeople
from hitl_nb.scripted_review.scripted_pause import ScriptedPause, describe_missing_entry

_RunName = tuple[int, str, str, str]
"""(id of the ledger object, notebook, agent, key). It stays the same when the run is restarted."""


class DecisionFileReviewer:
    """Answers proposals with the entries of one decisions file, and tracks which entries are used.

    A proposal is answered by the first unused entry whose agent and title match; each entry is used once. If a run was
    restarted, the entries that answered the run before are unused again.

    Attributes:
        path: Path of the file.
        entries: The entries of the file.
        clock: Time that policies see while this reviewer answers.
        requesters: User names of those who started the agents. A policy with four eyes does not let them decide.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        found = read_file(path) if path.exists() else DecisionFile()
        self.entries = found.decisions
        self.clock = ManualClock(found.clock)
        self.requesters = found.requesters
        self._hands = found.writing
        self._used: dict[_RunName, tuple[str, list[int]]] = {}
        self._recalled: set[tuple[int, str]] = set()

    @property
    def unused_entries(self) -> list[DecisionEntry]:
        """The entries that have not answered a proposal yet, in the order of the file."""
        used = self._used_numbers()
        return [entry for i, entry in enumerate(self.entries) if i not in used]

    def recall_used_entries(self, ledger: Ledger, notebook: str) -> None:
        """Mark the entries as used that an earlier process used for the runs of a notebook.

        The clock is moved to the time that it had in that process. A second call for the same notebook does nothing.
        """
        if (id(ledger), notebook) in self._recalled:
            return
        self._recalled.add((id(ledger), notebook))
        for run in newest_runs(ledger, notebook):
            for proposal, answers in list_answers(ledger, run):
                if proposal.asked_at is not None or self._has_decided(proposal):
                    self._recall_answers(proposal, answers, self._find_used_numbers(ledger, run))

    def answer_proposals(self, ledger: Ledger, proposals: Sequence[Proposal]) -> None:
        """Decide the open proposals of one pause. If any of them has no valid entry, none is decided.

        Args:
            ledger: Ledger of the proposals.
            proposals: The proposals; those that are not open are skipped.

        Raises:
            Unanswered: A proposal has no entry, or not enough; the message has the entry to add.
            HitlError: An entry is not valid for its proposal, or a vote is refused.
        """
        waiting = [proposal for proposal in proposals if proposal.status == "open"]
        if not waiting:
            return
        run = ledger.runs.load(waiting[0].run)
        self.recall_used_entries(ledger, run.notebook)
        taken = self._find_used_numbers(ledger, run)
        pause = ScriptedPause(ledger, self.path, self.clock, lambda p: self._take_entry(taken, p))
        kept = len(taken)
        try:
            pause.begin(waiting)
        except HitlError:
            del taken[kept:]
            raise
        pause.play()

    def perform_edits(
        self, ledger: Ledger, workspace: Workspace, *, epoch: int, check: Callable[[], None], at_end: bool = False
    ) -> None:
        """Make the scripted edits that are due in a workspace. Call this after the agent has written into it.

        Args:
            ledger: Ledger of the workspace.
            workspace: The workspace.
            epoch: Fencing number of the run's claim (the right to execute the run): a write with an old number is
                refused.
            check: Raises RunClaimed if another process has taken the run.
            at_end: True if the agent asks whether the document is done, so that no entry may still wait for a text.

        Raises:
            HitlError: An edit cannot be made, or an entry waits for a text that the agent has not written.
        """
        hands = [
            (number, hand)
            for number, hand in enumerate(self._hands)
            if matches_pattern(hand.agent, workspace.agent) and matches_pattern(hand.title, workspace.title)
        ]
        waiting = (
            ScriptedPeople(ledger, workspace, self.path.name, hands, epoch=epoch, check=check).play() if hands else []
        )
        if waiting and at_end:
            raise HitlError(
                f"{self.path.name}: writing[{waiting[0]}] waits for {self._hands[waiting[0]].after!r}, but the agent "
                f"asks whether {workspace.title!r} is done and has not written that text"
            )

    def _has_decided(self, proposal: Proposal) -> bool:
        made = proposal.decision
        return made is not None and made.by == "script" and made.reviewer == self.path.name

    def _recall_answers(self, proposal: Proposal, answers: Sequence[AnswerGiven], taken: list[int]) -> None:
        """Mark the entries of the decisions file that gave these recorded answers as used, and move the clock.

        The clock is moved to the latest time at which a timed action of the answers was due. Entries that the file no
        longer has are skipped.

        Args:
            proposal: The proposal that was answered.
            answers: The recorded answers to it.
            taken: Numbers of the used entries of this run; extended in place.
        """
        answers = [one for one in answers if not one.is_decision or one.reviewer == self.path.name]
        while answers:
            if answers[0].at is not None:
                self.clock.move_to(answers[0].at)
            used, given = self._used_numbers(), 0
            for i, entry in enumerate(self.entries):
                given = count_given(entry, answers) if i not in used and entry.matches(proposal) else 0
                if given:
                    taken.append(i)
                    break
            answers = answers[given or 1 :]

    def _find_used_numbers(self, ledger: Ledger, run: Run) -> list[int]:
        """Return the numbers of the entries that have answered this run.

        The result is the reviewer's own list: callers append the numbers of entries that they use.
        """
        name = (id(ledger), run.notebook, run.agent, run.key)
        if name not in self._used or self._used[name][0] != run.id:
            self._used[name] = (run.id, [])
        return self._used[name][1]

    def _take_entry(self, taken: list[int], proposal: Proposal) -> tuple[int, DecisionEntry]:
        """Mark the next unused entry of the decisions file that matches a proposal as used.

        Args:
            taken: Numbers of the entries that have answered the proposal's run; extended in place.
            proposal: The proposal.

        Returns:
            (number of the entry in the file, the entry).

        Raises:
            Unanswered: There is no unused entry that matches the proposal.
        """
        used = self._used_numbers()
        for i, entry in enumerate(self.entries):
            if i not in used and entry.matches(proposal):
                taken.append(i)
                return i, entry
        raise Unanswered(describe_missing_entry(proposal, self.path))

    def _used_numbers(self) -> set[int]:
        return {i for _, taken in self._used.values() for i in taken}


def reviewer_from_environment() -> DecisionFileReviewer | None:
    """Return the reviewer that answers in this process; None if people answer.

    It also replaces the store's clock, and the names of those who started the agents, by those of the reviewer. If
    there is no reviewer, it restores them.

    Raises:
        HitlError: The environment variable or the file is invalid.
    """
    reviewer = _find_reviewer()
    replace_clock(None if reviewer is None else reviewer.clock.current_time)
    replace_requesters(None if reviewer is None else reviewer.requesters)
    return reviewer


def attending_reviewer(ledger: Ledger, notebook: str) -> DecisionFileReviewer | None:
    """Return the reviewer that answers in this process; None if people answer.

    The entries that earlier processes used for the notebook's runs are marked as used. Call this before a run's code
    runs, because policies read the reviewer's clock.

    Raises:
        HitlError: The environment variable or the file is invalid.
    """
    reviewer = reviewer_from_environment()
    if reviewer is not None:
        reviewer.recall_used_entries(ledger, notebook)
    return reviewer


def _find_reviewer() -> DecisionFileReviewer | None:
    named = settings.REVIEWER.read()
    if not named:
        return None
    kind, _, path = named.partition(":")
    if kind != "script" or not path:
        raise HitlError(
            f"{settings.REVIEWER.name} must be script:FILE, such as script:NAME.decisions.json, not {named!r}"
        )
    file = Path(path).absolute()
    return _open_reviewer(file, file.stat().st_mtime_ns if file.exists() else 0)


def make_unanswered_error(proposal: Proposal) -> Unanswered:
    """Return the error for a pause in a test run that has no decisions file."""
    return Unanswered(
        f"the agent {proposal.agent!r} waits for a decision on {proposal.title!r}, but a test run has nobody to decide "
        f"it; run it with `pytest --nbval`, or set {settings.REVIEWER.name}=script:NAME.decisions.json"
    )


@lru_cache(maxsize=16)
def _open_reviewer(path: Path, changed: int) -> DecisionFileReviewer:
    return DecisionFileReviewer(path)
