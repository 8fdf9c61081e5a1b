"""A client of pyright's language server that asks for renames over a whole workspace."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import unquote, urlparse


class Langserver:
    def __init__(self, script: Path, root: Path) -> None:
        self.root = root
        self.process = subprocess.Popen(
            ["node", "--max-old-space-size=6000", str(script), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
        )
        self.answers: dict[int, Queue[Any]] = {}
        self.number = 0
        self.lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        self.call(
            "initialize",
            {
                "processId": None,
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": "tree"}],
                "capabilities": {
                    "workspace": {"configuration": True, "workspaceFolders": True, "workspaceEdit": {"documentChanges": True}},
                    "textDocument": {"rename": {"prepareSupport": True}},
                },
                "initializationOptions": {},
            },
        )
        self.notify("initialized", {})
        self.notify("workspace/didChangeConfiguration", {"settings": {}})

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        with self.lock:
            self.process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while True:
            length = 0
            while (line := stream.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                for queue in self.answers.values():
                    queue.put({"error": {"message": "the language server ended"}})
                return
            message = json.loads(stream.read(length))
            if "method" in message and "id" in message:
                self._write({"id": message["id"], "result": self._settings(message)})
            elif "id" in message:
                self.answers[message["id"]].put(message)

    def _settings(self, message: dict[str, Any]) -> Any:
        if message["method"] != "workspace/configuration":
            return None
        analysis = {"diagnosticMode": "openFilesOnly", "typeCheckingMode": "off", "autoSearchPaths": False, "indexing": False}
        sections = {"python": {"analysis": analysis, "pythonPath": str(self.root / ".venv/bin/python")}, "python.analysis": analysis}
        return [sections.get(item.get("section"), {}) for item in message["params"]["items"]]

    def send(self, method: str, params: dict[str, Any]) -> int:
        self.number += 1
        number = self.number
        self.answers[number] = Queue()
        self._write({"id": number, "method": method, "params": params})
        return number

    def wait(self, number: int, timeout: float = 900) -> Any:
        message = self.answers[number].get(timeout=timeout)
        del self.answers[number]
        if "error" in message:
            raise RuntimeError(message["error"].get("message", "?"))
        return message.get("result")

    def call(self, method: str, params: dict[str, Any]) -> Any:
        return self.wait(self.send(method, params))

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self._write({"method": method, "params": params})

    def path_of(self, uri: str) -> str:
        return Path(unquote(urlparse(uri).path)).relative_to(self.root).as_posix()

    def rename(self, file: str, line: int, column: int, new: str) -> list[tuple[str, int, int, int, str]]:
        """Edits (file, line, start, end, text) in UTF-16 columns."""
        found = self.call(
            "textDocument/rename",
            {"textDocument": {"uri": (self.root / file).as_uri()}, "position": {"line": line, "character": column}, "newName": new},
        )
        if not found:
            return []
        edits = []
        changes = [(uri, many) for uri, many in (found.get("changes") or {}).items()]
        changes += [(one["textDocument"]["uri"], one["edits"]) for one in found.get("documentChanges") or [] if "textDocument" in one]
        for uri, many in changes:
            for one in many:
                start, end = one["range"]["start"], one["range"]["end"]
                assert start["line"] == end["line"], one
                edits.append((self.path_of(uri), start["line"], start["character"], end["character"], one["newText"]))
        return edits

    def define(self, places: list[tuple[str, int, int]], batch: int = 40) -> list[list[tuple[str, int, int]]]:
        """Where the names at these places are defined."""
        answers: list[list[tuple[str, int, int]]] = []
        started = time.time()
        for first in range(0, len(places), batch):
            numbers = [
                self.send(
                    "textDocument/definition",
                    {"textDocument": {"uri": (self.root / file).as_uri()}, "position": {"line": line, "character": column}},
                )
                for file, line, column in places[first : first + batch]
            ]
            for number in numbers:
                found = self.wait(number) or []
                if isinstance(found, dict):
                    found = [found]
                one: list[tuple[str, int, int]] = []
                for location in found:
                    uri = location.get("uri") or location["targetUri"]
                    start = (location.get("range") or location["targetSelectionRange"])["start"]
                    path = Path(unquote(urlparse(uri).path))
                    name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
                    one.append((name, start["line"], start["character"]))
                answers.append(one)
            if first % 400 < batch and first:
                print(f"    {first} of {len(places)} after {time.time() - started:.0f} s ({places[first][0]})", flush=True)
        return answers

    def hover(self, file: str, line: int, column: int) -> str:
        found = self.call(
            "textDocument/hover", {"textDocument": {"uri": (self.root / file).as_uri()}, "position": {"line": line, "character": column}}
        )
        if not found:
            return ""
        contents = found["contents"]
        return contents["value"] if isinstance(contents, dict) else str(contents)

    def close(self) -> None:
        try:
            self.call("shutdown", {})
            self.notify("exit", {})
        except (RuntimeError, OSError):
            pass
        self.process.kill()
