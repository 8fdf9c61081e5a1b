"""Layout of a draft as a CRDT document; the same in Python (pycrdt) and in browsers (Yjs).

A CRDT document consists of *shared types* (texts, maps, arrays), which several people can change at the same time.

- Kinds text, markdown and code: a shared text named "source", which JupyterLab's editors bind to (`YFile` of
  @jupyter/ydoc).
- Kind table: shared maps with the differences to the proposed table (`shared_table.py`).
- Other kinds: a shared map named "value", whose entry "v" is the value. Objects are maps. Arrays are arrays of maps
  with one entry "v" each. Any other value is its JSON text, so that 1.0 stays 1.0.
- A choice is one JSON text at "w" of the map "value". So is a value that is too long or too deep for shared parts. Of
  two people who change such a value, the last one wins.

Typed text that is not yet a valid value is in the map "typed" at "unfinished". An edit is written as the smallest
change, so that two people who change different parts both keep their changes.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, cast

from hitl_nb import json_text as json
from hitl_nb.drafts.shared_table import SharedTable, are_equal, count_common_ends, parse_leaf, shared_map
from hitl_nb.kinds.interface import SharingForm
from hitl_nb.kinds.registry import find_kind
from hitl_nb.records import KindName, canonical_json

if TYPE_CHECKING:
    from pycrdt import Array, Doc, Map, Text

MAX_WHOLE_BYTES = 256 << 10
"""Maximum size of a value, as JSON in bytes, whose parts are shared one by one."""
MAX_LIST_ITEMS = 3000
"""Maximum length of a proposed list whose items are shared one by one; it may grow to twice as many.

pycrdt finds an item by counting, so the time grows with the square of this length.
"""
MAX_SHARED_DEPTH = 100
"""Maximum nesting of a value whose parts are shared. The shared types are nested at most twice as deep plus one."""
_ALONE = 0
"""Client id that writes the initial update, so that its bytes are the same in every process."""


def sharing_form(kind: KindName, proposed: Any) -> SharingForm:
    """Return the form in which people edit a value of this kind together: "text", "table", "parts" or "whole".

    It is the kind's own form where the value allows that. Otherwise it is "parts", or "whole" (one JSON text) if the
    value is too large or nested too deeply.
    """
    form = find_kind(kind).sharing_form
    if form == "text" and isinstance(proposed, str) and _has_whole_characters(proposed):
        return "text"
    if form == "table" and isinstance(proposed, dict):
        return "table"
    if (
        form == "whole"
        or len(canonical_json(proposed)) > MAX_WHOLE_BYTES
        or _is_deep(proposed)
        or _has_long_list(proposed, MAX_LIST_ITEMS)
    ):
        return "whole"
    return "parts"


def initial_update(kind: KindName, proposed: Any) -> bytes | None:
    """Return the first update of the document for a proposed value; None if the document starts empty.

    Every process makes the same bytes, so that the value is never inserted twice.
    """
    from pycrdt import Doc

    doc: Doc[Any] = Doc(client_id=_ALONE)
    match sharing_form(kind, proposed):
        case "text":
            if not proposed:
                return None
            text = source_text(doc)
            text += proposed
        case "parts":
            shared_map(doc, "value")["v"] = _to_shared(proposed)
        case "table" | "whole":
            return None
    return doc.get_update()


def read_value(document: Doc[Any], kind: KindName, proposed: Any) -> Any:
    """Return the document's value as JSON, or the typed text if it is not yet a valid value.

    Args:
        document: The document.
        kind: Kind of the proposed value.
        proposed: The value that the agent proposed.
    """
    if sharing_form(kind, proposed) == "text":
        return str(source_text(document))
    unfinished = shared_map(document, "typed").get("unfinished")
    if unfinished is not None:
        return unfinished
    if sharing_form(kind, proposed) == "table":
        return SharedTable(document, cast("dict[str, Any]", proposed)).read_value()
    value = shared_map(document, "value")
    if sharing_form(kind, proposed) == "whole":
        return parse_leaf(value["w"]) if "w" in value else proposed
    return _to_json_value(_read_part(value["v"]), proposed) if "v" in value else proposed


def write_value(document: Doc[Any], kind: KindName, proposed: Any, value: Any) -> None:
    """Change the document's value to `value`. Only the parts that differ are written.

    Args:
        document: The document to change.
        kind: Kind of the proposed value.
        proposed: The value that the agent proposed.
        value: The new value. A str is stored as unfinished text if this kind's values are not texts.

    Raises:
        ValueError: This kind cannot hold the value, for example a table with other columns.
    """
    with document.transaction():
        if sharing_form(kind, proposed) == "text":
            if not isinstance(value, str):
                raise ValueError(f"the draft of a text must be text, not {type(value).__name__}")
            if not _has_whole_characters(value):
                raise ValueError("the text has half of a character (a lone surrogate), so it cannot be kept as a draft")
            _write_text(source_text(document), value)
            return
        typed = shared_map(document, "typed")
        if isinstance(value, str) and not isinstance(proposed, str) and find_kind(kind).sharing_form != "whole":
            typed["unfinished"] = value
            return
        if "unfinished" in typed:
            del typed["unfinished"]
        if sharing_form(kind, proposed) == "table":
            SharedTable(document, cast("dict[str, Any]", proposed)).write_value(value)
        elif sharing_form(kind, proposed) == "whole":
            shared_map(document, "value")["w"] = json.dumps(value)
        elif _is_deep(value):
            raise ValueError(f"the draft is nested more than {MAX_SHARED_DEPTH} deep")
        elif _has_long_list(value, 2 * MAX_LIST_ITEMS):
            raise ValueError(
                f"the draft has a list of more than {2 * MAX_LIST_ITEMS} items; the proposed lists were shorter"
            )
        else:
            _set_entry(shared_map(document, "value"), "v", value)


def source_text(document: Doc[Any]) -> Text:
    """Return the document's shared text. Its indices are UTF-8 bytes."""
    from pycrdt import Text

    return document.get("source", type=Text)


# Texts


def _write_text(text: Text, value: str) -> None:
    old = str(text)
    if old == value:
        return
    start = count_common_prefix(old, value)
    end = count_common_prefix(old[start:][::-1], value[start:][::-1])
    at = len(old[:start].encode())
    gone = len(old[start : len(old) - end].encode())
    # Insert the new text before deleting the old one, so that a cursor behind the change stays behind it.
    if new := value[start : len(value) - end]:
        text.insert(at, new)
        at += len(new.encode())
    if gone:
        del text[at : at + gone]


def _has_whole_characters(text: str) -> bool:
    """Return True if a shared text can hold this text. UTF-8 has no lone surrogates (halves of a character)."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def count_common_prefix(one: str, other: str) -> int:
    """Return the number of characters at the beginning that are equal in both texts."""
    most = min(len(one), len(other))
    return next((i for i in range(most) if one[i] != other[i]), most)


# Values in parts


def _is_deep(value: Any, max_depth: int = MAX_SHARED_DEPTH) -> bool:
    """Return True if a JSON value is nested deeper than `max_depth`."""
    if isinstance(value, dict):
        return max_depth == 0 or any(_is_deep(part, max_depth - 1) for part in cast("dict[str, Any]", value).values())
    return isinstance(value, list) and (
        max_depth == 0 or any(_is_deep(part, max_depth - 1) for part in cast("list[Any]", value))
    )


def _has_long_list(value: Any, max_items: int) -> bool:
    """Return True if a JSON value has a list with more than `max_items` items. The value must not be nested deeply."""
    if isinstance(value, dict):
        return any(_has_long_list(part, max_items) for part in cast("dict[str, Any]", value).values())
    return isinstance(value, list) and (
        len(cast("list[Any]", value)) > max_items
        or any(_has_long_list(part, max_items) for part in cast("list[Any]", value))
    )


def _to_shared(value: Any) -> Any:
    """Convert a JSON value to the CRDT's shared types: objects to maps, lists to arrays, other values to JSON texts."""
    from pycrdt import Array, Map

    if isinstance(value, dict):
        return Map({key: _to_shared(part) for key, part in cast("dict[str, Any]", value).items()})
    if isinstance(value, list):
        return Array([Map({"v": _to_shared(part)}) for part in cast("list[Any]", value)])
    return json.dumps(value)


def _read_part(part: Any) -> Any:
    """Read a shared type as dicts, lists and JSON texts. Anything else is returned unchanged.

    This is faster than pycrdt's iterators, which count from the start.
    """
    from pycrdt import Array, Map

    return json.loads(str(cast("Any", part))) if isinstance(part, Array | Map) else part


def _to_json_value(part: Any, like: Any = None) -> Any:
    """Convert dicts, lists and JSON texts to a JSON value.

    Args:
        part: The result of `_read_part`.
        like: A JSON value. The keys of objects get the same order as in `like`; other keys follow, sorted.
    """
    if isinstance(part, dict):
        items = cast("dict[str, Any]", part)
        model = cast("dict[str, Any]", like) if isinstance(like, dict) else {}
        names = [*filter(items.__contains__, model), *sorted(items.keys() - model.keys(), key=_utf16_sort_key)]
        return {name: _to_json_value(items[name], model.get(name)) for name in names}
    if isinstance(part, list):
        models = cast("list[Any]", like) if isinstance(like, list) else []
        held = [cast("dict[str, Any]", box) for box in cast("list[Any]", part) if isinstance(box, dict) and "v" in box]
        return [_to_json_value(box["v"], model) for box, model in zip_longest(held, models[: len(held)])]
    return parse_leaf(part)


def _utf16_sort_key(name: str) -> bytes:
    """Return a key that sorts names as browsers do: by their UTF-16 units."""
    return name.encode("utf-16-be")


def _set_entry(at: Map[Any], key: str, value: Any) -> None:
    """Change the entry `key` of a shared map to `value`. Only the parts that differ are written."""
    from pycrdt import Array, Map

    part = at.get(key)
    if isinstance(part, Map) and isinstance(value, dict):
        items, new = cast("Map[Any]", part), cast("dict[str, Any]", value)
        for gone in [name for name, _ in items.items() if name not in new]:
            del items[gone]
        for name, item in new.items():
            _set_entry(items, name, item)
    elif isinstance(part, Array) and isinstance(value, list):
        _set_list(cast("Array[Any]", part), cast("list[Any]", value))
    elif not (isinstance(part, str) and are_equal(parse_leaf(part), value)):
        at[key] = _to_shared(value)


def _set_list(boxes: Array[Any], new: list[Any]) -> None:
    from pycrdt import Map

    old = _to_json_value(_read_part(boxes))
    start, end = count_common_ends(old, new)
    paired = min(len(old), len(new)) - start - end
    for i in range(start, start + paired):
        _set_entry(boxes[i], "v", new[i])
    at = start + paired
    for _ in range(len(old) - end - at):
        del boxes[at]
    for i in range(at, len(new) - end):
        boxes.insert(i, Map({"v": _to_shared(new[i])}))
