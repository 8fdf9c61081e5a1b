"""Interface through which a run shows its progress to people."""

from __future__ import annotations

from typing import Any

from hitl_nb.records import Proposal, Run, Workspace


class RunDisplay:
    """Interface through which a run shows its progress to people.

    Here all methods do nothing; front ends override them to print and record.
    """

    def display(self, value: Any) -> None:
        """Show the value of the cell's last expression."""

    def outputs(self) -> list[Any]:
        """Return the outputs that the cell has shown so far.

        They are JSON data of the notebook format. Here the list is empty.
        """
        return []

    def replay(self, outputs: list[Any]) -> None:
        """Show outputs again that the run has shown before, for example in an earlier process.

        Args:
            outputs: The outputs, in the form that `outputs` returns.
        """

    def show_decisions(self, proposals: list[Proposal]) -> None:
        """Show the decisions of people with which the run continues."""

    def show_notes(self, sentences: list[str]) -> None:
        """Show sentences to people.

        Examples are objects of the run that this process lacks, and steps for which a pause waits.
        """

    def list_open_figures(self) -> list[Any]:
        """Return figures that are drawn and not shown yet.

        They are JSON outputs of the notebook format, with the field `until_resumed`. Here the list is empty.

        A pause shows them until the run continues.
        """
        return []

    def show_open_figures(self) -> None:
        """Show the figures that are drawn and not shown yet. Called when the code has ended."""

    def show_verdicts(self, proposals: list[Proposal]) -> None:
        """Show decisions that a policy made without a pause.

        Also called when code that uses these decisions is executed again.
        """

    def show_objection(self, text: str) -> None:
        """Show that people's edit of a value is used although guardrails (checks of the value) object to it.

        The people who decided knew the objections.
        """

    def show_passed_counts(self) -> None:
        """Show how many proposals policies have approved without showing them one by one.

        Called before the state of the run is saved for the last time.
        """

    def show_continued(self, run: Run) -> None:
        """Show that `--restart` starts no new run: it has started this run before, and the run has not finished."""

    def show_finished(self, run: Run) -> None:
        """Show that no code was executed, because the run had finished before."""

    def show_changed_inputs(self, text: str) -> None:
        """Show that names which the cell only reads have other values in the notebook now than when the run began."""

    def show_workspace(self, workspace: Workspace) -> None:
        """Show a workspace that the run has opened. Also called when the code that opened it is executed again."""
