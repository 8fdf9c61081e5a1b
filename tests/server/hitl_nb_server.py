"""A real Jupyter server with the extension, over a store that the test writes to."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Snapshot
from hitl_nb.server.messages.feed_messages import ChangedMessage, HeadlessMessage, HelloMessage
from hitl_nb.storage import open_store
from tests.freeport import find_free_port
from tests.server_program import SERVER_PROGRAM

_EXTENSIONS = {"hitl_nb.server": True} | dict.fromkeys(
    ["jupyter_lsp", "jupyter_server_terminals", "jupyterlab", "notebook", "notebook_shim"], False
)
"""JupyterLab takes as long to import as all else, and the browser tests have it."""


class Server:
    """A server, and its ledger as the kernels see it.

    Another one over the same folder is another server over the same store.

    Args:
        status: what its status is answered with once it is up.
    """

    def __init__(self, folder: Path, *options: str, status: int = 200) -> None:
        self.folder = folder.resolve() / "notebooks"
        self.folder.mkdir(exist_ok=True)
        self.token = secrets.token_hex(8)
        self.port = find_free_port()
        store = f"diskcache://{folder}/store"
        env = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "HITL_NB_STORE": store,
        }
        self.log = (folder / "server.log").open("ab")
        command = [
            sys.executable,
            "-c",
            SERVER_PROGRAM,
            "jupyter_server",
            "--no-browser",
            "--allow-root",
            f"--port={self.port}",
        ]
        options = (
            *options,
            f"--IdentityProvider.token={self.token}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.jpserver_extensions={_EXTENSIONS}",
        )
        self.process = subprocess.Popen(
            [*command, *options], cwd=self.folder, env=env, stdout=self.log, stderr=self.log, start_new_session=True
        )
        self.ledger = Ledger(open_store(store))
        deadline = time.monotonic() + 60
        while self.call("GET", "status")[0] != status:
            assert self.process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < deadline, (folder / "server.log").read_text()
            time.sleep(0.1)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One call: status and JSON. `body` is bytes or anything for JSON; 0 if nobody listens yet."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Authorization": f"token {self.token}", "Content-Type": "application/json", **headers}
        url = f"http://127.0.0.1:{self.port}/hitl_nb/api/{path}"
        request = urllib.request.Request(url, raw, {k: v for k, v in given.items() if v}, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            text = refused.read()
            return refused.code, json.loads(text) if text.startswith(b"{") else text
        except OSError:
            return 0, None

    def pause_run(self, *values: Any, agent: str = "letters", **asked: Any) -> list[Proposal]:
        """Proposals of a run that pauses in `letters.ipynb`."""
        notebook = str(self.folder / "letters.ipynb")
        _, claim = self.ledger.runs.open(agent=agent, notebook=notebook)
        questions = [build_question(value, title=f"Letter {i}", **asked) for i, value in enumerate(values)]
        return self.ledger.runs.pause(claim, Snapshot(envelope=b"state"), questions).proposals

    def listen(self, during: Callable[[], None], until: Callable[[dict[str, Any]], bool], **headers: str) -> list[Any]:
        """What the feed says from its hello on, while and after `during` runs, up to a message that fits `until`."""

        async def hear() -> list[Any]:
            url = f"ws://127.0.0.1:{self.port}/hitl_nb/api/feed"
            given = {"Authorization": f"token {self.token}", **headers}
            socket_ = await websocket_connect(HTTPRequest(url, headers={k: v for k, v in given.items() if v}))
            heard = [json.loads(await asyncio.wait_for(socket_.read_message(), 30) or "null")]
            await asyncio.to_thread(during)
            while not until(heard[-1]):
                heard.append(json.loads(await asyncio.wait_for(socket_.read_message(), 30) or "null"))
            socket_.close()
            return heard

        heard = asyncio.run(hear())
        for message in heard:  # is as the description of the API says
            msgspec.convert(message, type=HelloMessage | ChangedMessage | HeadlessMessage)
        return heard

    def public_key(self) -> str:
        """The key that this server signs decisions with."""
        return (self.folder.parent / "data" / "hitl_nb" / "server_key.pub").read_text().strip()

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        self.ledger.store.close()
