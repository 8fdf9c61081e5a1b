"""Links from annotations to public names.

The package's names are defined in inner modules (`hitl_nb.review.decision.Decision`) and documented where users import
them (`hitl_nb.Decision`).
"""

from __future__ import annotations

from typing import Any


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """The link to a public name, for a reference to the place where it is defined."""
    import hitl_nb

    name = node.get("reftarget", "").rsplit(".", 1)[-1]
    if node.get("refdomain") != "py" or name not in hitl_nb.__all__:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], f"hitl_nb.{name}", node, content)
