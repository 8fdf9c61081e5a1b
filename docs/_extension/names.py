"""Links from annotations to public names.

The package's names are defined in inner modules (`hitl_nb.review.decision.Decision`) and documented under the names
that users import (`hitl_nb.Decision`).
"""

from __future__ import annotations

from typing import Any

from _extension import code

UNLINKED = ("BuiltinGuardrail", "LiveQuestion", "Proposal", "Store")
"""Types in annotations without an entry in the API. Users only pass them on; the page explains them in words."""


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Return the link to a public name, for a reference to its place of definition."""
    if node.get("refdomain") != "py":
        return None
    name = node.get("reftarget", "").rsplit(".", 1)[-1]
    if name in UNLINKED:
        return content
    target = _documented_name(name)
    if target is None:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], target, node, content)


def _documented_name(name: str) -> str | None:
    """Return the documented name of the type that an annotation names."""
    import hitl_nb

    if name in hitl_nb.__all__:
        return f"hitl_nb.{name}"
    return next((f"{t.__module__}.{name}" for t in code.returned_types() if t.__qualname__ == name), None)
