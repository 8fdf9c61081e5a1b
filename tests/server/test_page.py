"""The page of its own: who gets it, what it may do, and that it has what it loads."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from http.client import HTTPMessage
from typing import Any

import pytest

from hitl_nb.server.standalone_page import STATIC_FOLDER

built = pytest.mark.skipif(not (STATIC_FOLDER / "page.js").is_file(), reason="the page is not built: npm run build")


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def get(server: Any, path: str, *, token: bool = True) -> tuple[int, HTTPMessage, str]:
    headers = {"Authorization": f"token {server.token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/hitl_nb/{path}", headers=headers)
    try:
        with urllib.request.build_opener(Stay).open(request) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


@built
def test_the_page_names_its_proposal_and_lets_in_no_script_but_its_own(server: Any) -> None:
    status, headers, text = get(server, "review/abc-DEF_1")
    assert status == 200
    assert 'data-base="/" data-id="abc-DEF_1" data-of="proposal"' in text
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    nonce = re.findall(r'data-nonce="([\w-]{22})"', text)[0]
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "data:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "frame-ancestors": "'none'",
        "form-action": "'none'",
        "base-uri": "'none'",
    }
    assert nonce not in get(server, "review/abc-DEF_1")[2]
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert any(cookie.startswith("_xsrf=") for cookie in headers.get_all("Set-Cookie", []))
    assert re.findall(r"<script[^>]*>(.*?)</script>", text) == [""]


def test_vector_36_a_link_that_is_looked_at_decides_nothing(server: Any) -> None:
    """A scanner of emails follows the link, with or without being logged in; then the person decides, twice."""
    (p,) = server.pause_run("Dear Ann")
    head = server.ledger.audit.newest_event_number()
    for token in (False, True, True):
        get(server, f"review/{p.id}", token=token)
        assert server.call("GET", f"proposals/{p.id}")[1]["status"] == "open"
        assert server.call("GET", f"proposals/{p.id}/decision")[0] in (404, 405)
    assert server.ledger.audit.newest_event_number() == head
    decision = {"action": "approve", "revision": p.revision, "fingerprint": p.fingerprint}
    status, said = server.call("POST", f"proposals/{p.id}/decision", decision)
    assert (status, said["proposal"]["status"]) == (200, "decided")
    status, said = server.call("POST", f"proposals/{p.id}/decision", decision)
    assert (status, said["error"]) == (409, "AlreadyDecided")
    assert [event.type for event in server.ledger.audit.read_events(after=head)] == ["decision"]


def test_somebody_unknown_is_sent_to_the_login(server: Any) -> None:
    status, headers, _ = get(server, "review/abc", token=False)
    assert (status, headers["Location"]) == (302, "/login?next=%2Fhitl_nb%2Freview%2Fabc")
    assert get(server, "static/page.js", token=False)[0] == 302


@built
def test_a_workspace_has_a_page_of_the_same_kind(server: Any) -> None:
    status, headers, text = get(server, "workspace/abc-DEF_1")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert 'data-id="abc-DEF_1" data-of="workspace"' in text
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert get(server, "workspace/abc", token=False)[1]["Location"] == "/login?next=%2Fhitl_nb%2Fworkspace%2Fabc"


@pytest.mark.parametrize("path", ["workspace/a.b", "review/a.b", "review/%22%3E", "review/" + "a" * 65, "review/a/b"])
def test_what_is_no_id_is_no_page(server: Any, path: str) -> None:
    status, _, text = get(server, path)
    assert status == 404
    assert "hitl-page" not in text


@built
def test_what_the_page_loads_is_there(server: Any) -> None:
    text = get(server, "review/abc")[2]
    loaded = re.findall(r'(?:src|href)="/hitl_nb/(static/[^"]+)"', text)
    assert sorted(loaded) == ["static/page.css", "static/page.js"]
    for path in loaded:
        status, headers, _ = get(server, path)
        assert (status, headers["Cache-Control"]) == (200, "no-cache")
    chunk = next(STATIC_FOLDER.glob("*.chunk.js")).name
    status, headers, _ = get(server, f"static/{chunk}")
    assert status == 200, chunk
    assert "immutable" in headers["Cache-Control"]


def test_nothing_outside_of_the_folder_is_served(server: Any) -> None:
    for path in ("static/../page.py", "static/%2e%2e/page.py", "static//etc/passwd", "static/nothing.js"):
        assert get(server, path)[0] in (403, 404)
