"""Record the output of an agent cell, and show it again after a kernel restart.

The output before a pause is saved with the run's state. So the finished cell shows all output, also after a kernel
restart. The recorder of the running cell is a context variable, because other cells run while this cell waits, and
their output is not recorded. Streams, displays and the last value are recorded, in the formats of nbformat. Live
widgets are left out, because they cannot be restored.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.notebook.ipython.inline_figures import draw_open_figures, show_open_figures
from hitl_nb.notebook.ipython.passed_lines import PASSES_KEY, PassedLines
from hitl_nb.records import Proposal, Run, Workspace
from hitl_nb.review.card.evidence_html import ReadPicture
from hitl_nb.review.static_html import (
    WORKSPACE_MIME,
    finished_bundle,
    note_bundle,
    proposals_bundle,
    verdict_bundle,
    workspace_bundle,
)

_recorder: ContextVar[OutputRecorder | None] = ContextVar("hitl_nb_recorder", default=None)
_WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


class OutputRecorder(RunDisplay):
    """Recorder of one run's output, active inside its `with` block. It also displays everything that the run shows.

    Args:
        shell: The IPython shell.
        agent: Name of the agent.
        number: Number of the cell, for `Out[number]`.
        key: Key of the run.
        quiet: Whether the last expression's value is hidden (the cell ends with `;`).
        shown: True if the output that earlier executions recorded is already in the cell's output.
        read_picture: Reads a picture that a question shows as evidence. None: pictures are not shown.

    Attributes:
        recorded: The recorded outputs.
        pictures: Figures that were open at the last pause, as outputs.
    """

    def __init__(
        self,
        shell: Any,
        agent: str,
        number: int,
        *,
        key: str = "",
        quiet: bool = False,
        shown: bool = False,
        read_picture: ReadPicture | None = None,
    ) -> None:
        self.shell = shell
        self.agent = agent
        self.key = key
        self.number = number
        self.quiet = quiet
        self.is_shown = shown
        self._read_picture = read_picture
        self.recorded: list[dict[str, Any]] = []
        self._said_above: str | None = None
        self.pictures: list[dict[str, Any]] = []
        self._passed = PassedLines()

    def __enter__(self) -> OutputRecorder:
        self._token = _recorder.set(self)
        self._taps = OutputCapture(self.shell)
        return self

    def __exit__(self, *exc: object) -> None:
        self._taps.remove()
        _recorder.reset(self._token)

    # -- methods of RunDisplay

    def display(self, value: Any) -> None:
        """Show the last value of the cell, as IPython does."""
        if not self.quiet:
            with self._with_cell_number() as hook:
                hook(value)

    def outputs(self) -> list[Any]:
        """Return the recorded outputs, in the format of nbformat."""
        return [*self.recorded, *self._passed.dump_counts()]

    def replay(self, outputs: list[Any]) -> None:
        """Show and record the outputs that an earlier process recorded.

        Nothing is shown if they are already in the cell's output.
        """
        self._passed = PassedLines([output for output in outputs if output["output_type"] == PASSES_KEY])
        outputs = [one for one in outputs if one["output_type"] != PASSES_KEY and not self._is_said_above(one)]
        if self.is_shown:
            self.recorded.extend(outputs)
            return
        for output in outputs:
            match output["output_type"]:
                case "stream":
                    print(output["text"], end="", file=getattr(sys, output["name"]))
                case "execute_result":
                    with self._with_cell_number() as hook:
                        hook.start_displayhook()
                        hook.write_output_prompt()
                        hook.write_format_data(output["data"], output["metadata"])
                        hook.finish_displayhook()
                case _:
                    self.shell.display_pub.publish(output["data"], output["metadata"], transient=output["transient"])

    def _is_said_above(self, output: dict[str, Any]) -> bool:
        """Return True if a recorded output equals the note that `show_continued` has just shown.

        Such an output is not shown a second time.
        """
        return self._said_above is not None and output.get("data", {}).get("text/plain") == self._said_above

    def show_notes(self, sentences: list[str]) -> None:
        """Print sentences of the engine on standard error."""
        for sentence in sentences:
            print(f"hitl_nb: {sentence}", file=sys.stderr)

    def list_open_figures(self) -> list[Any]:
        """Return the open figures as outputs, and keep them in `pictures`."""
        self.pictures = draw_open_figures(self.shell)
        return self.pictures

    def show_open_figures(self) -> None:
        """Show the open figures, as IPython does at the end of a cell."""
        show_open_figures()

    def show_verdicts(self, proposals: list[Proposal]) -> None:
        """Show proposals that a policy decided without a person. If one rule decided many, only a few get a line."""
        for proposal in proposals:
            if self._passed.needs_own_line(proposal):
                self._publish(verdict_bundle(proposal))

    def show_objection(self, text: str) -> None:
        """Show the reason why the policy forbids the use of a decision."""
        self._publish(note_bundle(text))

    def show_passed_counts(self) -> None:
        """Show how many proposals each rule of a policy passed without a line of their own."""
        for made in self._passed.list_rest():
            self._publish(made)

    def _publish(self, made: dict[str, Any]) -> None:
        """Publish an output of this run, also from a thread in which this recorder is not the active one."""
        token = _recorder.set(self)
        try:
            self.shell.display_pub.publish(made, {})
        finally:
            _recorder.reset(token)

    def show_decisions(self, proposals: list[Proposal]) -> None:
        """Show the decisions in place of the paused proposals."""
        self._passed.begin()
        made = proposals_bundle(self.agent, proposals[0].pause, proposals, self.key, self._read_picture)
        self.shell.display_pub.publish(made, {})

    def show_continued(self, run: Run) -> None:
        """Show the note that `--restart` continues an unfinished run, which was also started by `--restart`."""
        text = (
            f"--restart has begun this run of {self.agent} before, and it has not finished: it continues, and does not "
            "begin again. To begin again, cancel it first: `%hitl cancel RUN` (`%hitl runs` lists them)."
        )
        made = note_bundle(text, run.created_at, "Begun")
        self._said_above = made["text/plain"]
        self.shell.display_pub.publish(made, {})

    def show_finished(self, run: Run) -> None:
        """Show the note that the run had finished before and was not executed again."""
        text = (
            f"Nothing was run again: {self.agent} had finished before, and this is what it recorded. "
            f"`%%agent {self.agent} --restart` starts it over."
        )
        self.shell.display_pub.publish(finished_bundle(self.agent, self.key, text, run.updated_at), {})

    def show_changed_inputs(self, text: str) -> None:
        """Show which inputs of the agent have changed. Nothing is shown if the same text was shown before."""
        made = note_bundle(text)
        if all(output.get("data", {}).get("text/plain") != made["text/plain"] for output in self.recorded):
            self.shell.display_pub.publish(made, {})

    def show_workspace(self, workspace: Workspace) -> None:
        """Show a workspace that the run opened. Nothing is shown if it was shown before."""
        made = workspace_bundle(self.agent, workspace, self.key)
        if all(output.get("data", {}).get(WORKSPACE_MIME) != made[WORKSPACE_MIME] for output in self.recorded):
            self.shell.display_pub.publish(made, {})

    @contextmanager
    def _with_cell_number(self) -> Generator[Any]:
        """Yield the display hook with the cell's own number set, because another cell may have run since."""
        shell, hook = self.shell, self.shell.displayhook
        now = shell.execution_count
        shell.execution_count = now + self.number - hook.prompt_count
        try:
            yield hook
        finally:
            shell.execution_count = now

    # -- recording

    def record_stream(self, name: str, text: str) -> None:
        """Record text that was written to "stdout" or "stderr"."""
        last = self.recorded[-1] if self.recorded else None
        if last is not None and last["output_type"] == "stream" and last["name"] == name:
            last["text"] += text
        elif text:
            self.recorded.append({"output_type": "stream", "name": name, "text": text})

    def record_display(
        self, kind: str, data: dict[str, Any], metadata: dict[str, Any], display_id: str | None, update: bool
    ) -> None:
        """Record a display, or an update of an earlier one.

        Args:
            kind: Type of the output in nbformat: "display_data" or "execute_result".
            data: MIME bundle.
            metadata: Metadata of the bundle.
            display_id: Id of the display, or None.
            update: Whether to replace the display with this id.
        """
        data = {mime: value for mime, value in data.items() if mime != _WIDGET_MIME}
        if update:
            for output in self.recorded:
                if display_id is not None and output.get("transient", {}).get("display_id") == display_id:
                    output.update(data=data, metadata=metadata)
            return
        transient = {"display_id": display_id} if display_id else {}
        self.recorded.append({"output_type": kind, "data": data, "metadata": metadata, "transient": transient})


class OutputCapture:
    """Replaces a shell's output functions by functions that also record. `remove` restores the original functions.

    Replaced are `write` of the streams and functions of the display publisher and the display hook. They are replaced
    for each run, because IPython itself replaces `write` of the streams for every cell.
    """

    def __init__(self, shell: Any) -> None:
        self._undo: list[Callable[[], None]] = []
        for name in ("stdout", "stderr"):
            self._wrap(getattr(sys, name), "write", _capture_stream(name))
        self._wrap(shell.display_pub, "publish", _capture_display)
        self._wrap(shell.display_pub, "clear_output", _capture_clear)
        self._wrap(shell.displayhook, "write_format_data", _capture_result)

    def _wrap(self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        original = getattr(owner, name)
        had = name in vars(owner)
        wrapper = make(original)
        setattr(owner, name, wrapper)

        def undo() -> None:
            own = cast("dict[str, Any]", vars(owner))
            if own.get(name) is wrapper:
                setattr(owner, name, original) if had else delattr(owner, name)

        self._undo.append(undo)

    def remove(self) -> None:
        """Restore the original functions."""
        for undo in self._undo:
            undo()


@contextmanager
def _pause_recording() -> Generator[OutputRecorder | None]:
    """Yield the recorder of the running cell, or None, and switch recording off inside the `with` block.

    So an output function that calls another output function does not record the same output twice.
    """
    recorder = _recorder.get()
    token = _recorder.set(None)
    try:
        yield recorder
    finally:
        _recorder.reset(token)


def _capture_stream(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def write(text: Any, *args: Any) -> Any:
            with _pause_recording() as recorder:
                if recorder is not None and isinstance(text, str):
                    recorder.record_stream(name, text)
                return original(text, *args)

        return write

    return make


def _capture_display(original: Callable[..., Any]) -> Callable[..., Any]:
    def publish(data: Any, metadata: Any = None, *args: Any, **kwargs: Any) -> Any:
        with _pause_recording() as recorder:
            if recorder is not None:
                transient: dict[str, Any] = kwargs.get("transient") or {}
                update = bool(kwargs.get("update"))
                recorder.record_display("display_data", data, metadata or {}, transient.get("display_id"), update)
            return original(data, metadata, *args, **kwargs)

    return publish


def _capture_clear(original: Callable[..., Any]) -> Callable[..., Any]:
    def clear_output(wait: bool = False) -> Any:
        with _pause_recording() as recorder:
            if recorder is not None:
                recorder.recorded.clear()
            return original(wait)

    return clear_output


def _capture_result(original: Callable[..., Any]) -> Callable[..., Any]:
    def write_format_data(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> Any:
        with _pause_recording() as recorder:
            if recorder is not None:
                recorder.record_display("execute_result", data, metadata or {}, None, False)
            return original(data, metadata)

    return write_format_data
