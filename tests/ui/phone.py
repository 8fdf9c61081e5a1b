"""The page of its own on a phone: how it is opened, and what a finger or the edge of the window may miss."""

from __future__ import annotations

from typing import Any

from lab import Lab

from hitl_nb.records import Proposal

PHONE = {"width": 390, "height": 844}
TARGETS = """() => [...document.querySelectorAll(
  '.jp-hitl-page :is(button, select, textarea, summary, input, [role=tab])'
)].filter(one => one.getClientRects().length > 0 && !one.closest('.jp-hitl-row, [role=grid]')).map(one => {
  const target = ['checkbox', 'radio'].includes(one.type) ? (one.labels[0] ?? one) : one;
  const { width, height } = target.getBoundingClientRect();
  return { name: one.getAttribute('aria-label') || one.textContent || one.outerHTML.slice(0, 100), width, height };
}).filter(({ width, height }) => width < 43.5 || height < 43.5)"""
"""What a finger may miss: controls of less than 44 px. Cells of a table are as wide as their columns."""


def follow(phone: Any, lab: Lab, p: Proposal) -> Any:
    """The proposal's card on its page (a locator)."""
    phone.goto(f"{lab.url}/hitl_nb/review/{p.id}?token={lab.token}")
    shown = phone.locator(".jp-hitl-page .jp-hitl-card")
    shown.get_by_role("heading", name=p.title).wait_for()
    return shown


def fits(phone: Any) -> bool:
    """Whether nothing has to be scrolled sideways, but what scrolls by itself."""
    return bool(phone.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
