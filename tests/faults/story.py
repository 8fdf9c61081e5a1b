"""A small, complete run to be broken at every point: it opens a store, pauses, is decided, takes a step, pauses, ends.

`play` runs it, or goes on with it, to its end, and notes each thing that was acknowledged, and each effect, in files
that lie outside the directory in which things go wrong. `check` compares the store with those notes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hitl_nb as hitl
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import StoreError
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store

ORDERS = ("a", "b")
RESULT = ["11 for a", "11 for b"]

_folder = Path()


def use(folder: Path) -> Path:
    """Play in `folder`; the directory to watch, which holds the store and the signing key."""
    global _folder
    _folder = folder
    watched = folder / "state"
    os.environ["HITL_NB_STORE"] = f"diskcache://{watched}/store"
    os.environ["JUPYTER_DATA_DIR"] = str(watched / "jupyter")
    return watched


def note(file: str, *what: Any) -> None:
    fd = os.open(_folder / file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, json.dumps(what).encode() + b"\n")
    os.close(fd)


def notes(file: str) -> list[list[Any]]:
    path = _folder / file
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@hitl.step
def pay(order: str, amount: int) -> str:
    note("effects", order)
    return f"{amount} for {order}"


@hitl.agent
def refunds() -> list[str]:
    receipts = []
    for order in ORDERS:
        decision = hitl.checkpoint({"order": order, "amount": 10}, title=f"Refund {order}")
        receipts.append(pay(order, decision.value["amount"]))
    return receipts


def play() -> Any:
    """Run to the end, with a person who types, decides, and looks up what is in doubt; the result."""
    while True:
        run = asyncio.run(refunds.run(key="story"))
        if run.status == "finished":
            note("acknowledged", "finished")
            hitl.open_store().close()
            return run.result
        for p in run.open:
            note("acknowledged", "paused", p.id)
            answer(Ledger(open_store()), p)


def answer(ledger: Ledger, p: Any) -> None:
    if p.title.startswith("Did "):
        order = p.title.split("'")[1]
        happened = [order] in notes("effects")
        value = {"happened": happened, "result": f"11 for {order}" if happened else None}
    else:
        value = {**p.value, "amount": 11}
        Draft.for_proposal(ledger.store, p).write_value(value, "ann")
        note("acknowledged", "typed", p.id, value)
    done = ledger.proposals.decide(p.id, "edit", value=value, reviewer="ann")
    note("acknowledged", "decided", p.id, done.decision.value if done.decision else None)


def check() -> list[str]:
    """What is wrong in the store, compared with what was acknowledged."""
    problems = [f"{order} was paid {n} times" for (order,), n in Counter(map(tuple, notes("effects"))).items() if n > 1]
    if not notes("acknowledged"):
        return problems
    ledger = Ledger(open_store())
    log = ledger.audit.verify()
    if not log.ok:
        problems.append(f"the log: {log.problem}")
    run = ledger.runs.find(agent="refunds", notebook="story", key="story")
    if run is None:
        return [*problems, "the run is gone"]
    asked = {p.id: p for p in ledger.proposals.list_of_run(run.id)}
    for what, *about in notes("acknowledged"):
        p = asked.get(about[0]) if about else None
        if what == "finished" and run.status != "finished":
            problems.append("it was finished")
        elif about and p is None:
            problems.append(f"{what}: the proposal is gone")
        elif what == "typed" and p is not None and Draft.for_proposal(ledger.store, p).read_value() != about[1]:
            problems.append("the draft is gone")
        elif what == "decided" and (p is None or p.decision is None or p.decision.value != about[1]):
            problems.append("the decision is gone")
    return problems + _damage(Path(os.environ["HITL_NB_STORE"].removeprefix("diskcache://")))


def _damage(root: Path) -> list[str]:
    found = []
    for file in root.glob("*/cache.db"):
        con = sqlite3.connect(file)
        said = con.execute("PRAGMA integrity_check").fetchall()
        con.close()
        if said != [("ok",)]:
            found.append(f"{file.parent.name}: {said}")
    return found


def go_on(folder: Path) -> tuple[list[str], Any]:
    """In a new process: what is wrong, and then the result of playing on, and what is wrong after that."""
    use(folder)
    problems = check()
    result = play()
    problems += [f"at the end: {problem}" for problem in check()]
    return problems, result


def save_some(folder: Path, arm: Callable[..., Any]) -> list[tuple[str, bool]]:
    """Save five records on a disk that is armed after the store was opened: what was said of each; is it there now?"""
    watched = use(folder)
    store = open_store()
    said = {"before": "saved"}
    store.transact(lambda tx: tx.put("before", b"1"))
    arm(watched)
    for name in ("one", "two", "three", "four"):
        try:
            store.transact(lambda tx, name=name: tx.put(name, b"1"))
            said[name] = "saved"
        except StoreError:
            said[name] = "failed"
    return [(one, store.get(name) is not None) for name, one in said.items()]
