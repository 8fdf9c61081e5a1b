"""axe-core, which the extension's own tests install: what it finds wrong with a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import Page

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
"""JupyterLab's own; the first is the one that a window has at first."""

_SCRIPT = Path(__file__).parents[2] / "extension" / "node_modules" / "axe-core" / "axe.min.js"
_CHECK = """async selector => {
  const found = await axe.run({include: [selector]}, {resultTypes: ['violations']});
  return found.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${node.target.join(' ')} ${node.html.slice(0, 300)} ${node.failureSummary}`));
}"""

needs_axe = pytest.mark.skipif(not _SCRIPT.exists(), reason="no axe-core found; run `npm ci` in extension/")


def violations(window: Any, selector: str) -> list[str]:
    """What axe finds wrong with what a selector finds, a line each."""
    if not window.evaluate("() => 'axe' in window"):
        window.evaluate(_SCRIPT.read_text())
    return list(window.evaluate(_CHECK, selector))


def violations_in_themes(page: Page, selector: str, take_picture: Callable[[str], None] | None = None) -> list[str]:
    """What axe finds wrong in each theme, a line each; the window has the first theme again afterwards.

    Args:
        take_picture: called in each theme with its name, in lower case and with "-" between its words.
    """
    found: list[str] = []
    for theme in reversed(THEMES):
        page.theme(theme)
        found += [f"{theme}: {one}" for one in violations(page.page, selector)]
        if take_picture is not None:
            take_picture(theme.lower().replace(" ", "-"))
    return found
