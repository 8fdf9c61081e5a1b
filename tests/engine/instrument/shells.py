"""Two IPython shells side by side: one as it is, one whose compiler instruments."""

from __future__ import annotations

import atexit
import contextlib
import io
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from hitl_nb.engine.instrument import install, uninstall

_NOISE = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x"),
    (re.compile(r"[\d.e+]+ (?:[nµμm]?s|seconds?|ms|us)\b"), "TIME"),
    (re.compile(r"<ipython-input-(\d+)-[0-9a-f]+>"), r"In[\1]"),
)


@dataclass
class Seen:
    """What a cell did, as a person sees it."""

    text: str
    result: str
    error: str
    names: list[str] = field(default_factory=list[str])


class Shell:
    """An IPython shell without a terminal, its history in memory."""

    def __init__(self, *, is_hooked: bool) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.shell: Any = InteractiveShell(config=config)
        self.is_hooked = is_hooked
        if is_hooked:
            install(self.shell)

    def close(self) -> None:
        if self.is_hooked:
            uninstall(self.shell)
        self.shell.atexit_operations()
        atexit.unregister(self.shell.atexit_operations)

    @contextlib.contextmanager
    def as_main(self) -> Iterator[None]:
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self.shell.user_module
        try:
            yield
        finally:
            sys.modules["__main__"] = before

    def run(self, cell: str) -> Seen:
        out = io.StringIO()
        with self.as_main(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            ran = self.shell.run_cell(cell, store_history=True)
        error = ran.error_before_exec or ran.error_in_exec
        return Seen(
            _clean_text(out.getvalue()),
            _clean_text(repr(ran.result)),
            _clean_text(f"{type(error).__name__}: {error}") if error is not None else "",
            sorted(str(name) for name in self.shell.user_ns),
        )

    def run_all(self, cells: list[str]) -> list[Seen]:
        """Run cells in a fresh namespace, numbered from one."""
        with self.as_main():
            self.shell.reset(new_session=False)
        self.shell.user_module.__spec__ = None  # as in a kernel: multiprocessing asks for it
        self.shell.execution_count = 1
        self.shell.compile.reset_compiler_flags()
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _show_warning  # pytest's own would keep them
            return [self.run(cell) for cell in cells]


def _show_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


def _clean_text(text: str) -> str:
    for pattern, put in _NOISE:
        text = pattern.sub(put, text)
    return text
