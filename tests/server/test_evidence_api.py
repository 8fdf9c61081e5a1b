"""Evidence over HTTP: its blocks, and its pictures with headers under which browsers execute nothing of them."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

import hitl_nb as hitl
from hitl_nb.evidence.context import convert_context
from hitl_nb.kinds.questions import build_question
from hitl_nb.records import Proposal, Snapshot
from tests.evidence.pictures import SCRIPTED_SVG, png


def ask(server: Any, agent: str, **context: Any) -> Proposal:
    _, claim = server.ledger.runs.open(agent=agent, notebook=str(server.folder / "letters.ipynb"))
    shown = convert_context(context)
    question = build_question("x", title="Letter", context=shown.context, evidence=shown.blocks)
    return server.ledger.runs.pause(claim, Snapshot(envelope=b"s"), [question], blobs=shown.blobs).proposals[0]


def get(server: Any, path: str, token: str | None = None) -> tuple[int, Any, bytes]:
    url = f"http://127.0.0.1:{server.port}/hitl_nb/api/{path}"
    headers = {"Authorization": f"token {server.token if token is None else token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def test_a_picture_is_served_inert_to_those_who_may_read_the_proposal(server: Any, tmp_path: Path) -> None:
    (tmp_path / "x.svg").write_text(SCRIPTED_SVG)
    p = ask(server, "pictures", dot=hitl.image(png(), alt="A dot"), drawn=hitl.image(tmp_path / "x.svg", alt="x"))
    status, said = server.call("GET", f"proposals/{p.id}")
    assert status == 200
    assert [(block["type"], block["media_type"]) for block in said["evidence"]] == [
        ("image", "image/png"),
        ("image", "image/svg+xml"),
    ]
    for block, content in zip(said["evidence"], (png(), SCRIPTED_SVG.encode()), strict=True):
        path = f"proposals/{p.id}/evidence/{block['sha256']}"
        status, headers, data = get(server, path)
        assert (status, data) == (200, content)
        assert headers["Content-Type"] == block["media_type"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert "private" in headers["Cache-Control"]
        assert "immutable" in headers["Cache-Control"]
        assert "no-store" not in headers["Cache-Control"]
        status, headers, data = get(server, path, token="wrong")
        assert (status, headers["Cache-Control"]) == (403, "no-store")
        assert server.call("POST", path, {})[0] == 405


def test_a_proposal_gives_only_its_own_pictures(server: Any) -> None:
    p, other = (
        ask(server, "one", dot=hitl.image(png(), alt="x")),
        ask(server, "two", dot=hitl.image(png(2, 2), alt="x")),
    )
    own, foreign = (hashlib.sha256(one).hexdigest() for one in (png(), png(2, 2)))
    assert get(server, f"proposals/{p.id}/evidence/{own}")[0] == 200
    for path in (
        f"proposals/{p.id}/evidence/{foreign}",
        f"proposals/{p.id}/evidence/{'0' * 64}",
        f"proposals/{p.id}/evidence/short",
        f"proposals/{p.id}/evidence/..%2F..%2Fmeta%2Fformat",
        f"proposals/zzzzzzzzzzzz/evidence/{own}",
    ):
        status, headers, _ = get(server, path)
        assert (status, headers["Content-Type"]) == (404, "application/json")
    assert get(server, f"proposals/{other.id}/evidence/{foreign}")[0] == 200


def test_a_media_type_that_was_changed_in_the_store_is_not_served(server: Any) -> None:
    p = ask(server, "forged", dot=hitl.image(png(), alt="x"))
    forged = msgspec.structs.replace(p, evidence=(msgspec.structs.replace(p.evidence[0], media_type="text/html"),))
    server.ledger.store.transact(lambda tx: tx.put(f"proposal/{p.id}", forged.json()))
    status, headers, _ = get(server, f"proposals/{p.id}/evidence/{p.evidence[0].sha256}")
    assert (status, headers["Content-Type"]) == (500, "application/json")
    server.ledger.store.transact(lambda tx: tx.put(f"proposal/{p.id}", p.json()))


def test_a_context_of_json_is_sent_as_before_with_its_blocks_beside(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="plain", context={"who": "Ann", "lines": [{"n": 1}]})
    said = server.call("GET", f"proposals/{p.id}")[1]
    assert said["context"] == {"who": "Ann", "lines": [{"n": 1}]}
    assert [block["type"] for block in said["evidence"]] == ["fact", "table"]
    (none,) = server.pause_run("Dear Ann", agent="without")
    assert server.call("GET", f"proposals/{none.id}")[1]["evidence"] == []
