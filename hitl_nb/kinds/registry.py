"""The list of all kinds. A new kind needs a module in this package with a class, and an entry in `_LISTED`.

Each front end has a table with one editor per kind: `EDITORS` in `notebook/panel/editors.py`, and in
`extension/src/components/editors/registry.tsx`. A kind without an entry in this table is edited as text. Other packages
can add kinds that are edited as text (`installed_kinds.py`).
"""

from __future__ import annotations

from typing import Any

from hitl_nb.kinds.choice import ChoiceKind
from hitl_nb.kinds.code import CodeKind
from hitl_nb.kinds.installed_kinds import KindTable
from hitl_nb.kinds.interface import Kind
from hitl_nb.kinds.json import JsonKind
from hitl_nb.kinds.markdown import MarkdownKind
from hitl_nb.kinds.plan import PlanKind
from hitl_nb.kinds.table import TableKind
from hitl_nb.kinds.text import TextKind
from hitl_nb.kinds.tool_call import ToolCallKind

DEFAULT_KIND: Kind = JsonKind()
"""The kind of a value that no other kind detects."""

_LISTED: tuple[Kind, ...] = (
    TextKind(),
    MarkdownKind(),
    CodeKind(),
    DEFAULT_KIND,
    TableKind(),
    ToolCallKind(),
    PlanKind(),
    ChoiceKind(),
)

KINDS: dict[str, Kind] = KindTable({kind.name: kind for kind in _LISTED})
"""All kinds by name, in the order in which messages list them; `in` and `[]` also find kinds of other packages."""


def find_kind(name: str) -> Kind:
    """Return the kind with this name.

    Raises:
        ValueError: No kind has this name.
        HitlError: Another package registers the kind, and it cannot be used.
    """
    try:
        return KINDS[name]
    except KeyError:
        raise ValueError(f"kind is {name!r}; accepted are {', '.join(KINDS)}") from None


def detect_kind(value: Any, options: Any) -> Kind:
    """Return the kind of a value that is proposed without `kind=`. `DEFAULT_KIND` if no kind detects the value."""
    return next((kind for kind in KINDS.values() if kind.detect(value, options)), DEFAULT_KIND)


def text_kinds() -> list[str]:
    """Return the names of the kinds whose value is a text, sorted."""
    return sorted(kind.name for kind in KINDS.values() if kind.text_format == "plain")
