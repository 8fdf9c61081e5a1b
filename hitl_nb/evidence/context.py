"""Convert the argument `context` of a question to what is stored: JSON, evidence blocks, and pictures.

JSON is stored as ever. If all values are JSON, nothing else is stored. Otherwise a text replaces each other value in
the JSON, for the command line and older programs, and all values become blocks, which are shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from hitl_nb.evidence.block_sizes import BlockBudget
from hitl_nb.evidence.json_blocks import json_block
from hitl_nb.evidence.pictures import Picture, displays_html, is_picture, take_picture
from hitl_nb.evidence.shown_values import ShownDiff, ShownImage, ShownLink, ShownMarkdown, warn_without_alt
from hitl_nb.evidence.tables import is_frame, table_of_frame
from hitl_nb.evidence.texts import clean_text, cut_text, format_cell
from hitl_nb.records import ChartBlock, DiffBlock, EvidenceBlock, ImageBlock, LinkBlock, MarkdownBlock, TableBlock
from hitl_nb.values.json_values import json_size, suggest_alternative, with_article
from hitl_nb.values.text_diff import unified_diff
from hitl_nb.values.typed_values import encode_value

MAX_PICTURES = 20
"""Maximum number of pictures in the context of one question."""
_MAX_DIFF_CHARS = 20_000
"""Maximum length of the text that replaces a difference in the JSON."""


class Evidence(NamedTuple):
    """A converted context.

    Attributes:
        context: The context as plain JSON data. A text replaces each value that is more than JSON.
        blocks: All values as blocks, in their order, if one of them is more than JSON; otherwise empty.
        blobs: The bytes of the pictures that the blocks name by their hashes.
    """

    context: Any
    blocks: tuple[EvidenceBlock, ...] = ()
    blobs: tuple[bytes, ...] = ()


class _ConvertedValue(NamedTuple):
    """A value as a block, as the text that replaces it in the JSON, and as the bytes of its picture."""

    block: EvidenceBlock
    text: str
    blob: bytes | None = None


def convert_context(context: Any) -> Evidence:
    """Convert the argument `context` of `hitl_nb.checkpoint`. Everything is converted now; no object is kept.

    Args:
        context: Markdown (str), a mapping of values, or None.

    Raises:
        TypeError: The context is something else, or a value cannot be shown. The message names the value.
        ValueError: A value is too large, or cannot be written, or there are too many pictures.
    """
    if context is not None and not isinstance(context, (str, Mapping)):
        raise TypeError(
            f'context is a {type(context).__name__}; it must be markdown (str) or a mapping, such as {{"name": value}}'
        )
    if not isinstance(context, Mapping):
        return Evidence(_encode_context(context))
    items = dict(cast("Mapping[Any, Any]", context))
    budget, pictures = BlockBudget(), 0
    shown: dict[Any, _ConvertedValue | None] = {}
    for key, value in items.items():
        one = shown[key] = _show_value(key, value)
        if one is None:
            continue
        shown[key] = one._replace(block=budget.fit(one.block))
        pictures += one.blob is not None
        if pictures > MAX_PICTURES:
            raise ValueError(
                f"context has more than {MAX_PICTURES} pictures, above the limit; show fewer, or several in one figure"
            )
    rich = {key: one for key, one in shown.items() if one is not None}
    encoded = _encode_context({key: rich[key].text if key in rich else value for key, value in items.items()})
    if not rich:
        return Evidence(encoded)
    names = cast("dict[str, Any]", encoded)  # in the order of `items`
    blocks = tuple(
        budget.fit(json_block(name, value)) if one is None else one.block
        for (name, value), one in zip(names.items(), shown.values(), strict=True)
    )
    blobs = {one.blob: None for one in rich.values() if one.blob is not None}
    return Evidence(encoded, blocks, tuple(blobs))


def _encode_context(context: Any) -> Any:
    encoded, _ = encode_value(context, "context")
    json_size(encoded, "context")
    return encoded


def _show_value(key: Any, value: Any) -> _ConvertedValue | None:
    """Return a value that is more than JSON as a block; None for a value that JSON can hold.

    Raises:
        TypeError: The value cannot be shown.
        ValueError: A picture is too large.
    """
    name, path = clean_text(format_cell(key) or ""), f"context[{key!r}]"
    match value:
        case ShownMarkdown():
            text, is_cut = cut_text(value.text)
            return _ConvertedValue(MarkdownBlock(name=name, text=text, cut=is_cut), text)
        case ShownLink():
            return _ConvertedValue(LinkBlock(name=name, url=value.url, text=value.text, host=value.host), value.url)
        case ShownDiff():
            return _show_diff(name, value)
        case ShownImage():
            return _show_picture(name, value.picture, value.alt)
        case _:
            pass
    if is_frame(value):
        return _show_table(table_of_frame(name, value))
    if is_picture(value):
        return _show_plain_picture(name, path, value)
    return _show_object(name, path, value)


def _show_table(block: TableBlock) -> _ConvertedValue:
    return _ConvertedValue(block, f"(table: {block.total_rows:,} rows, {block.total_columns:,} columns)")


def _show_diff(name: str, value: ShownDiff) -> _ConvertedValue:
    (before, cut_before), (after, cut_after) = cut_text(value.before), cut_text(value.after)
    lines = unified_diff(before.split("\n"), after.split("\n"), "before", "after")
    text, _ = cut_text("\n".join(lines), _MAX_DIFF_CHARS)
    return _ConvertedValue(DiffBlock(name=name, before=before, after=after, cut=cut_before or cut_after), text)


def _show_picture(name: str, picture: Picture, alt: str) -> _ConvertedValue:
    kind, word = (ChartBlock, "chart") if picture.is_chart else (ImageBlock, "image")
    block = kind(
        name=name,
        sha256=hashlib.sha256(picture.data).hexdigest(),
        media_type=picture.info.media_type,
        alt=alt,
        size=len(picture.data),
        width=picture.info.width,
        height=picture.info.height,
        reduced_from=picture.reduced_from,
    )
    return _ConvertedValue(block, f"({word}: {alt})" if alt else f"({word})", picture.data)


def _show_plain_picture(name: str, path: str, value: Any) -> _ConvertedValue:
    picture = take_picture(value, path)
    assert picture is not None
    warn_without_alt(path)
    return _show_picture(name, picture, "")


def _show_object(name: str, path: str, value: Any) -> _ConvertedValue | None:
    """Return an object that displays itself as a picture in notebooks; None if JSON can hold the value.

    Raises:
        TypeError: The value displays itself as HTML only.
    """
    kind = cast("type[Any]", type(value))
    displays = ("_repr_png_", "_repr_jpeg_", "_repr_svg_", "_repr_html_")
    if not any(callable(getattr(kind, method, None)) for method in displays):
        return None
    try:
        encode_value(value, path)
    except TypeError:
        picture = take_picture(value, path)
    else:
        return None
    if picture is not None:
        warn_without_alt(path)
        return _show_picture(name, picture, "")
    if not displays_html(value) or suggest_alternative(kind).startswith("use "):
        return None  # the error of the conversion to JSON says what to do
    raise TypeError(
        f"{path} is {with_article(kind.__name__)}, which shows itself as HTML only. Reviewers are shown no HTML; "
        "use hitl.image(...) with a picture of it, hitl.markdown(...), a DataFrame, or its parts"
    )
