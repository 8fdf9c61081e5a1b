"""Several processes let the clock act on one store, some are killed in the middle of it: each step is taken once."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from subprocess import PIPE, Popen

import msgspec
import pytest

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Question, Snapshot
from hitl_nb.storage import open_store
from tests.faults.processes import LONG, output, start
from tests.policies.casework import terms

DYING = """
from hitl_nb.ledger.decisions import proposal_changes as changes; from hitl_nb.ledger.rows import audit_log as chain
left = [{steps}]
append = chain.append_event
def dying(*args, **more):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)  # in the middle of a transaction
    return append(*args, **more)
changes.chain.append_event = dying
"""
TICKING = """
from datetime import timedelta
ledger = Ledger(open_store(url))
print("ready", flush=True)
sys.stdin.readline()
print(ledger.timers.run_due_steps(ledger.now() + timedelta(hours=1, minutes={minutes})), flush=True)
"""
RUNS = 10


def ask(ledger: Ledger, timers: int) -> None:
    """So many open proposals, of ten runs, that the clock reminds of after an hour and rejects an hour later."""
    made = msgspec.structs.replace(terms("1 of ada", timeline=("1h remind", "2h reject")), policy="")
    plan = Plan("ask", (), (), made, ACTIONS)
    for run in range(RUNS):
        _, claim = ledger.runs.open(agent="refunds", notebook="/ann/refunds.ipynb", key=str(run))
        count = timers // RUNS
        questions = [Question(title=f"R{n}", kind="json", value=n, position=f"000000001/{n}") for n in range(count)]
        ledger.runs.pause(claim, Snapshot(envelope=b"state"), questions, plans=[plan] * count)


def tick_together(root: Path, *, minutes: int, dying_after: tuple[int, ...] = ()) -> int:
    """Processes tick together until they die in the middle of it, then two to the end; how many steps these took."""
    script = TICKING.replace("{minutes}", str(minutes))
    dying = [start(script, root, breaks=DYING.replace("{steps}", str(n)), stdin=PIPE) for n in dying_after]
    well = [start(script, root, stdin=PIPE) for _ in range(2)]
    let_go(dying)
    for process in dying:
        process.communicate(timeout=LONG)
        assert process.returncode == -signal.SIGKILL
    let_go(well)
    return sum(int(output(process)) for process in well)


def let_go(processes: list[Popen[str]]) -> None:
    """Let them tick, once all of them are ready."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


@pytest.mark.parametrize(
    ("timers", "dying_after"),
    [(300, (20, 45)), pytest.param(500, (0, 1, 5, 20, 60, 90), marks=pytest.mark.faults_long)],
)
def test_vector_19_each_step_is_taken_once(tmp_path: Path, timers: int, dying_after: tuple[int, ...]) -> None:
    root = tmp_path / "store"
    ledger = Ledger(open_store(f"diskcache://{root}"))
    ask(ledger, timers)
    before = ledger.audit.newest_event_number()
    taken = tick_together(root, dying_after=dying_after, minutes=0)
    assert taken == timers - sum(dying_after)
    reminded = Counter(e.proposal for e in ledger.audit.read_events(after=before) if e.type == "proposal.reminded")
    assert (len(reminded), set(reminded.values())) == (timers, {1})
    tick_together(root, minutes=60)
    decided = Counter(
        e.proposal for e in ledger.audit.read_events(after=before, limit=3 * timers) if e.type == "decision"
    )
    assert (len(decided), set(decided.values())) == (timers, {1})
    assert {run.status for run in ledger.runs.list_newest()} == {"ready"}
    notices = Counter(key.split("-")[-1] for key, _ in ledger.store.scan("notice/", "notice0"))
    assert len(notices) >= 2 * timers
    assert ledger.timers.next_due() is None
    assert ledger.audit.verify().ok
