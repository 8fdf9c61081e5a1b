"""Servers with people: everybody logs in by name, and what they may do is in the name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from hitl_nb_server import Server
from jupyter_server.auth import passwd

PASSWORD = "correct horse"
PEOPLE = f"""
from jupyter_server.auth import Authorizer, User
from jupyter_server.auth.identity import PasswordIdentityProvider

class People(PasswordIdentityProvider):
    "Everybody has the same password, and says who they are."
    def process_login_form(self, handler):
        known, name = super().process_login_form(handler), handler.get_argument("username", "")
        return User(username=name, display_name=name.title()) if known and name else known

class Careful(Authorizer):
    "no-decisions may not touch hitl:decisions, and so on; reader may only read; everybody else may do anything."
    def is_authorized(self, handler, user, action, resource):
        if user.username == "reader":
            return action == "read"
        return user.username != "no-" + resource.removeprefix("hitl:")

c.ServerApp.identity_provider_class = People
c.ServerApp.authorizer_class = Careful
c.PasswordIdentityProvider.hashed_password = {passwd(PASSWORD, "sha256")!r}
c.ServerApp.disable_check_xsrf = False
"""


class Browser:
    """Somebody's browser: cookies, and the XSRF token that JupyterLab sends with every call."""

    def __init__(self, server: Server, username: str = "", password: str = PASSWORD) -> None:
        self.url = f"http://127.0.0.1:{server.port}"
        self.session = requests.Session()
        self.session.get(f"{self.url}/login")
        form = {"password": password, "username": username, "_xsrf": self.xsrf}
        entered = self.session.post(f"{self.url}/login", data=form, allow_redirects=False)
        assert entered.status_code == 302, entered.text

    @property
    def xsrf(self) -> str:
        return self.session.cookies["_xsrf"]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        given = {"X-XSRFToken": self.xsrf, **headers}
        url = f"{self.url}/hitl_nb/api/{path}"
        answer = self.session.request(method, url, json=body, headers={k: v for k, v in given.items() if v})
        return answer.status_code, answer.json()

    def decide(self, p: Any, **headers: str) -> tuple[int, Any]:
        return self.call("POST", f"proposals/{p.id}/decision", approval(p), **headers)

    @property
    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)


def approval(p: Any) -> dict[str, Any]:
    return {"action": "approve", "revision": p.revision, "fingerprint": p.fingerprint}


def start_server(folder: Path, config: str, kind: type[Server] = Server) -> Iterator[Server]:
    (folder / "config").mkdir()
    (folder / "config" / "jupyter_server_config.py").write_text(config)
    server = kind(folder)
    yield server
    server.close()
