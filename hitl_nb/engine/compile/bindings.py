"""Search for the names that statements bind (assign, import, define)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable


def find_bound_names(nodes: Iterable[ast.AST], *, deep: bool = True) -> set[str]:
    """Find the names to which statements give a value, by assignment, import, `def`, `class`, `for`, `with` or `match`.

    Args:
        nodes: The statements.
        deep: True: all names, also those that are bound in nested statements and function bodies. False: only names
            that the given statements bind themselves.

    Returns:
        The names. `from m import *` counts as the public names of `m` if `m` is imported already; otherwise it adds
        none.
    """
    found: set[str] = set()
    for root in nodes:
        for node in ast.walk(root) if deep else [root]:
            match node:
                case ast.Name(id=name, ctx=ast.Store()) if deep:
                    found.add(name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
                case ast.ImportFrom(module=str(module), names=[ast.alias(name="*")]):
                    imported = sys.modules.get(module)
                    found |= {
                        n for n in getattr(imported, "__all__", vars(imported) if imported else ()) if n[0] != "_"
                    }
                case ast.Import(names=names) | ast.ImportFrom(names=names):
                    found |= {a.asname or a.name.split(".")[0] for a in names}
                case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)) if (
                    deep
                ):
                    found.add(name)
                case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.For() | ast.With() | ast.NamedExpr() if (
                    not deep
                ):
                    own = [n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.stmt)]
                    found |= {
                        n.id
                        for o in own
                        for n in ast.walk(o)
                        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                    }
                case _:
                    pass
    return found
