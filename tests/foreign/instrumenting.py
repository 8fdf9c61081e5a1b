"""Modules, functions of modules, and the examples of doctests, that are compiled by somebody else than Python.

The process that runs a test module imports this before anything of the standard library that may be replaced; so it
needs nothing beyond what Python itself has loaded when it starts, and takes the rest from the instrumenter at hand.
"""

from __future__ import annotations

import builtins
import gc
import sys
import types
from collections.abc import Callable, Sequence
from importlib import machinery
from tokenize import open as _open_source

CompileModule = Callable[[str, str], types.CodeType]
"""`(source, file name)` to a code object without arguments that runs the whole module as a function of its names."""

InstrumentFunction = Callable[[types.FunctionType], types.CodeType]
"""A function to code that can take the place of its own."""


def compile_natively(source: str, filename: str) -> types.CodeType:
    """What the harness itself is tried with: Python's own compiler in the instrumenter's place."""
    return compile(source, filename, "exec", dont_inherit=True)


def find_compiler(name: str) -> CompileModule:
    """The function that `module:function` names; `native` is this module's own."""
    if name == "native":
        return compile_natively
    module, _, function = name.partition(":")
    __import__(module)
    found: CompileModule = getattr(sys.modules[module], function)
    return found


def run_code(code: types.CodeType, names: dict[str, object]) -> None:
    """Run the code of a whole module over its names."""
    names.setdefault("__builtins__", vars(builtins))  # as `exec` does
    types.FunctionType(code, names, "<module>")()


class Loader(machinery.SourceFileLoader):
    """Loads a module from its source, never from bytecode that Python has kept."""

    compile_module: CompileModule

    def exec_module(self, module: types.ModuleType) -> None:
        path = self.get_filename(module.__name__)
        with _open_source(path) as file:
            source = file.read()
        run_code(self.compile_module(source, path), module.__dict__)


class MarkingLoader(machinery.SourceFileLoader):
    """Loads a module as Python does, and gives each of its functions the code that `@hitl.agent` gives to one."""

    instrument: InstrumentFunction

    def exec_module(self, module: types.ModuleType) -> None:
        super().exec_module(module)
        for function in functions_of(module):
            function.__code__ = self.instrument(function)


def functions_of(module: types.ModuleType) -> list[types.FunctionType]:
    """All functions that a module's file has defined by now: methods, properties and closures among them."""
    return [
        function
        for function in gc.get_objects()
        if type(function) is types.FunctionType
        and function.__globals__ is module.__dict__
        and function.__code__.co_filename == module.__file__
    ]


class Finder:
    """Finds the named modules, and what is inside those that are packages, where Python finds them.

    Args:
        instrument: what each function of a module is given to, when it is loaded; None: whole modules are compiled.
    """

    def __init__(
        self, names: Sequence[str], compile_module: CompileModule, instrument: InstrumentFunction | None = None
    ) -> None:
        self.names = tuple(names)
        self.compile_module, self.instrument = compile_module, instrument
        self.loaded: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> machinery.ModuleSpec | None:
        if name not in self.names and not name.startswith(tuple(f"{package}." for package in self.names)):
            return None
        spec = machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, machinery.SourceFileLoader) or spec.origin is None:
            return None
        loader: Loader | MarkingLoader
        if self.instrument is not None and not name.startswith("test."):
            loader = MarkingLoader(name, spec.origin)
            loader.instrument = self.instrument
        else:
            loader = Loader(name, spec.origin)
            loader.compile_module = self.compile_module
        spec.loader = loader
        self.loaded.append(name)
        return spec


def instrument_doctests(
    compile_module: CompileModule, run: Callable[[types.CodeType, dict[str, object]], None] = run_code
) -> None:
    """Let `doctest` run the examples that it finds through `compile_module`, each by `run`.

    An example is a line typed at the prompt: Python compiles it first, so that a SyntaxError is Python's own, and each
    expression that the prompt would show is given to `sys.displayhook` by name.
    """
    import ast
    import doctest

    def list_displayed(source: str) -> list[ast.Expr]:
        """The expression statements that the prompt shows: at the top, and in the blocks of one compound statement."""
        found: list[ast.Expr] = []
        blocks: list[ast.AST] = list(ast.parse(source, mode="single").body)
        while blocks:
            node = blocks.pop()
            if isinstance(node, ast.Expr):
                found.append(node)
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                kinds = (ast.stmt, ast.ExceptHandler, ast.match_case)
                blocks += [part for part in ast.iter_child_nodes(node) if isinstance(part, kinds)]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset), reverse=True)

    def compile_example(
        source: str, filename: str, mode: str, flags: int = 0, dont_inherit: bool = True
    ) -> types.CodeType:
        native = compile(source, filename, mode, flags, dont_inherit)
        if mode != "single" or flags:
            return native
        lines = source.encode().splitlines(keepends=True)
        for node in list_displayed(source):
            assert node.end_lineno is not None
            last, first = lines[node.end_lineno - 1], node.lineno - 1
            lines[node.end_lineno - 1] = last[: node.end_col_offset] + b"))" + last[node.end_col_offset :]
            lines[first] = lines[first][: node.col_offset] + b"__shown__((" + lines[first][node.col_offset :]
        return compile_module(b"".join(lines).decode(), filename)

    def run_example(code: types.CodeType, names: dict[str, object]) -> None:
        names["__shown__"] = sys.displayhook
        try:
            run(code, names)
        finally:
            names.pop("__shown__", None)

    vars(doctest).update(compile=compile_example, exec=run_example)
