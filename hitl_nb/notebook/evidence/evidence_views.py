"""Evidence in the panel, with core controls of ipywidgets: HTML whose texts are escaped, and pictures."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hitl_nb.errors import StoreError
from hitl_nb.evidence.json_blocks import list_blocks
from hitl_nb.evidence.picture_formats import MEDIA_TYPES, SVG
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import FactBlock, ImageBlock, LinkBlock, Proposal
from hitl_nb.review.card.evidence_html import (
    block_html,
    describe_picture,
    facts_html,
    name_html,
    picture_html,
    unreadable_picture_html,
)

ui: Any = import_module("ipywidgets")  # it has no types

MakeHtmlView = Callable[[str], Any]
"""Function that makes an empty view for HTML, from its tooltip."""


def make_evidence_views(ledger: Ledger, proposal: Proposal, make_view: MakeHtmlView) -> list[Any]:
    """Make the controls with everything that a proposal's context shows. The list is empty if there is no context.

    Args:
        ledger: Ledger with the pictures.
        proposal: The proposal.
        make_view: Makes an empty view for HTML.
    """

    def html(name: str, value: str) -> Any:
        view = make_view(show_hidden_characters(name))
        view.value = value
        return view

    blocks = list_blocks(proposal)
    facts = [block for block in blocks if isinstance(block, FactBlock | LinkBlock)]
    made = [html("Facts", facts_html(facts))] if facts else []
    for block in blocks:
        if isinstance(block, ImageBlock):
            made += [html(block.name, name_html(block.name)), _make_picture(ledger, proposal, block, html)]
        elif not isinstance(block, FactBlock | LinkBlock):
            made.append(html(block.name, block_html(block)))
    return made


def _make_picture(ledger: Ledger, proposal: Proposal, block: ImageBlock, html: Callable[[str, str], Any]) -> Any:
    """Make the control of a picture. An SVG is inside HTML, where it has no rights of the page."""
    try:
        media_type, data = ledger.proposals.read_picture(proposal.id, block.sha256)
    except StoreError as error:
        return html(block.name, unreadable_picture_html(block, error))
    if media_type == SVG or media_type not in MEDIA_TYPES:
        return html(block.name, picture_html(block, media_type, data) or describe_picture(block))
    made = ui.Image(value=data, format=media_type.partition("/")[2], layout={"max_width": "100%"})
    made.alt = show_hidden_characters(block.alt or block.name)
    return made
