"""One server a module; `hitl_nb_server.Server` makes more of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hitl_nb_server import Server
from office import Office

from hitl_nb import settings
from hitl_nb.ledger.rows import requesters


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server"))
    yield started
    started.close()


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A server's desk in this process. The user of the operating system is ada."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    for name in (settings.SERVER_KEY.name, settings.SERVER_LOGINS.name):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(requesters, "os_user", lambda: "ada")
    return Office()
