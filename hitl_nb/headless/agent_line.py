"""Parser of the line `%%agent NAME [options]`, with which an agent cell begins."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass
from typing import Any, NoReturn

from IPython.core.error import UsageError

_NAME = re.compile(r"[\w.-]+\Z", re.ASCII)
_USAGE = "%%agent NAME [--key EXPR] [--restart] [--as-recorded] [--wait SECONDS] [--store URL]"


@dataclass
class AgentLine:
    """A parsed `%%agent` line.

    Attributes:
        name: Name of the agent.
        key: Expression of `--key`; None if it is not given.
        restart: True for `--restart`.
        as_recorded: True for `--as-recorded`.
        wait: Seconds of `--wait`; 0 if it is not given.
        store: URL of `--store`; None if it is not given.
    """

    name: str
    key: str | None
    restart: bool
    as_recorded: bool
    wait: float
    store: str | None


class _LineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%agent: {message}; usage: {_USAGE}")


def _make_parser() -> _LineParser:
    parser = _LineParser(prog="%%agent", add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--key")
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--as-recorded", action="store_true")
    parser.add_argument("--wait", type=float, default=0.0)
    parser.add_argument("--store")
    return parser


def parse_agent_line(line: str) -> AgentLine:
    """Parse the arguments after `%%agent`.

    Raises:
        UsageError: The arguments are not valid. The message is one sentence.
    """
    try:
        words = shlex.split(line, posix=False)
    except ValueError as error:
        raise UsageError(f"%%agent: {error} in {line!r}; usage: {_USAGE}") from None
    given = _make_parser().parse_args([_unquote(word) for word in words])
    if not given.name:
        raise UsageError(f"%%agent needs a NAME, unique in the notebook; usage: {_USAGE}")
    if not _NAME.match(given.name):
        raise UsageError(f"%%agent: NAME must be a word of letters, digits, '-', '_' and '.', not {given.name!r}")
    if given.restart and given.as_recorded:
        raise UsageError(
            "%%agent: --restart starts again with the new code, --as-recorded continues with the old; give only one"
        )
    if not 0 <= given.wait < float("inf"):
        raise UsageError(f"%%agent: --wait must be a number of seconds >= 0, not {given.wait}")
    return AgentLine(given.name, given.key, given.restart, given.as_recorded, given.wait, given.store)


def _unquote(word: str) -> str:
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" and word[0] not in word[1:-1]
    return word[1:-1] if quoted else word


def evaluate_key(expression: str | None, namespace: dict[str, Any]) -> str:
    """Return the value of `--key EXPR` as text; "" if there is no `--key`.

    Args:
        expression: The expression. None: no key.
        namespace: Variables of the notebook.

    Raises:
        UsageError: The expression raised an error, or its value is neither a non-empty str nor an int.
    """
    if expression is None:
        return ""
    try:
        value = eval(expression, namespace)
    except Exception as error:  # noqa: BLE001  # the user's expression may raise any exception
        raise UsageError(f"%%agent: --key {expression} raised {type(error).__name__}: {error}") from None
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise UsageError(f"%%agent: --key must give a non-empty str or an int, and {expression} is {value!r}")
    return str(value)
