"""axe-core, which the extension's own tests install: what it finds wrong with a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
