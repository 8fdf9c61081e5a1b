"""Which questions that a policy decided are shown as a line of their own in the cell.

Of a rule that lets many pass between two pauses, the first five; how many more there were is said where the run pauses,
ends or fails. What was shown is saved with the outputs of the run, so that nothing is shown twice on resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl_nb.records import Proposal
from hitl_nb.review.static_html import describe_rule, more_passed_bundle

PASSES_KEY = "hitl_passes"
"""What stands for the type of an output in the record of a run that is not one, but what is kept here."""

SHOWN_PER_RULE = 5
"""Lines of one rule between two pauses."""


class PassedLines:
    """Counts what passed since the run's last pause.

    Args:
        saved: what `saved` gave in an earlier process.
    """

    def __init__(self, saved: Sequence[dict[str, Any]] = ()) -> None:
        kept: dict[str, Any] = saved[-1] if saved else {}
        self._shown: dict[str, int] = dict(kept.get("shown", {}))
        self._rest: dict[str, int] = dict(kept.get("rest", {}))
        self._statement: str = kept.get("statement", "")
        self._places: set[str] = set(kept.get("places", ()))

    def dump_counts(self) -> list[dict[str, Any]]:
        """What is kept with the outputs: nothing if there was nothing to show."""
        if not self._statement:
            return []
        kept = {"shown": dict(self._shown), "rest": dict(self._rest), "places": sorted(self._places)}
        return [{"output_type": PASSES_KEY, "statement": self._statement, **kept}]

    def begin(self) -> None:
        """The run continues behind a pause: of each rule the next five are shown again."""
        self._shown, self._rest = {}, {}

    def needs_own_line(self, proposal: Proposal) -> bool:
        """Whether a decided question gets a line of its own; it is counted if not.

        One that was told before gets none: code that is made again asks again, and only the statement in which the run
        stands is made again.
        """
        statement = proposal.position.partition("/")[0]
        if statement != self._statement:
            self._statement, self._places = statement, set()
        if proposal.position in self._places:
            return False
        self._places.add(proposal.position)
        if proposal.decision is None or proposal.decision.action != "approve":
            return True  # each that is blocked
        rule = describe_rule(proposal)
        if self._shown.get(rule, 0) < SHOWN_PER_RULE:
            self._shown[rule] = self._shown.get(rule, 0) + 1
            return True
        self._rest[rule] = self._rest.get(rule, 0) + 1
        return False

    def list_rest(self) -> list[dict[str, Any]]:
        """How many more each rule let pass, as MIME bundles; they are not counted again."""
        told = [more_passed_bundle(rule, count) for rule, count in self._rest.items()]
        self._rest = {}
        return told
