"""`labels()`: facts about a run, such as its model and prompt, for policies and comparisons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from hitl_nb.engine.current_session import require_session

_MAX_LABEL_CHARS = 100
"""Maximum number of characters of a text that is recorded unchanged."""


def labels(**labels: str | int | float | bool) -> None:
    """Record facts about the run, durably: for example the model, the prompt and the version.

    Policies read them as `labels.model`. A label that is given again gets the new value; the other labels are kept.

    Args:
        **labels: Names and values. A text of more than 100 characters, or of several lines, is recorded as "sha256:"
            and its SHA-256 (hex).

    Raises:
        NotInAgent: There is no run.
        TypeError: A value is neither text nor a number nor a bool.
        ValueError: A name is no identifier, or there are more than 50 labels.
    """
    session = require_session("labels()")
    session.record_labels(check_labels(labels))


def check_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """Return labels in the form in which they are recorded: name -> text.

    A text that is long or has several lines is replaced by "sha256:" and its SHA-256 (hex).

    Raises:
        TypeError: A value is neither text nor a number nor a bool.
        ValueError: A name is no identifier, or has more than 100 characters.
    """
    for name in labels:
        if not name.isidentifier() or len(name) > _MAX_LABEL_CHARS:
            raise ValueError(f"the name of a label must be an identifier, for policies to name it, not {name[:120]!r}")
    return {name: _format_value(name, value) for name, value in labels.items()}


def _format_value(name: str, value: object) -> str:
    if isinstance(value, str):
        if len(value) <= _MAX_LABEL_CHARS and value.isprintable():
            return str(value)
        return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise TypeError(f"the label {name} must be a text, a number or a bool, not {type(value).__name__}")
