"""The same source text on both kinds of workspace: as an agent's cell with a store, and as a script of a server."""

from __future__ import annotations

import ast
import asyncio
import inspect
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import hitl_nb as hitl
from hitl_nb.drafts.document import source_text
from hitl_nb.drafts.draft import Draft, capture_updates
from hitl_nb.engine.run import resume
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, run_cell
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.ledger.documents.update_log import Update
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import SCRIPT, Comment, Proposal, Workspace, now
from hitl_nb.storage import open_store
from tests.server.hitl_nb_server import Server

WITHIN = 60.0
"""Seconds after which a test that waits for another thread or process has failed."""
NOTEBOOK = "report.ipynb"


class People:
    """What people do in the document of the newest run of an agent or a script."""

    def __init__(self, ledger: Ledger, agent: str, notebook: str) -> None:
        self.ledger = ledger
        self._agent = agent
        self._notebook = notebook
        self._has_failed = False

    def document(self) -> Workspace:
        """The document; the first of the run."""
        (newest, *_) = self.ledger.runs.list_newest(agent=self._agent, notebook=self._notebook)
        return self.ledger.workspaces.list_of_run(newest.id)[0]

    def text(self) -> str:
        return Draft.for_workspace(self.ledger.store, self.document()).read_value()

    def comment(self, text: str, **more: Any) -> str:
        return self.ledger.comments.add(self.document().id, text, author="ann", **more).id

    def settle(self, comment: str, state: Any) -> None:
        self.ledger.comments.change_state(self.document().id, comment, state, actor="ann")

    def type(self, text: str, ago: float = 0) -> None:
        """Type at the end."""
        draft = Draft.for_workspace(self.ledger.store, self.document())
        draft.write_initial()
        doc = draft.load().doc
        at = len(str(source_text(doc)).encode())
        for made in capture_updates(doc, lambda: source_text(doc).insert(at, text)):
            draft.log.append(Update(now() - timedelta(seconds=ago), "ann", "Ann", made)).result()

    def fail_once(self) -> None:
        """Fail like a model or a network does: the first time."""
        if not self._has_failed:
            self._has_failed = True
            raise ConnectionError("the model does not answer")

    def comments(self) -> list[Comment]:
        return list(self.ledger.comments.list_on_document(self.document().id))

    def find_question(self) -> Proposal | None:
        return next(iter(self.ledger.proposals.list_open(agent=self._agent)), None)


Between = Callable[[People, Proposal], Any]


class Side(Protocol):
    """One kind of workspace.

    Attributes:
        name: Name of the agent, or of the script.
        people: The people who look at its document.
    """

    name: str
    people: People

    def run(self, source: str, between: Between | None = None) -> dict[str, Any]:
        """Run a source text to its end; `between` is what people do when it asks. The names that it bound."""
        ...


class AgentSide:
    """A cell of an agent, which pauses where it asks and continues in another namespace.

    Args:
        opaque: Whether the text is the body of a function that cannot pause, and so runs again from its start.
    """

    def __init__(self, folder: Path, name: str, *, opaque: bool) -> None:
        self.name = name
        self.people = People(Ledger(open_store(f"diskcache://{folder}/store")), name, NOTEBOOK)
        self._opaque = opaque

    def run(self, source: str, between: Between | None = None) -> dict[str, Any]:
        outcome, namespace = self._run(source)
        while outcome.status == "waiting":
            assert between is not None
            between(self.people, outcome.proposals[0])
            outcome, namespace = self._run(source)
        assert outcome.status == "finished"
        return namespace["found"] if self._opaque else namespace

    def _run(self, source: str) -> tuple[Any, dict[str, Any]]:
        resume.held_states.clear()  # as in a new process
        namespace = {"__name__": "__main__", "hitl": hitl, "where": {}, "people": hitl.live(self.people)}
        if self._opaque:
            exec(f"def script():\n{textwrap.indent(source, '    ')}\n    return locals()\n", namespace)
            source = "found = [one() for one in [script]][0]"
        made = AgentCell(NOTEBOOK, self.name, "", compile_cell(source, f"<cell of {self.name}>"), namespace)
        return asyncio.run(run_cell(self.people.ledger, made, Saver(namespace), RunDisplay())), namespace


class ScriptSide:
    """A script that knows the address of a server; people act in another thread."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self.people = People(server.ledger, name, SCRIPT + name)
        address = f"http://127.0.0.1:{server.port}"
        self._where = {"server": address, "token": server.token, "name": name}

    def run(self, source: str, between: Between | None = None) -> dict[str, Any]:
        failed: list[BaseException] = []
        thread = threading.Thread(target=self._answer, args=(between, failed), daemon=True)
        if between is not None:
            thread.start()
        namespace: dict[str, Any] = {"hitl": hitl, "where": self._where, "people": self.people}
        ran = eval(compile(source, "<script>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), namespace)
        if inspect.iscoroutine(ran):
            asyncio.run(ran)
        if between is not None:
            thread.join(WITHIN)
        assert not failed, failed
        return namespace

    def _answer(self, between: Between, failed: list[BaseException]) -> None:
        deadline = time.monotonic() + WITHIN
        while (proposal := self.people.find_question()) is None:
            if time.monotonic() > deadline:
                failed.append(TimeoutError("the script has not asked"))
                return
            time.sleep(0.05)
        try:
            between(self.people, proposal)
        except BaseException as error:  # noqa: BLE001 - reported by the test's own thread
            failed.append(error)
