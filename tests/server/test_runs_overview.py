"""Lists and overviews of runs: states, figures, counts, the recorded cell, cancelling and starting over, the export."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hitl_nb_server import Server
from office import STATE, Office
from people import PEOPLE, Browser, start_server

from hitl_nb.engine.snapshot.signing import seal
from hitl_nb.errors import HitlError
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.rows import stored_records
from hitl_nb.ledger.runs import claim_records
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.records import Proposal, Snapshot, Terms, now
from hitl_nb.server.calls import runs
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.response_types.runs import RunRow
from hitl_nb.server.overviews.proposal_counts import count_proposals
from hitl_nb.server.overviews.run_lists import get_run, list_runs
from hitl_nb.storage.interface import StoreReader
from tests.indoubt import in_doubt
from tests.policies.casework import terms


def write_notebook(file: Path, *sources: str | list[str]) -> str:
    cells = [{"cell_type": "code", "source": source, "outputs": [], "metadata": {}} for source in sources]
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return str(file)


@pytest.fixture
def notebook(tmp_path: Path) -> str:
    return write_notebook(
        tmp_path / "n.ipynb", "x = 1", ["%%agent letters\n", "hitl.checkpoint(x)"], "def helper(): ..."
    )


def begin(office: Office, notebook: str, agent: str = "letters") -> Claim:
    return office.ledger.runs.open(agent=agent, notebook=notebook)[1]


def show(office: Office, run: str) -> RunRow:
    return get_run(office.make_request("bo", run)).run


def kill(office: Office, claim: Claim) -> None:
    """The process that has the claim is gone."""
    held = claim_records.newest_claim(office.ledger.store, claim.run)
    assert held is not None
    gone = ProcessIdentity(held.owner.host, held.owner.name, held.owner.pid, "another start", "kernel", "other")
    record = claim_records.ClaimRecord(owner=gone, epoch=held.epoch)
    office.ledger.store.transact(lambda tx: claim_records.write_claim_record(tx, claim.run, record))


def test_a_run_that_works_waits_and_finishes(office: Office, notebook: str) -> None:
    claim = begin(office, notebook)
    assert show(office, claim.run).state == "working"
    office.ledger.claims.release(claim)
    first, second = office.propose("Dear Ann", "Dear Bo", notebook=notebook)
    assert show(office, claim.run).state == "superseded"  # it was cancelled by the next one
    row = show(office, first.run)
    assert (row.state, row.gone, row.waits_for, row.ended_at) == ("waiting", None, "Letter 0", None)
    assert (row.decided.asked, row.decided.people) == (2, 0)
    office.decide("bo", first)
    assert show(office, first.run).waits_for == "Letter 1"
    office.decide("cy", second, "edit", value="Dear Bob")
    row = show(office, first.run)
    assert (row.state, row.waits_for, row.decided.people, row.decided.changed) == ("ready", "", 2, 1)
    waited = row.waited_seconds
    _, claim = office.ledger.runs.claim(first.run)
    assert show(office, first.run).state == "working"
    office.ledger.runs.finish(claim, STATE)
    row = show(office, first.run)
    assert (row.state, row.waited_seconds) == ("finished", waited)
    assert row.ended_at == row.updated_at
    total = (row.updated_at - row.created_at).total_seconds()
    assert 0 < row.worked_seconds <= total


def test_a_run_whose_process_is_gone_is_interrupted_and_says_where(office: Office, notebook: str) -> None:
    claim = begin(office, notebook)
    kill(office, claim)
    row = show(office, claim.run)
    assert (row.state, row.where) == ("interrupted", "")
    assert row.worked_seconds == 0  # it is not known that it has done anything


def test_an_interrupted_run_says_when_its_process_was_alive_last(
    office: Office, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, last = begin(office, notebook), now() + timedelta(hours=1)
    assert show(office, claim.run).interrupted_at is None
    with monkeypatch.context() as patch:
        patch.setattr(claim_records, "now", lambda: last)
        kill(office, claim)  # writes the claim as a last heartbeat does
    assert show(office, claim.run).interrupted_at == last
    claim = begin(office, notebook, "gives up")
    office.ledger.claims.release(claim)
    row = show(office, claim.run)
    assert row.interrupted_at is not None
    assert row.created_at <= row.interrupted_at <= now()


def test_the_claim_of_an_older_version_does_not_say_when_it_was_alive(office: Office, notebook: str) -> None:
    claim = begin(office, notebook)
    kill(office, claim)
    held = json.loads(office.ledger.store.get(f"claim/{claim.run}") or b"")
    del held["written_at"]
    office.ledger.store.transact(lambda tx: tx.put(f"claim/{claim.run}", json.dumps(held).encode()))
    row = show(office, claim.run)
    assert row.interrupted_at == list(office.ledger.audit.read_events())[-1].at


@pytest.mark.parametrize(("idempotent", "state"), [(False, "in_doubt"), (True, "interrupted")])
def test_a_run_whose_process_died_in_a_call(office: Office, notebook: str, idempotent: bool, state: str) -> None:
    claim = begin(office, notebook)
    office.ledger.steps.start(claim, "1/a", "drop", call="drop('t')", idempotent=idempotent)
    kill(office, claim)
    row = show(office, claim.run)
    assert (row.state, row.where) == (state, "drop('t')")
    assert count_proposals(office.make_request("bo", query=bodies.CountQuery())).runs == 1


def test_a_question_about_an_effect_makes_a_run_in_doubt(office: Office, notebook: str) -> None:
    claim = begin(office, notebook)
    (p,) = office.ledger.runs.pause(claim, STATE, [in_doubt("12.50")]).proposals
    assert show(office, claim.run).state == "in_doubt"
    office.ledger.proposals.decide(p.id, "edit", value={"happened": False}, reviewer="bo")
    row = show(office, claim.run)
    assert (row.state, row.decided.people, row.decided.changed) == ("ready", 1, 0)


def test_decisions_of_a_script_are_not_those_of_people(office: Office, notebook: str) -> None:
    first, second, third = office.propose("Dear Ann", "Dear Bo", "Dear Cy", notebook=notebook)
    office.decide("bo", first)
    office.ledger.proposals.decide(second.id, "edit", value="Dear Bob", reviewer="bo", by="script")
    office.ledger.proposals.decide(third.id, "approve", reviewer="bo", by="script")
    decided = show(office, first.run).decided
    assert (decided.asked, decided.people, decided.script, decided.changed) == (3, 1, 2, 0)


def test_the_figures_of_a_long_run_have_everything(office: Office, notebook: str) -> None:
    (p,) = office.propose("Dear Ann", notebook=notebook)
    for n in range(2100):
        office.ledger.comments.add(p.id, f"comment {n}", author="bo")
    office.decide("bo", p)
    decided = show(office, p.run).decided
    assert (decided.asked, decided.people) == (1, 1)


def test_a_failed_run(office: Office, notebook: str) -> None:
    claim = begin(office, notebook)
    office.ledger.runs.fail(claim, None, "KeyError: 'mass'")
    row = show(office, claim.run)
    assert (row.state, row.error, row.ended_at) == ("failed", "KeyError: 'mass'", row.updated_at)


def test_a_count_reads_no_steps_and_a_list_renews_the_index_once(
    office: Office, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for agent in ("a", "b"):
        office.ledger.runs.fail(begin(office, notebook, agent), None, "KeyError: 'mass'")
    for agent in ("c", "d"):
        claim = begin(office, notebook, agent)
        office.ledger.steps.start(claim, "1/a", "drop", call="drop('t')", idempotent=agent == "c")
        kill(office, claim)
    looks: list[Ledger] = []
    look = office.desk.lists.look
    monkeypatch.setattr(office.desk.lists, "look", lambda ledger: looks.append(ledger) or look(ledger))
    states = [row.state for row in list_runs(office.make_request("bo", query=bodies.RunQuery())).runs]
    assert sorted(states) == ["failed", "failed", "in_doubt", "interrupted"]
    assert len(looks) == 1
    monkeypatch.setattr(office.ledger.steps, "list_of_run", None)
    assert count_proposals(office.make_request("bo", query=bodies.CountQuery())).runs == 4


@pytest.mark.parametrize(("idempotent", "counted"), [(True, 0), (False, 1)])
def test_of_runs_whose_notebook_is_gone_only_those_in_doubt_are_counted(
    office: Office, notebook: str, idempotent: bool, counted: int
) -> None:
    claim = begin(office, notebook)
    office.ledger.steps.start(claim, "1/a", "drop", call="drop('t')", idempotent=idempotent)
    kill(office, claim)
    Path(notebook).unlink()
    assert show(office, claim.run).state == ("orphaned" if idempotent else "in_doubt")
    assert count_proposals(office.make_request("bo", query=bodies.CountQuery())).runs == counted


def test_a_run_is_orphaned_if_its_notebook_or_its_cell_is_gone(office: Office, tmp_path: Path, notebook: str) -> None:
    (p,) = office.propose("Dear Ann", notebook=notebook)
    at = p.created_at.timestamp()
    file = Path(notebook)
    os.utime(file, (at + 10, at + 10))
    assert show(office, p.run).gone is None
    write_notebook(file, "x = 1", "%%agent letters2\nx", "# %%agent letters")
    os.utime(file, (at - 10, at - 10))
    assert show(office, p.run).gone is None  # it was saved before the run began: its cell may not be saved yet
    os.utime(file, (at + 20, at + 20))
    row = show(office, p.run)
    assert (row.state, row.gone) == ("orphaned", "cell")
    file.write_text("no notebook")
    os.utime(file, (at + 30, at + 30))
    assert show(office, p.run).gone is None
    file.unlink()
    row = show(office, p.run)
    assert (row.state, row.gone) == ("orphaned", "notebook")


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        ("%%agent --restart letters", None),
        ("\n%%agent --key 'a b' letters --wait 5", None),
        ("%%agent --key letters other", "cell"),
        ("%%agent letters --unknown", None),  # it is not known which agent the user means
        ("%%agents letters", "cell"),
    ],
)
def test_the_name_of_an_agent_is_read_as_its_cell_reads_it(
    office: Office, notebook: str, line: str, gone: str | None
) -> None:
    (p,) = office.propose("Dear Ann", notebook=notebook)
    write_notebook(Path(notebook), f"{line}\nx = 1")
    at = p.created_at.timestamp()
    os.utime(notebook, (at + 10, at + 10))
    assert show(office, p.run).gone == gone


def test_an_agent_that_is_a_function_of_the_notebook_is_there(office: Office, notebook: str) -> None:
    (p,) = office.propose("Dear Ann", notebook=notebook, agent="helper")
    at = p.created_at.timestamp()
    os.utime(notebook, (at + 10, at + 10))
    assert show(office, p.run).gone is None


def test_runs_are_found_by_state_words_and_time(office: Office, notebook: str) -> None:
    (waits,) = office.propose("Dear Ann", notebook=notebook)
    claim = begin(office, notebook, "broken")
    office.ledger.runs.fail(claim, None, "KeyError: 'mass'")

    def find(**wanted: Any) -> list[str]:
        return [row.id for row in list_runs(office.make_request("bo", query=bodies.RunQuery(**wanted))).runs]

    assert find() == [claim.run, waits.run]
    assert find(state="waiting") == [waits.run]
    assert find(search="keyerror N.IPYNB") == [claim.run]
    assert find(search="ada") == [claim.run, waits.run]
    assert find(path=notebook, agent="letters", key="") == [waits.run]
    assert find(path=notebook, key="x") == find(path="other.ipynb") == []
    assert find(since=office.ledger.runs.load(claim.run).updated_at) == [claim.run]


def test_the_counts_of_the_views(office: Office) -> None:
    office.ask(terms("1 of bo"), terms("1 of bo, cy"))
    (decided,) = office.propose("Dear Ann", agent="decided")
    office.decide("cy", decided)
    office.ask(Terms(rules=("small",)), agent="other", verdict="pass")
    office.propose("Dear Bo", agent="plain")

    def counts(user: str, **wanted: Any) -> tuple[int, ...]:
        said = count_proposals(office.make_request(user, query=bodies.CountQuery(**wanted)))
        return said.mine, said.waiting, said.others, said.passed, said.decided_by_me, said.runs

    assert counts("bo") == (3, 3, 0, 1, 0, 0)
    assert counts("cy") == (2, 3, 1, 1, 1, 0)
    later = datetime.fromisoformat("2999-01-01T00:00:00+00:00")
    assert counts("cy", since=later) == (2, 3, 1, 0, 0, 0)
    # The counts follow what is decided after they were read once.
    (more,) = office.propose("Dear Cy", agent="later")
    office.decide("cy", more)
    office.ask(Terms(rules=("small",)), Terms(rules=("small",)), agent="more", verdict="pass")
    assert counts("cy") == (2, 3, 1, 3, 2, 0)


def test_counting_again_reads_no_proposal(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for p in office.propose("a", "b", "c"):
        office.decide("cy", p)
    office.propose("Dear Bo", agent="plain")
    request = office.make_request("cy", query=bodies.CountQuery())
    assert count_proposals(request).decided_by_me == 3
    read: list[str] = []
    load = stored_records.load_proposal

    def note_and_load(reads: StoreReader, proposal_id: str) -> Proposal | None:
        read.append(proposal_id)
        return load(reads, proposal_id)

    monkeypatch.setattr(stored_records, "load_proposal", note_and_load)
    assert count_proposals(request).decided_by_me == 3
    assert read == []
    (p,) = office.propose("d", agent="fresh")
    office.decide("cy", p)
    assert count_proposals(request).decided_by_me == 4


def test_the_recorded_cell_is_text_and_says_whether_this_user_signed_it(office: Office, notebook: str) -> None:
    claim = begin(office, notebook)
    source = office.desk, office.make_request("bo", claim.run)
    assert runs.get_cell_source(source[1]).source is None
    cell = "# %%agent letters --key x\nprint('hi')\n"
    place = f"snapshot/{office.ledger.store_id}/{claim.run}/{claim.epoch}/1/0"
    sealed = seal(place, {"source": cell, "previous_cell": "c1"}, b"body")
    (p,) = office.ledger.runs.pause(claim, Snapshot(envelope=sealed, pause=1), [in_doubt()]).proposals
    said = runs.get_cell_source(office.make_request("bo", p.run))
    assert (said.source, said.source_signed) == ("%%agent letters --key x\nprint('hi')\n", True)
    assert said.previous_cell == "c1"
    forged = sealed.replace(b"'hi'", b"'no'")
    office.ledger.store.transact(lambda tx: tx.put(f"snapshot/{claim.run}", forged))
    said = runs.get_cell_source(office.make_request("bo", p.run))
    assert (said.source, said.source_signed) == ("%%agent letters --key x\nprint('no')\n", False)
    office.ledger.store.transact(lambda tx: tx.put(f"snapshot/{claim.run}", b"garbage"))
    assert runs.get_cell_source(office.make_request("bo", p.run)).source is None


def test_starting_over_supersedes_the_run(office: Office, notebook: str) -> None:
    (p,) = office.propose("Dear Ann", notebook=notebook)
    ledger = office.ledger
    marked = ledger.run_facts.start_over(p.run, actor="ada")
    assert (marked.status, marked.superseded, ledger.proposals.load(p.id).status) == ("cancelled", True, "superseded")
    events = ledger.audit.newest_event_number()
    assert ledger.run_facts.start_over(p.run, actor="ada") == marked
    assert ledger.audit.newest_event_number() == events
    assert show(office, p.run).state == "superseded"
    claim = begin(office, notebook)
    with pytest.raises(Exception, match=f"its newest run is {claim.run}"):
        ledger.run_facts.start_over(p.run, actor="ada")
    ledger.runs.finish(claim, STATE)
    assert ledger.run_facts.start_over(claim.run, actor="ada").status == "finished"
    assert show(office, claim.run).state == "superseded"
    assert ledger.audit.verify().ok


@pytest.fixture(scope="module")
def office_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("runs"), PEOPLE)


def test_a_held_question_waits_in_its_program_and_cannot_be_continued_elsewhere(office: Office, notebook: str) -> None:
    ledger = office.ledger
    _, claim = ledger.held.open(agent="chat", notebook=notebook, label="program")
    _, p = ledger.held.ask(claim, build_question("rm -rf build", title="Run it?"))
    assert office.show("bo", p).held
    assert (show(office, p.run).state, show(office, p.run).held, show(office, p.run).gone) == ("waiting", True, None)
    office.decide("bo", p)
    found = get_run(office.make_request("bo", p.run))
    assert (found.run.state, found.may.restart) == ("working", False)
    body = bodies.ResumeRequest(browser="b")
    with pytest.raises(HitlError, match="the agent is waiting in another window"):
        runs.grant_resume(office.make_request("bo", p.run, body))
    requester = ledger.runs.load(p.run).requesters[0]
    with pytest.raises(HitlError, match="only its program can ask again"):
        runs.restart_run(office.make_request(requester, p.run))
    kill(office, claim)
    assert show(office, p.run).state == "cancelled"


def test_requesters_and_administrators_cancel_and_start_over(office_server: Server) -> None:
    server = office_server
    ada, other = Browser(server, "ada"), Browser(server, "no-admin")

    def may(browser: Browser, run: str) -> dict[str, bool]:
        return browser.call("GET", f"runs/{run}")[1]["may"]

    (p,) = server.pause_run("Dear Ann", agent="mine")
    assert may(ada, p.run) == {"cancel": True, "restart": True}
    assert may(other, p.run) == {"cancel": False, "restart": False}
    for call in ("cancel", "restart"):
        status, said = other.call("POST", f"runs/{p.run}/{call}", {})
        assert (status, said["error"]) == (403, "NotAllowed")
    assert server.ledger.runs.load(p.run).status == "waiting"
    server.ledger.run_facts.add_requester(p.run, "no-admin")
    assert may(other, p.run) == {"cancel": True, "restart": True}
    assert other.call("POST", f"runs/{p.run}/cancel", {})[0] == 200
    assert may(other, p.run) == {"cancel": False, "restart": True}
    status, said = other.call("POST", f"runs/{p.run}/restart", {})
    assert (status, said["run"]["superseded"]) == (200, True)
    assert may(ada, p.run) == {"cancel": False, "restart": False}
    assert Browser(server, "reader").call("POST", f"runs/{p.run}/cancel", {})[0] == 403


def test_the_export_of_a_run_equals_that_of_the_command_line(office_server: Server, tmp_path: Path) -> None:
    server = office_server
    (p,) = server.pause_run("=2+2", "Dear Ann", agent="exported")[:1]
    server.pause_run("Dear Bo", agent="beside")
    server.ledger.proposals.decide(p.id, "approve", reviewer="bo", reason="=1")
    ada = Browser(server, "ada")

    def export(form: str) -> tuple[str, bytes]:
        answer = ada.session.get(f"{ada.url}/hitl_nb/api/runs/{p.run}/export?format={form}")
        assert answer.status_code == 200
        return answer.headers["Content-Type"], answer.content

    for form, more in (("jsonl", []), ("csv", ["--csv"])):
        file = tmp_path / form
        line = ["audit", "--export", str(file), "--run", p.run, *more, "--store", server.ledger.store.url]
        subprocess.run([sys.executable, "-m", "hitl_nb.cli", *line], check=True)
        assert export(form)[1] == file.read_bytes()
    kind, raw = export("jsonl")
    assert kind == "application/x-ndjson"
    events = server.ledger.audit.read_raw_events(limit=10_000)
    assert raw.splitlines() == [one for one in events if json.loads(one)["run"] == p.run]
    kind, raw = export("csv")
    assert kind.startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert [row["type"] for row in rows] == ["run.opened", "run.paused", "decision"]
    assert json.loads(rows[2]["data"])["reason"] == "=1"
    status, said = ada.call("GET", f"runs/{p.run}/verify")
    assert (status, said) == (200, {"ok": True, "events": 3, "problem": None, "differs": []})
    answer = ada.session.get(f"{ada.url}/hitl_nb/api/runs/aaaaaaaaaaaa/export?format=csv")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (404, "application/json")
    assert "Content-Disposition" not in answer.headers
    assert Browser(server, "no-audit").call("GET", f"runs/{p.run}/export")[0] == 403


def test_a_changed_record_of_the_run_is_found_and_that_of_another_run_does_not_matter(office: Office) -> None:
    (mine,) = office.propose("Dear Ann")
    (other,) = office.propose("Dear Bo", agent="other")

    def verify(run: str) -> tuple[bool, list[str]]:
        said = runs.verify_run(office.make_request("bo", run))
        return said.ok, [one.record for one in said.differs]

    store = office.ledger.store
    raw = store.get(f"proposal/{other.id}")
    assert raw is not None
    store.transact(lambda tx: tx.put(f"proposal/{other.id}", raw.replace(b"Dear Bo", b"Dear Cy")))
    assert verify(mine.run) == (True, [])
    assert verify(other.run) == (False, [f"proposal/{other.id}"])
    (place,) = (key for key, _ in store.scan("open/", "open0") if key.endswith(mine.id))
    store.transact(lambda tx: tx.delete(place))
    assert verify(mine.run) == (False, [place])
    said = runs.verify_run(office.make_request("bo", mine.run))
    assert (said.events, said.problem) == (2, said.differs[0].text)


def test_a_run_of_more_than_one_page_is_exported_whole(office: Office) -> None:
    (p,) = office.propose("Dear Ann")
    for n in range(5):
        office.ledger.comments.add(p.id, f"comment {n}", author="bo")
        office.propose("x", agent=f"beside{n}")
    audit = office.ledger.audit
    found: list[bytes] = []
    after: int | None = 0
    while after is not None:
        page, after = audit.export(p.run, after=after, limit=2)
        found += page
    assert found == audit.export(p.run)[0]
    assert [json.loads(raw)["type"] for raw in found] == ["run.opened", "run.paused", *["comment"] * 5]
    assert audit.export("unknownrunid") == ([], None)
