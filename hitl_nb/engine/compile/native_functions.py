"""Search for functions that stay *native*: hitl_nb does not instrument them, so their frames cannot be saved.

There are three reasons: a compiler such as numba reads the function's bytecode, the function is a step (`@hitl.step`),
or it has the comment `# hitl: native`.

This module decides by the source text alone, so the result is the same in every process. Names of a notebook can add to
that (an alias of a decorator, for example); `engine.instrument.cells` looks them up.
"""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hitl_nb.engine.compile.tree.nodes import FUNCTIONS, walk

Resolve = Callable[[str], "str | None"]
"""Function that takes a name and returns the qualified name of the object that the name refers to, or None."""


@dataclass(frozen=True)
class DefinitionHead:
    """First lines of a function or class that may stay native (not instrumented): decorators, comment and `def` line.

    Attributes:
        line: Number of the first line, 1-based; the line of the first decorator if there is one.
        has_comment: True if these lines, or the line above them, have the comment `# hitl: native`.
        names: Dotted names in the decorators. Names that the source text imports are replaced by full names, for
            example `numba.njit`.
    """

    line: int
    has_comment: bool
    names: tuple[str, ...]

    def is_left_native(self, resolve: Resolve) -> bool:
        """Return whether the function or class stays native (not instrumented).

        True if it has the comment `# hitl: native`, the decorator `hitl.step`, or a decorator of a compiler such as
        numba.

        Args:
            resolve: Takes a name of the source text, and returns the qualified name of the object behind the name.
                None: not known.
        """
        return self.has_comment or any(_is_native_decorator(_resolve_name(name, resolve)) for name in self.names)


_NATIVE_COMMENT = re.compile(r"#\s*hitl:\s*native\b")
_COMMON_ALIASES = {"nb": "numba", "njit": "numba.njit", "hitl": "hitl_nb"}
_BYTECODE_READERS = re.compile(
    r"(numba|numba_\w+|triton|jax|jaxlib|taichi|cython|Cython|cupyx\.jit|torch\.compile|torch\.jit|torch\._dynamo)(\.|$)"
)
_STEP_DECORATOR = re.compile(r"hitl_nb\.([\w.]*\.)?step$")


def find_definition_heads(module: ast.Module, source: str) -> list[DefinitionHead]:
    """List the functions and classes of a source text that have a decorator or the comment `# hitl: native`.

    Only these may stay native (not instrumented). `DefinitionHead.is_left_native` decides for each of them.

    Args:
        module: The parsed source text.
        source: The source text.
    """
    if "@" not in source and not _NATIVE_COMMENT.search(source):
        return []
    nodes = walk(module)
    imported = _find_imported_names(nodes)
    lines = source.splitlines()
    found: list[DefinitionHead] = []
    for node in nodes:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            first = min([node.lineno, *(part.lineno for part in node.decorator_list)])
            is_said = any(_NATIVE_COMMENT.search(text) for text in _iterate_head_lines(lines, first, node.lineno))
            names = tuple(name for part in node.decorator_list for name in _iterate_dotted_names(part, imported))
            if is_said or names:
                found.append(DefinitionHead(first, is_said, names))
    return found


def find_left_native(heads: list[DefinitionHead], native: types.CodeType) -> dict[tuple[str, int], types.CodeType]:
    """Find the native code of the functions that are not instrumented because of a decorator or a comment.

    Args:
        heads: The result of `find_definition_heads`.
        native: Code of the same source, compiled by Python without instrumentation.

    Returns:
        (qualified name, first line) of a function -> its native code object. Functions inside such a function are not
        listed.
    """
    lines = frozenset(head.line for head in heads if head.is_left_native(_COMMON_ALIASES.get))
    return (
        {(code.co_qualname, code.co_firstlineno): code for code in _iterate_outermost_codes(native, lines)}
        if lines
        else {}
    )


def reads_bytecode(name: str) -> bool:
    """Return whether a decorator or function reads the bytecode of functions passed to it, as `numba.njit` does.

    Args:
        name: Qualified name of the decorator or function, for example `numba.njit`.
    """
    return bool(_BYTECODE_READERS.match(name))


def _is_native_decorator(name: str) -> bool:
    return reads_bytecode(name) or bool(_STEP_DECORATOR.match(name))


def _resolve_name(name: str, resolve: Resolve) -> str:
    root, dot, rest = name.partition(".")
    return (resolve(root) or root) + dot + rest


def _iterate_dotted_names(node: ast.AST, imported: Mapping[str, str]) -> Iterator[str]:
    """Yield the dotted names in an expression; imported names are replaced by full names, for example `numba.njit`."""
    for part in walk(node):
        dotted = _read_dotted_name(part)
        if dotted is not None:
            yield _resolve_name(dotted, imported.get)


def _find_imported_names(nodes: list[ast.AST]) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update((alias.asname, alias.name) for alias in node.names if alias.asname)
            roots = [alias.name.partition(".")[0] for alias in node.names if not alias.asname]
            found.update(zip(roots, roots, strict=True))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.update((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
    return found


def _read_dotted_name(node: Any) -> str | None:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else None


def _iterate_head_lines(lines: list[str], first: int, last: int) -> Iterator[str]:
    """Yield the lines in which the comment `# hitl: native` counts.

    These are the `def` line, the line above it, and the line above the decorators.

    Args:
        lines: All lines of the source text.
        first: Number of the first line of the definition (with decorators), 1-based.
        last: Number of the `def` or `class` line, 1-based.
    """
    for number in {first - 1, last - 1, last}:
        if 0 < number <= len(lines):
            yield lines[number - 1]


def _iterate_outermost_codes(code: types.CodeType, lines: frozenset[int]) -> Iterator[types.CodeType]:
    for value in code.co_consts:
        if not isinstance(value, types.CodeType):
            continue
        if value.co_firstlineno in lines and not value.co_name.startswith("<"):
            yield value
        else:
            yield from _iterate_outermost_codes(value, lines)
