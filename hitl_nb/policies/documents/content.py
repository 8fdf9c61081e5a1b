"""Check of a policy document's raw content, before its keys are read.

The content must be plain tables, lists and single values. It must not contain secrets, such as a URL with a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from hitl_nb.errors import PolicyError

MAX_LEVELS = 20
"""Deepest accepted nesting of tables and lists in a document. The grammar needs four levels."""
_MAX_BITS = 63
_SURROGATE = re.compile("[\ud800-\udfff]")
_CREDENTIALS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#*@\"']+@")


def to_plain_content(content: Any, where: str) -> Any:
    """Copy the content of a policy document as plain Python values, and check its texts, numbers and nesting.

    Mappings become dict, lists and tuples become list, and subclasses of str become str. Other values are returned
    unchanged; the code that reads them later reports a wrong type.

    Args:
        content: The content of a document.
        where: Place of the content, put at the beginning of error messages.

    Raises:
        PolicyError: The content has text that is not valid Unicode, more than `MAX_LEVELS` levels, or a whole number of
            more than 63 bits. Also for a URL with a user name or a password: that is a secret, so the message does not
            repeat it.
    """
    return _to_plain(content, where, 0)


def _to_plain(content: Any, where: str, level: int) -> Any:
    if level > MAX_LEVELS:
        raise PolicyError(
            f"{where}: it is nested more than {MAX_LEVELS} levels deep, or it holds itself; write it flat"
        )
    if isinstance(content, str):
        return _check_text(str.__str__(content), where)
    if isinstance(content, Mapping):
        table = cast("Mapping[Any, Any]", content)
        return {
            _to_plain_key(key, where): _to_plain_rules(value, where, level + 1)
            if level == 0 and key == "rule"
            else _to_plain(value, where, level + 1)
            for key, value in table.items()
        }
    if isinstance(content, (list, tuple)):
        return [_to_plain(one, where, level + 1) for one in cast("list[Any]", content)]
    if isinstance(content, int) and content.bit_length() > _MAX_BITS:
        raise PolicyError(f"{where}: it holds a whole number of more than {_MAX_BITS} bits; write a smaller one")
    if isinstance(content, date) and not isinstance(content, datetime):
        return date(content.year, content.month, content.day)
    return content


def _to_plain_key(key: Any, where: str) -> Any:
    return _check_text(str.__str__(key), where) if isinstance(key, str) else key


def _to_plain_rules(rules: Any, where: str, level: int) -> Any:
    """Convert the list of a document's rules to plain Python values.

    Args:
        rules: The list.
        where: Place of the list, for error messages. The name of the rule with the error is added.
        level: Nesting level of the list.
    """
    if not isinstance(rules, (list, tuple)):
        return _to_plain(rules, where, level)
    return [
        _to_plain(rule, f"{where}, rule {_rule_name(rule, n)}", level + 1)
        for n, rule in enumerate(cast("list[Any]", rules), 1)
    ]


def _rule_name(rule: Any, number: int) -> str:
    identifier: Any = cast("Mapping[Any, Any]", rule).get("id") if isinstance(rule, Mapping) else None
    return str(number) if not isinstance(identifier, str) or _SURROGATE.search(identifier) else identifier


def _check_text(text: str, where: str) -> str:
    if _SURROGATE.search(text):
        raise PolicyError(f"{where}: {text[:60]!a} has half a character (a lone surrogate); write it as Unicode text")
    if _CREDENTIALS.search(text):
        raise PolicyError(f"{where}: it holds a URL with credentials; policies are not secret, so remove them")
    return text
