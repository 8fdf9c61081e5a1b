"""The source of one generator function of a library, as a unit of its own (a source text that the engine compiles).

The unit has only this function, at the same lines as in the library's file. Only generators that are in use while a run
is saved are compiled in this way; the library itself is not changed.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import linecache
import re
import sys
import types
from dataclasses import astuple, dataclass
from typing import Any

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.errors import HitlError


@dataclass(frozen=True)
class LibrarySource:
    """The source of one function of a module.

    Attributes:
        module: name of the module that has the function.
        filename: file of the module on the machine where the run was saved.
        line: the first line of the function in this file.
        text: source text with the function at its own lines, inside classes of the same names.
    """

    module: str
    filename: str
    line: int
    text: str


_sources_by_unit: dict[str, LibrarySource] = {}  # by unit
_units_by_source: dict[LibrarySource, Unit] = {}
_sources_by_code: dict[types.CodeType, LibrarySource | None] = {}


def find_library_source(code: types.CodeType, namespace: dict[str, Any]) -> LibrarySource | None:
    """Find the source of the outermost function around `code`.

    Args:
        code: code of a function of a library.
        namespace: globals of the function.

    Returns:
        The source, or None if the code is not a module's or its file is not found.
    """
    if code not in _sources_by_code:
        _sources_by_code[code] = _read_source(code, namespace)
    return _sources_by_code[code]


def source_of_unit(key: str) -> LibrarySource | None:
    """Return the library function's source from which a unit (a compiled source) was made; None for other units.

    Args:
        key: key of the unit.
    """
    return _sources_by_unit.get(key)


def unit_of(source: LibrarySource) -> Unit:
    """Compile the source of a library function as a unit, and return it. Later calls return the same unit."""
    unit = _units_by_source.get(source)
    if unit is None:
        unit = _units_by_source[source] = compile_unit(source.text, source.filename, is_cell=False)
        _sources_by_unit[unit.key] = source
    return unit


def load_source(fields: tuple[Any, ...]) -> LibrarySource:
    """Import the module of a saved source, and compile the source.

    Args:
        fields: the source as plain data, from `fields_of`.

    Raises:
        HitlError: The module in this process has another source text for the function.
    """
    source = LibrarySource(*fields)
    if source not in _units_by_source:
        module = importlib.import_module(source.module)
        lines = linecache.getlines(getattr(module, "__file__", None) or source.filename, vars(module))
        saved = source.text.splitlines(keepends=True)[source.line - 1 :]
        if lines[source.line - 1 : source.line - 1 + len(saved)] != saved:
            package = source.module.partition(".")[0]
            raise HitlError(
                f"the agent was in a loop over what {source.module} makes (line {source.line} of its file), and that "
                f"module is another one here; install the version of {package} with which it paused, and run it again"
            )
    unit_of(source)
    return source


def fields_of(source: LibrarySource) -> tuple[Any, ...]:
    """Return a source as a tuple of plain data, to be pickled."""
    return astuple(source)


def _read_source(code: types.CodeType, namespace: dict[str, Any]) -> LibrarySource | None:
    module = namespace.get("__name__")
    if not isinstance(module, str) or module == "__main__" or vars(sys.modules.get(module, types)) is not namespace:
        return None
    path = code.co_qualname.split(".<locals>.")[0].split(".")
    *classes, name = path
    is_frozen = code.co_filename.startswith("<frozen")
    lines = linecache.getlines(str(namespace.get("__file__")) if is_frozen else code.co_filename, namespace)
    start = _find_start_line(lines, code, name, is_nested=".<locals>." in code.co_qualname)
    if start is None:
        return None
    block = inspect.getblock(lines[start - 1 :])
    indent = len(block[0]) - len(block[0].lstrip())
    heads = [" " * i + f"class {each}:\n" for i, each in enumerate(classes)]
    if indent and not classes:
        heads = ["if 1:\n"]
    if not start <= code.co_firstlineno + 100 or indent < len(heads) - 1 or start - 2 < len(heads):
        return None
    is_future = code.co_flags & __future__.annotations.compiler_flag
    first = "from __future__ import annotations\n" if is_future else "\n"
    text = first + "\n" * (start - 2 - len(heads)) + "".join(heads) + "".join(block)
    return LibrarySource(module, code.co_filename, start, text)


def _find_start_line(lines: list[str], code: types.CodeType, name: str, *, is_nested: bool) -> int | None:
    """Return the line of the `def` of a function, 1-based; None if it is not found.

    Args:
        lines: the lines of the file.
        code: code of the function, or of a definition inside it.
        name: name of the function.
        is_nested: whether `code` is of a definition inside the function, so that the `def` is above it. Otherwise the
            `def` is below decorators.
    """
    is_start = re.compile(rf"\s*def\s+{re.escape(name)}\b").match
    first = code.co_firstlineno
    numbers = range(first, 0, -1) if is_nested else range(first, len(lines) + 1)
    return next((number for number in numbers if is_start(lines[number - 1])), None)
