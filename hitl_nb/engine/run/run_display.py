"""Interface through which a run shows its progress to people."""

from __future__ import annotations

from typing import Any

from hitl_nb.records import Proposal, Run, Workspace


class RunDisplay:
    """Display of a run while it is executed.

    Here all methods do nothing; front ends override them to print and record.
    """

    def display(self, value: Any) -> None:
        """Show the value of the cell's last expression."""

    def outputs(self) -> list[Any]:
        """Return the outputs that were shown so far, as JSON; here an empty list."""
        return []

    def replay(self, outputs: list[Any]) -> None:
        """Show outputs again that the run showed before, in an earlier process for example."""

    def show_decisions(self, proposals: list[Proposal]) -> None:
        """Show the decisions with which the run continues."""

    def show_notes(self, sentences: list[str]) -> None:
        """Show sentences to people.

        They name objects that this process lacks and the run had, or steps for which a pause waits.
        """

    def list_open_figures(self) -> list[Any]:
        """Return figures that are drawn and not shown yet, as JSON outputs with `until_resumed`; here an empty list.

        A pause shows them until the run continues.
        """
        return []

    def show_open_figures(self) -> None:
        """Show the figures that are drawn and not shown yet. Called when the code has ended."""

    def show_verdicts(self, proposals: list[Proposal]) -> None:
        """Show decisions that a policy made without a pause. Also called when code that uses them is executed again."""

    def show_objection(self, text: str) -> None:
        """Show that an edit is used although guardrails object. The people who decided knew the reasons."""

    def show_passed_counts(self) -> None:
        """Show how many proposals passed by policy without being shown one by one.

        Called before the state of the run is saved for the last time.
        """

    def show_continued(self, run: Run) -> None:
        """Show that `--restart` starts nothing, because it has started this run before and the run has not finished."""

    def show_finished(self, run: Run) -> None:
        """Show that no code was executed, because the run had finished before."""

    def show_changed_inputs(self, text: str) -> None:
        """Show that names which the cell only reads have other values in the notebook now."""

    def show_workspace(self, workspace: Workspace) -> None:
        """Show a workspace that the run has opened. Also called when the code that opened it is executed again."""
