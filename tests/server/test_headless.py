"""A decided agent whose notebook is open nowhere: the server runs it, if it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from hitl_nb_server import Server

pytestmark = pytest.mark.slow

AGENT = """%%agent letters
print("drafting")
decision = hitl.checkpoint("Dear Ann", title="Letter")
print("SENT", decision.value)"""


def write_notebook(path: Path) -> None:
    cells = ["%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(made, path)


def test_the_server_runs_the_notebook_when_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hitl_nb

    server = Server(tmp_path, "--HitlNb.headless=True")
    try:
        path = server.folder / "letters.ipynb"
        write_notebook(path)
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))  # the server's user, and so its key
        hitl_nb.run_notebook(path, store=server.ledger.store.url)
        (p,) = server.ledger.proposals.list_open()
        server.ledger.proposals.decide(p.id, "approve", reviewer="ann")

        def go_on() -> None:
            assert server.call("POST", f"runs/{p.run}/headless", {"browser": "one"})[0] == 200

        heard = server.listen(go_on, lambda message: message.get("state") in ("finished", "failed"))
        assert heard[-1] == {**heard[-1], "type": "headless", "run": p.run, "state": "finished"}
        assert server.ledger.runs.load(p.run).status == "finished"
        shown: Any = nbformat.read(path, as_version=4).cells[1].outputs
        assert "SENT Dear Ann" in "".join(o.get("text", "") for o in shown)
    finally:
        server.close()


def test_a_server_that_may_not_says_what_is_left_to_do(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="nowhere")
    server.ledger.proposals.decide(p.id, "approve", reviewer="ann")
    status, said = server.call("POST", f"runs/{p.run}/headless", {"browser": "one"})
    assert status == 409
    assert f"hitl-nb run {p.notebook}" in said["message"]
    assert server.ledger.runs.load(p.run).status == "ready"
