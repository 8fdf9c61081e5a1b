"""The compiler of an IPython shell while the extension is loaded.

The shell keeps its compiler object; only the class of the object changes. So the state that other code uses (file
names, flags) stays the same. The compiler compiles each statement as before, and then replaces the code of the
functions in it by instrumented code.
"""

from __future__ import annotations

import ast
import sys
import types
import warnings
from typing import Any, ClassVar, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.units import FUTURE_FLAGS
from hitl_nb.engine.instrument.bytecode_readers import watch_readers
from hitl_nb.engine.instrument.cells import has_functions, instrument_cell, instrument_source
from hitl_nb.engine.instrument.existing_functions import instrument_existing, read_cell_source

_SOURCE = "_hitl_source"  # attribute of the nodes that a compiler has parsed: their source text


def install(shell: Any) -> None:
    """Make the compiler of an IPython shell instrument the functions in all cells from now on.

    Functions that earlier cells have defined are instrumented, too.

    Args:
        shell: The IPython shell.
    """
    if not isinstance(shell.compile, _InstrumentingCompiler):
        compiler: object = shell.compile
        compiler.__class__ = _make_instrumenting_class(type(compiler), shell, _running_cell(shell))
        if hasattr(shell, "compiler_class"):  # `%run other.ipynb` makes another compiler, of this class
            shell.compiler_class = _make_instrumenting_class(shell.compiler_class, shell)

    def get_local_scope(depth: int) -> Any:
        return find_local_scope(_find_frame(depth + 2))

    shell.get_local_scope = get_local_scope
    watch_readers()
    instrument_existing(shell)


def _running_cell(shell: Any) -> dict[str, str]:
    """Find the cell that calls `install` now, for example by `%load_ext hitl_nb`.

    IPython compiles the statements of a cell one by one, so the statements below `%load_ext hitl_nb` are compiled
    later. Their syntax nodes were parsed before, by the original compiler class, which did not keep the text.

    Returns:
        {file name of the cell: its text}; empty if no cell runs.
    """
    frame, name = sys._getframe(), None  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
    while frame is not None:
        if frame.f_globals is shell.user_ns:
            name = frame.f_code.co_filename
        frame = frame.f_back
    text = None if name is None else read_cell_source(shell, name)
    return {} if name is None or text is None else {name: text}


def find_local_scope(frame: types.FrameType) -> Any:
    """Return the variables of a frame that an IPython magic can read and bind.

    For a cell, that is the namespace of the notebook itself. For an instrumented function, it is a copy of its local
    variables, without the variables that the engine has added.
    """
    known = find_code(frame.f_code)
    if known is None:
        return frame.f_locals  # for an ordinary cell this is the namespace itself
    if known.function.kind == "cell":
        return frame.f_globals
    return {name: value for name, value in frame.f_locals.items() if not name.startswith(".") or name == ".0"}


def _find_frame(depth: int) -> types.FrameType:
    return sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython


def uninstall(shell: Any) -> None:
    """Make the compiler of a shell compile cells without instrumentation again.

    Existing functions keep their instrumented code, which works without this.
    """
    if isinstance(shell.compile, _InstrumentingCompiler):
        compiler: object = shell.compile
        compiler.__class__ = _find_original_class(type(compiler))
        if hasattr(shell, "compiler_class"):
            shell.compiler_class = _find_original_class(shell.compiler_class)
        shell.__dict__.pop("get_local_scope", None)


def _make_instrumenting_class(kind: type, shell: Any, started_cells: dict[str, str] | None = None) -> type:
    added = {"__module__": kind.__module__, "hitl_shell": shell, "hitl_begun": started_cells or {}}
    return type(kind.__name__, (_InstrumentingCompiler, kind), added)


def _find_original_class(kind: type) -> type:
    return (
        kind.__mro__[2] if issubclass(kind, _InstrumentingCompiler) else kind
    )  # the first two are the class itself and `_InstrumentingCompiler`


class _InstrumentingCompiler:
    """Compiler of an IPython shell that also instruments the functions of cells.

    `install` makes a class from this class and the class of the shell's compiler.

    Attributes:
        hitl_shell: The shell.
        hitl_begun: File name -> text of the cell that was running when `install` was called.
    """

    hitl_shell: Any
    hitl_begun: ClassVar[dict[str, str]]

    def ast_parse(self, source: str, *args: Any, **kwargs: Any) -> Any:
        tree = cast("Any", super()).ast_parse(source, *args, **kwargs)
        if isinstance(tree, ast.Module) and isinstance(source, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # IPython is untyped
            for node in tree.body:
                setattr(node, _SOURCE, source)
                if isinstance(node, ast.Expr):
                    setattr(node.value, _SOURCE, source)
        return tree

    def __call__(self, source: Any, filename: str, symbol: str, *args: Any, **kwargs: Any) -> types.CodeType:
        code: types.CodeType = cast("Any", super()).__call__(source, filename, symbol, *args, **kwargs)
        text = _read_source_text(source) or self.hitl_begun.get(filename)
        if text is None or not has_functions(code):
            return code
        flags = cast("Any", self).flags & FUTURE_FLAGS
        try:
            unit = instrument_source(text, filename, flags=flags)
            return code if unit is None else instrument_cell(code, unit, self.hitl_shell.user_ns)
        except Exception as error:  # noqa: BLE001  # a fault of the instrumenter's must not keep a cell from running
            warnings.warn(
                f"hitl_nb could not instrument a cell ({type(error).__name__}: {error}); its functions run as they "
                "are, and a call of theirs that asks is made again",
                RuntimeWarning,
                stacklevel=2,
            )
            return code


def _read_source_text(source: Any) -> str | None:
    """Return the source text from which syntax nodes were parsed; None if other code has made the nodes."""
    body: Any = getattr(source, "body", None)
    if isinstance(body, list):
        body = next(iter(cast("list[Any]", body)), None)
    return getattr(body, _SOURCE, None)
