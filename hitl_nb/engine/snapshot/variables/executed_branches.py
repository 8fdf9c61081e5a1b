"""Find out which branches of an agent cell were executed.

The run has not read names that occur only in other branches.
"""

from __future__ import annotations

import ast
from types import CodeType

from hitl_nb.engine.compile import Unit
from hitl_nb.engine.compile.tree.nodes import BRANCH
from hitl_nb.engine.position.frames.frames import SavedStack


def read_run_branches(stack: SavedStack) -> set[str]:
    """Return the branches of a cell (such as the body of an `if`) that the run has executed, as paths in the code.

    The instrumented cell records each executed branch as a local variable of its frame, the outermost frame of the run.
    """
    found = stack.frames[0].locals if stack.frames else {}
    return {name.removeprefix(BRANCH) for name in found if name.startswith(BRANCH)}


def compile_run_code(unit: Unit, branches: set[str] | None) -> CodeType:
    """Compile the statements of a cell that may have been executed, to find the names that they read.

    Branches that were not executed are replaced by `pass`. Functions and the parts of an expression are kept whole.

    Args:
        unit: The cell.
        branches: The executed branches, as `read_run_branches` returns them. None: not known, so the code of the
            whole cell is returned.
    """
    if branches is None:
        return unit.native
    idle = {place for path, place in unit.get_tree().branches.items() if path not in branches}
    module = ast.parse(unit.source)
    for node in ast.walk(module):
        for block in _list_blocks(node):
            if (block[0].lineno, block[0].col_offset) in idle:
                block[:] = [ast.copy_location(ast.Pass(), block[0])]
    return compile(module, unit.filename, "exec", unit.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)


def _list_blocks(node: ast.AST) -> list[list[ast.stmt]]:
    if isinstance(node, ast.Lambda | ast.IfExp):
        return []
    found: list[list[ast.stmt]] = [getattr(node, field, []) for field in ("body", "orelse")]
    return [block for block in found if block]
