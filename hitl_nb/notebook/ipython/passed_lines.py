"""Select the decisions of policies that get a line of their own in the cell's output.

If a rule passes many proposals between two pauses, the first five are shown. The number of the others is shown when the
run pauses, ends or fails. The counts are saved with the run's outputs, so that nothing is shown twice after a resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl_nb.records import Proposal
from hitl_nb.review.static_html import describe_rule, more_passed_bundle

PASSES_KEY = "hitl_passes"
"""Output type of the record that has the counts of this module. It is saved with the outputs, but is not an output."""

SHOWN_PER_RULE = 5
"""Maximum number of lines per rule between two pauses."""


class PassedLines:
    """Counts of the proposals that policies passed since the run's last pause, by rule.

    Args:
        saved: Outputs that an earlier process saved. Their last item has the counts, as `dump_counts` made it.
    """

    def __init__(self, saved: Sequence[dict[str, Any]] = ()) -> None:
        kept: dict[str, Any] = saved[-1] if saved else {}
        self._shown: dict[str, int] = dict(kept.get("shown", {}))
        self._rest: dict[str, int] = dict(kept.get("rest", {}))
        self._statement: str = kept.get("statement", "")
        self._places: set[str] = set(kept.get("places", ()))

    def dump_counts(self) -> list[dict[str, Any]]:
        """Return the counts to save with the outputs. Empty if no line was shown."""
        if not self._statement:
            return []
        kept = {"shown": dict(self._shown), "rest": dict(self._rest), "places": sorted(self._places)}
        return [{"output_type": PASSES_KEY, "statement": self._statement, **kept}]

    def begin(self) -> None:
        """Start counting again after a pause, so that the first five proposals of each rule are shown again."""
        self._shown, self._rest = {}, {}

    def needs_own_line(self, proposal: Proposal) -> bool:
        """Return whether a proposal that a policy decided gets a line of its own. If not, it is counted.

        A proposal that was shown before gets no line. When code is executed again after a resume, it makes the same
        proposals again. Only the statement where the run is now is executed again, so only its proposals are
        remembered.
        """
        statement = proposal.position.partition("/")[0]
        if statement != self._statement:
            self._statement, self._places = statement, set()
        if proposal.position in self._places:
            return False
        self._places.add(proposal.position)
        if proposal.decision is None or proposal.decision.action != "approve":
            return True  # every proposal that a rule blocked gets a line
        rule = describe_rule(proposal)
        if self._shown.get(rule, 0) < SHOWN_PER_RULE:
            self._shown[rule] = self._shown.get(rule, 0) + 1
            return True
        self._rest[rule] = self._rest.get(rule, 0) + 1
        return False

    def list_rest(self) -> list[dict[str, Any]]:
        """Return the number of proposals that each rule passed without a line, as MIME bundles, one for each rule.

        The numbers are then set to zero.
        """
        told = [more_passed_bundle(rule, count) for rule, count in self._rest.items()]
        self._rest = {}
        return told
