"""Interface by which a run shows what it does."""

from __future__ import annotations

from typing import Any

from hitl_nb.records import Proposal, Run, Workspace


class RunDisplay:
    """The display of a run while it works. A driver overrides this to print, display and record."""

    def display(self, value: Any) -> None:
        """Show the value of the cell's last expression."""

    def outputs(self) -> list[Any]:
        """List the outputs that were shown so far, as JSON."""
        return []

    def replay(self, outputs: list[Any]) -> None:
        """Show again what an earlier try recorded."""

    def show_decisions(self, proposals: list[Proposal]) -> None:
        """Show the decisions that the run continues with."""

    def show_notes(self, sentences: list[str]) -> None:
        """Tell people what this process lacks that the run had, or what a pause waits for."""

    def list_open_figures(self) -> list[Any]:
        """List figures that are drawn and not shown yet, as JSON with `until_resumed`.

        They are shown at a pause until the run continues.
        """
        return []

    def show_open_figures(self) -> None:
        """Show the figures that were drawn: the code has ended."""

    def show_verdicts(self, proposals: list[Proposal]) -> None:
        """Show what a policy decided without a pause. Also called when code that uses it is made again."""

    def show_objection(self, text: str) -> None:
        """Show that an edit is used to which guardrails object, with reasons that the people who decided were shown."""

    def show_passed_counts(self) -> None:
        """Show how many passed that were not shown one by one: what comes next is saved with the run's state."""

    def show_continued(self, run: Run) -> None:
        """`--restart` begins nothing: it has begun this run before, which has not finished."""

    def show_finished(self, run: Run) -> None:
        """Nothing was run: the run had finished before."""

    def show_changed_inputs(self, text: str) -> None:
        """Show that the notebook has other values by now for names that the cell only reads."""

    def show_workspace(self, workspace: Workspace) -> None:
        """Show a workspace that the run has opened. Also called when the code that had opened it is made again."""
