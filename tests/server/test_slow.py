"""What an agent makes as slow as it can does not keep a server from answering others."""

from __future__ import annotations

import threading
from typing import Any

import pytest

SLOW = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^(?=a)(a+)+$"}}}
BAD = {"name": "a" * 40 + "!"}


@pytest.mark.slow
@pytest.mark.parametrize("call", ["check", "decision"])
def test_others_are_answered_while_eight_checks_run_that_do_not_end(server: Any, call: str) -> None:
    (p,) = server.pause_run({"name": "ann"}, agent=f"slow {call}", schema=SLOW)
    (other,) = server.pause_run("Dear Ann", agent=f"other {call}")
    shown = {"revision": p.revision, "fingerprint": p.fingerprint}
    body = {"value": BAD} if call == "check" else {"action": "edit", "value": BAD, **shown}
    said: list[tuple[int, Any]] = []
    checks = [
        threading.Thread(target=lambda: said.append(server.call("POST", f"proposals/{p.id}/{call}", body)))
        for _ in range(8)
    ]
    for one in checks:
        one.start()
    decision = {"action": "approve", "revision": other.revision, "fingerprint": other.fingerprint}
    answered = [
        server.call("GET", "status")[0],
        server.call("GET", "proposals")[0],
        server.call("GET", f"proposals/{p.id}")[0],
        server.call("PUT", f"proposals/{other.id}/draft", {"value": "Dear Ann"})[0],
        server.call("POST", f"proposals/{other.id}/decision", decision)[0],
    ]
    assert answered == [200] * 5
    assert not said, "the others waited for a check"
    for one in checks:
        one.join()
    assert {(status, answer["error"]) for status, answer in said} == {(422, "InvalidEdit")}
    assert all("longer than" in answer["fields"][""] for _, answer in said)
    assert server.ledger.proposals.load(p.id).status == "open"


@pytest.mark.slow
def test_a_small_proposal_does_not_wait_for_eight_large_ones(server: Any) -> None:
    (large,) = server.pause_run({"rows": [{"n": i, "of": ["a", "b"]} for i in range(11_000)]}, agent="large")
    (small,) = server.pause_run("Dear Ann", agent="small")
    said: list[int] = []
    readers = [
        threading.Thread(target=lambda: said.append(server.call("GET", f"proposals/{large.id}")[0])) for _ in range(8)
    ]
    for one in readers:
        one.start()
    answered = [
        server.call("GET", f"proposals/{small.id}")[0],
        server.call("POST", f"proposals/{small.id}/check", {"value": "Dear Bob"})[0],
        server.call("PUT", f"proposals/{small.id}/draft", {"value": "Dear Bob"})[0],
    ]
    before = len(said)
    for one in readers:
        one.join()
    assert (answered, said) == ([200] * 3, [200] * 8)
    assert before < 4, f"they waited for {before} of the large ones"
