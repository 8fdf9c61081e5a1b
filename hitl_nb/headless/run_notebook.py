"""Execution of a notebook without a browser, so that its agents continue where they stopped.

A fresh kernel runs the cells in order, as "Restart & Run All" does. It is a *continuation* because an agent cell never
repeats work that the store has recorded. A paused agent ends the run: its cell gets an error reply named `Paused`, and
the cells below it are not run.

The notebook file must stay valid if this process is killed. After every cell the whole notebook replaces the old file
in one step, so that there is a valid notebook on disk at any moment.

The kernel's client runs on its own event loop in its own thread. So a call works the same in a script, in a worker, and
in a notebook whose loop is already running. Ctrl-C, which Python delivers to the main thread, still shuts the kernel
down.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from IPython.core.error import UsageError
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import ensure_dir_exists

from hitl_nb.errors import HitlError, Paused
from hitl_nb.headless.agent_line import parse_agent_line
from hitl_nb.headless.executors import kernel_environment
from hitl_nb.headless.notebook_identity import follow_notebook, is_gone, read_file_id, read_id
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import CHANGED_SINCE, Proposal
from hitl_nb.review.static_html import NOTE_MIME
from hitl_nb.settings import STORE, child_environment
from hitl_nb.storage import open_store
from hitl_nb.storage.backends import is_shared
from hitl_nb.values.schemas import import_jsonschema

import_jsonschema()  # before nbformat imports it, which would take a second longer
from nbclient import NotebookClient  # noqa: E402  # see above
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError  # noqa: E402  # see above

from hitl_nb.headless.notebook_files import join_streams, read_first_line, read_notebook, write_notebook  # noqa: E402  # see above

_MAX_SOCKET_PATH = 100
"""Maximum length, in bytes, of the path of a connection file.

The path of a socket has "-ipc-5" in place of ".json", and at most 107 bytes.
"""


@dataclass(frozen=True)
class NotebookRun:
    """Result of a headless run.

    Attributes:
        status: "finished" (every cell ran), "waiting" (an agent is paused) or "failed" (a cell or the kernel failed).
        open: Open proposals of the notebook, oldest first.
        error: For "failed", one line: the cell and the reason. None otherwise.
        path: The notebook that was written.
        notes: Sentences for people. They name inputs of agents that have changed, and the consequence. If the notebook
            waits and was written elsewhere, a sentence says that its runs do not follow it when it is moved.
    """

    status: Literal["finished", "waiting", "failed"]
    open: tuple[Proposal, ...]
    error: str | None
    path: Path
    notes: tuple[str, ...] = ()


def run_notebook(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    store: str | None = None,
    on_cell: Callable[[int, int], None] | None = None,
    timeout: float | None = None,
) -> NotebookRun:
    """Run a notebook in a fresh kernel. Its agents continue where they stopped.

    If a cell fails, no exception is raised; `NotebookRun.status` is then "failed".

    Args:
        path: The notebook. Its runs belong to this path, wherever the outputs are written.
        output: File to write the notebook with its outputs to. None: `path` itself.
        store: URL of the store. None: `HITL_NB_STORE`, else the user's own store.
        on_cell: Called before each code cell, on another thread, with the cell's number, from 1, and the number of
            code cells.
        timeout: Seconds that one cell may take. None: no limit.

    Returns:
        The result of the run.

    Raises:
        HitlError: The file is missing or no notebook, an agent name occurs twice, or the kernel is not installed.
        ValueError: `timeout` is no number above 0.
    """
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")
    source = Path(path).resolve()
    target = source if output is None else Path(output).absolute()
    notebook = read_notebook(source)
    _refuse_duplicates(notebook, source)
    if not target.parent.is_dir():
        raise HitlError(f"cannot write {target.name}: the folder {target.parent} does not exist")
    place = open_store(store)
    if not is_shared(place.url):
        raise HitlError(
            f"store {place.url!r} is out of a kernel's reach; name one that processes share (diskcache:///...)"
        )
    ledger = Ledger(place)
    environment = child_environment({STORE.name: place.url, **kernel_environment(source, "hitl-nb run")})
    follow_notebook(ledger, str(source), read_id(notebook.metadata))
    own = target == source
    if not own:
        _write_notebook_id(notebook, "")  # the copy is another notebook with its own runs
    notebook_id = (lambda: ledger.notebooks.find_id(str(source))) if own else None
    player = _NotebookPlayer(notebook, target, environment, source.parent, on_cell, timeout, notebook_id)
    status, error = _play_on_thread(player)
    if own:
        ledger.notebooks.recognize(
            str(source), read_id(notebook.metadata), is_gone
        )  # the file contains the id of its runs now
    waiting = tuple(_list_open(ledger, str(source)))
    notes = dict.fromkeys(
        n for n in (*player.notes, *(n for proposal in waiting for n in proposal.notes)) if _is_about_inputs(n)
    )
    if waiting and not own and read_file_id(source) != ledger.notebooks.find_id(str(source)):
        notes[_explain_not_followed(source)] = None
    return NotebookRun(status, waiting, error, target, tuple(notes))


class _NotebookPlayer:
    """A kernel that executes one notebook, on its own event loop.

    Attributes:
        paused: True if an agent has paused.
        notes: Sentences for people that the cells have shown about changed inputs.
    """

    def __init__(
        self,
        notebook: Any,
        target: Path,
        environment: dict[str, str],
        folder: Path,
        on_cell: Callable[[int, int], None] | None,
        timeout: float | None,
        notebook_id: Callable[[], str] | None,
    ) -> None:
        self.notebook = notebook
        self.notebook_id = notebook_id
        self.target = target
        self.environment = environment
        self.folder = folder
        self.on_cell = on_cell
        self.timeout = timeout
        self.paused = False
        self.notes: list[str] = []
        self.client = NotebookClient(
            notebook,
            timeout=timeout,
            record_timing=False,
            store_widget_state=False,
            on_cell_executed=self._on_cell_executed,
        )

    async def play(self) -> tuple[Literal["finished", "waiting", "failed"], str | None]:
        """Execute the cells. The kernel is shut down when this returns or raises.

        Returns:
            (status, error): the status is "finished", "waiting" or "failed"; the error is one line for "failed",
            else None.

        Raises:
            HitlError: The notebook's kernel is not installed.
        """
        client = self.client
        client.reset_execution_trackers()
        client.km = client.create_kernel_manager()
        try:
            if client.km.ipykernel:
                _use_socket_files(client.km)
                client.extra_arguments = [
                    "--IPKernelApp.log_level=ERROR"
                ]  # hides a message on encryption that does not apply here
            async with client.async_setup_kernel(env=self.environment, cwd=str(self.folder)):
                return await self._run_cells()
        except NoSuchKernel as e:
            raise HitlError(
                f"this notebook asks for the kernel {e.name!r}, which is not installed here; "
                "`jupyter kernelspec list` shows those that are"
            ) from None

    async def _run_cells(self) -> tuple[Literal["finished", "waiting", "failed"], str | None]:
        cells: list[Any] = self.notebook.cells
        code = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
        for number, index in enumerate(code, 1):
            if self.on_cell is not None:
                self.on_cell(number, len(code))
            trouble: str | None = None
            try:
                await self.client.async_execute_cell(
                    cells[index], index, execution_count=self.client.code_cells_executed + 1
                )
            except CellExecutionError as e:
                if e.ename != Paused.__name__:
                    trouble = f"{e.ename}: {read_first_line(e.evalue)}"
            except CellTimeoutError:
                trouble = f"it took longer than {self.timeout} s"
            except DeadKernelError:
                trouble = "the kernel died; run the notebook again, and its agents continue where they stopped"
            cells[index].outputs = join_streams(cells[index].outputs)
            self.notes += [o.data["text/plain"] for o in cells[index].outputs if NOTE_MIME in o.get("data", {})]
            if self.notebook_id is not None and parse_agent_name(cells[index].source) and (known := self.notebook_id()):
                _write_notebook_id(self.notebook, known)
            write_notebook(self.notebook, self.target)
            if trouble:
                return "failed", f"cell {index + 1}: {trouble}"
            if self.paused and not _is_optional(cells[index]):
                break
        return ("waiting" if self.paused else "finished"), None

    def _on_cell_executed(self, cell: Any, cell_index: int, execute_reply: dict[str, Any]) -> None:
        if execute_reply["content"].get("ename") == Paused.__name__:
            self.paused = True


def _play_on_thread(player: _NotebookPlayer) -> tuple[Literal["finished", "waiting", "failed"], str | None]:
    """Run `player.play()` to its end, on its own thread and event loop.

    If the calling thread is interrupted (Ctrl-C), the kernel is shut down first.

    Returns:
        (status, error): the status is "finished", "waiting" or "failed"; the error is one line for "failed", else
        None.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(player.play())
    # Wait for this event and not for the thread: after an interrupted Thread.join(), CPython 3.11 treats it as ended.
    ended = threading.Event()

    def work() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(asyncio.wait([task]))
        finally:
            loop.close()
            ended.set()

    threading.Thread(target=work, name="hitl_nb-headless", daemon=True).start()
    try:
        ended.wait()
    except BaseException:
        player.client.shutdown_kernel = "immediate"
        if not ended.is_set():
            loop.call_soon_threadsafe(task.cancel)
            ended.wait()
        if task.done() and not task.cancelled():
            task.exception()
        raise
    return task.result()


def _is_about_inputs(note: str) -> bool:
    return note.startswith(CHANGED_SINCE)


def _explain_not_followed(source: Path) -> str:
    return (
        f"{source.name} is not written with -o, so it carries no id, and its runs stay at {source}: if you move or "
        "rename it before they have finished, give each to it with `hitl-nb adopt RUN NOTEBOOK` "
        "(`hitl-nb runs --orphaned` lists them)"
    )


def _write_notebook_id(notebook: Any, notebook_id: str) -> None:
    """Set the id in a notebook's metadata. The runs of a notebook follow its id when the file is moved.

    Args:
        notebook: The notebook.
        notebook_id: The id; "" removes it.
    """
    ours: dict[str, Any] = {k: v for k, v in dict(notebook.metadata.get("hitl_nb") or {}).items() if k != "id"}
    if notebook_id:
        ours["id"] = notebook_id
    if ours:
        notebook.metadata["hitl_nb"] = ours
    else:
        notebook.metadata.pop("hitl_nb", None)


def parse_agent_name(source: str) -> str | None:
    """Return the NAME in a cell's `%%agent NAME` line; None if the cell has no such line, or an invalid one."""
    first = next((line for line in source.splitlines() if line.strip()), "")
    magic, _, rest = first.partition(" ")
    if magic != "%%agent":
        return None
    try:
        return parse_agent_line(rest).name
    except UsageError:  # the cell itself reports the error when it runs
        return None


def _refuse_duplicates(notebook: Any, path: Path) -> None:
    seen: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells, 1):
        name = parse_agent_name(cell.source) if cell.cell_type == "code" else None
        if name is not None and seen.setdefault(name, number) != number:
            raise HitlError(
                f"{path.name} has two agents named {name!r}, in cells {seen[name]} and {number}: give one another name"
            )


def _use_socket_files(manager: Any) -> None:
    """Configure a kernel's manager to use sockets in files instead of TCP ports.

    A manager chooses free TCP ports, but another process may take one of them before the kernel does.
    """
    ensure_dir_exists(jupyter_runtime_dir(), mode=0o700)
    connection_file = str(Path(jupyter_runtime_dir(), f"kernel-{uuid4()}.json"))
    if os.name == "posix" and len(os.fsencode(connection_file)) <= _MAX_SOCKET_PATH:
        manager.transport, manager.connection_file = "ipc", connection_file


def _is_optional(cell: Any) -> bool:
    """Return whether the cell has the tag `raises-exception`: the cells below it run even if it fails or pauses."""
    return "raises-exception" in cell.metadata.get("tags", [])


def _list_open(ledger: Ledger, notebook: str) -> list[Proposal]:
    found: list[Proposal] = []
    while page := ledger.proposals.list_open(notebook=notebook, after=found[-1].id if found else None):
        found += page
    return found
