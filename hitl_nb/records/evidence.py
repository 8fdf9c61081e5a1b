"""Evidence blocks: what the reviewer of a question is shown beside the proposed value.

A block is one value of the argument `context`, in the form in which it is shown. It is plain data, so that nothing of
the agent's code is executed when people look at it. Pictures are stored by their hash, and a block has only the hash.
"""

from __future__ import annotations

from typing import Any

from hitl_nb.records.base import Record


class FactBlock(Record, frozen=True, kw_only=True, tag_field="type", tag="fact"):
    """A short value with its name.

    Attributes:
        value: The value as text; None: there is no value.
    """

    name: str
    value: str | None


class LinkBlock(Record, frozen=True, kw_only=True, tag_field="type", tag="link"):
    """A link to a page.

    Attributes:
        url: The address; it begins with "http://" or "https://".
        text: The text of the link.
        host: Name of the host, which is shown beside the text.
    """

    name: str
    url: str
    text: str
    host: str


class MarkdownBlock(Record, frozen=True, kw_only=True, tag_field="type", tag="markdown"):
    """A Markdown text. `cut` is true if only the beginning of the text is kept."""

    name: str
    text: str
    cut: bool = False


class EvidenceColumn(Record, frozen=True, kw_only=True):
    """A column of a table. `numeric` is true if its cells are numbers, which are aligned on the right."""

    name: str
    numeric: bool = False


class TableBlock(Record, frozen=True, kw_only=True, tag_field="type", tag="table"):
    """A table, or the beginning of it.

    Attributes:
        columns: The columns that are kept.
        rows: The rows that are kept; each has one text per column, or None for a missing value.
        total_rows, total_columns: Size of the whole table.
    """

    name: str
    columns: tuple[EvidenceColumn, ...]
    rows: tuple[tuple[str | None, ...], ...]
    total_rows: int
    total_columns: int


class ImageBlock(Record, frozen=True, kw_only=True, tag_field="type", tag="image"):
    """A picture, which is stored by its hash.

    Attributes:
        sha256: SHA-256 (hex) of the picture's bytes.
        media_type: Type of the bytes: "image/png", "image/jpeg", "image/webp" or "image/svg+xml".
        alt: Description of the picture for people who cannot see it. "": the author gave none.
        size: Number of bytes.
        width, height: Size in pixels; 0: unknown.
        reduced_from: Size of the original in pixels, if it was larger: "8000 x 6000". "": it is the original.
    """

    name: str
    sha256: str
    media_type: str
    alt: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    reduced_from: str = ""


class ChartBlock(ImageBlock, frozen=True, kw_only=True, tag_field="type", tag="chart"):
    """A chart, as a picture that was made when the question was asked. The attributes are those of an image."""


class DiffBlock(Record, frozen=True, kw_only=True, tag_field="type", tag="diff"):
    """Two versions of a text, whose differences are shown. `cut` is true if only the beginnings are kept."""

    name: str
    before: str
    after: str
    cut: bool = False


class TreeBlock(Record, frozen=True, kw_only=True, tag_field="type", tag="tree"):
    """Plain JSON data that can be unfolded. `cut` is true if only the first parts are kept.

    Integers that JavaScript cannot hold exactly are texts.
    """

    name: str
    value: Any
    cut: bool = False


EvidenceBlock = FactBlock | LinkBlock | MarkdownBlock | TableBlock | ImageBlock | ChartBlock | DiffBlock | TreeBlock
