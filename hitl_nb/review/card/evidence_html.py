"""HTML of evidence: facts and tables, texts, and pictures inside the HTML. Everything is escaped; nothing is loaded.

Pictures are `data:` addresses of `img`, in which browsers execute nothing of an SVG.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape

from hitl_nb import json_text as json
from hitl_nb.errors import StoreError
from hitl_nb.evidence.json_blocks import list_blocks
from hitl_nb.evidence.picture_formats import MEDIA_TYPES
from hitl_nb.kinds.changes.paths import format_json, json_changes
from hitl_nb.kinds.changes.words import code_changes, text_changes
from hitl_nb.kinds.html import CELL_STYLE, escape_html, labelled_html, table_html, text_html
from hitl_nb.records import (
    DiffBlock,
    EvidenceBlock,
    FactBlock,
    ImageBlock,
    LinkBlock,
    MarkdownBlock,
    Proposal,
    TableBlock,
    TreeBlock,
)
from hitl_nb.review.card.changes_html import changes_html

ReadPicture = Callable[[str, str], tuple[str, bytes]]
"""Function that returns media type and bytes of a picture, from the ids of proposal and picture (its hash)."""

MAX_ROWS, MAX_COLUMNS = 50, 20
"""Maximum number of rows and columns of a table in the HTML. The HTML then gives the size of the whole table."""
MAX_OPEN_BYTES, MAX_CLOSED_BYTES = 1_000_000, 200_000
"""Maximum size of all pictures of an output in its HTML, in bytes, and of those of its closed proposals.

Outputs are stored in the notebook, and with the run. Pictures above that are replaced by their descriptions.
"""
_NUMBER_STYLE = CELL_STYLE.replace("text-align: left", "text-align: right")


class PictureBudget:
    """How many bytes of pictures the rest of an output may have. The proposals of an output share it."""

    def __init__(self) -> None:
        self._left = MAX_OPEN_BYTES
        self._left_for_closed = MAX_CLOSED_BYTES

    def take(self, size: int, *, is_open: bool) -> bool:
        """Take the bytes of a picture of an open or closed proposal. Return False if they are too many."""
        if size > (self._left if is_open else min(self._left, self._left_for_closed)):
            return False
        self._left -= size
        self._left_for_closed -= 0 if is_open else size
        return True


def evidence_html(proposal: Proposal, budget: PictureBudget, read_picture: ReadPicture | None = None) -> str:
    """Return the HTML of everything that a proposal's context shows; "" if there is no context.

    Args:
        proposal: The proposal.
        budget: How many bytes of pictures the output may still have.
        read_picture: Reads a picture from the store, such as `ledger.proposals.read_picture`. None (default): pictures
            are replaced by their descriptions.
    """
    blocks = list_blocks(proposal)
    parts = [facts_html([block for block in blocks if isinstance(block, FactBlock | LinkBlock)])]
    for block in blocks:
        if isinstance(block, ImageBlock):
            fits = read_picture is not None and budget.take(block.size, is_open=proposal.status == "open")
            shown = _read_picture_html(proposal, block, read_picture) if fits and read_picture else ""
            parts.append(labelled_html(escape_html(block.name), shown or describe_picture(block)))
        else:
            parts.append(block_html(block))
    return "".join(parts)


def _read_picture_html(proposal: Proposal, block: ImageBlock, read_picture: ReadPicture) -> str:
    """Return the HTML of a picture. If it cannot be read, the HTML says so: the decided run must still continue."""
    try:
        return picture_html(block, *read_picture(proposal.id, block.sha256))
    except StoreError as error:
        return unreadable_picture_html(block, error)


def facts_html(blocks: Sequence[FactBlock | LinkBlock]) -> str:
    """Return the HTML of facts and links, as one table with a row for each; "" if there are none."""
    rows = (
        f'<tr><th style="{CELL_STYLE}">{escape_html(block.name)}</th>'
        f'<td style="{CELL_STYLE}">{_fact_html(block)}</td></tr>'
        for block in blocks
    )
    return table_html("".join(rows)) if blocks else ""


def _fact_html(block: FactBlock | LinkBlock) -> str:
    if isinstance(block, FactBlock):
        return "–" if block.value is None else escape_html(block.value)
    shown = f"{escape_html(block.text)} ({escape_html(block.host)})"
    if not block.url.lower().startswith(("http://", "https://")):
        return shown
    return f'<a href="{escape(block.url)}" rel="noopener noreferrer nofollow" target="_blank">{shown}</a>'


def block_html(block: EvidenceBlock) -> str:
    """Return the HTML of a text, a table, changes or a tree; "" for facts, links and pictures."""
    match block:
        case MarkdownBlock():
            shown, is_cut = text_html(block.text), block.cut
        case TableBlock():
            shown, is_cut = _table_html(block), False
        case DiffBlock():
            shown, is_cut = _diff_html(block), block.cut
        case TreeBlock():
            shown, is_cut = text_html(format_json(block.value)), block.cut
        case _:
            return ""
    if not block.name and not is_cut:
        return shown
    return labelled_html(f"{escape_html(block.name)}{' (cut)' if is_cut else ''}", shown)


def _diff_html(block: DiffBlock) -> str:
    """Return the HTML of changes: of texts by word, of JSON by path, and by line of JSON that is cut."""
    if not block.before.lstrip().startswith(("[", "{")):
        return changes_html(text_changes(block.before, block.after)) or "no changes"
    try:
        found = replace(json_changes(json.loads(block.before), json.loads(block.after)), rest="")
    except ValueError:
        found = code_changes(block.before, block.after)
    return changes_html(found) or "no changes"


def _table_html(block: TableBlock) -> str:
    columns = block.columns[:MAX_COLUMNS]
    styles = [_NUMBER_STYLE if column.numeric else CELL_STYLE for column in columns]
    heads = (
        f'<th style="{style}">{escape_html(column.name)}</th>' for column, style in zip(columns, styles, strict=True)
    )
    lines = [f"<tr>{''.join(heads)}</tr>"]
    for row in block.rows[:MAX_ROWS]:
        cells = (
            f'<td style="{style}">{"–" if cell is None else escape_html(cell)}</td>'
            for cell, style in zip(row[:MAX_COLUMNS], styles, strict=True)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    shown = len(lines) - 1
    size = (
        f"<div>{shown:,} of {block.total_rows:,} rows, {len(columns)} of {block.total_columns:,} columns</div>"
        if shown < block.total_rows or len(columns) < block.total_columns
        else ""
    )
    return table_html("".join(lines)) + size


def picture_html(block: ImageBlock, media_type: str, data: bytes) -> str:
    """Return the HTML of a picture, inside which its bytes are; "" for a media type that is not drawn.

    Args:
        block: The block of the picture.
        media_type: Type of the bytes.
        data: The bytes.
    """
    if media_type not in MEDIA_TYPES:
        return ""
    address = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    alt = escape_html(block.alt or block.name)
    return f'<img src="{address}" alt="{alt}" style="display: block; max-width: 100%; background: #fff;">'


def name_html(name: str) -> str:
    """Return the HTML of the name of a block."""
    return labelled_html(escape_html(name), "")


def unreadable_picture_html(block: ImageBlock, error: StoreError) -> str:
    """Return HTML that says that a picture cannot be read, and why."""
    alt = f": {escape_html(block.alt)}" if block.alt else ""
    return f"(a picture, which cannot be read{alt}. {escape_html(str(error))})"


def describe_picture(block: ImageBlock) -> str:
    """Return HTML that says that a picture is not here, with its description."""
    alt = f": {escape_html(block.alt)}" if block.alt else ""
    return f"(a picture, which is not in this output{alt})"
