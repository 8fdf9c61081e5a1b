"""What a program belongs to: a cell with its namespace, or one call of an `@agent` function with its cells.

Python compiles and runs every operation; a unit knows how. In a cell an operation is module-level code over
the notebook's namespace. In a function each operation becomes a tiny function whose variables are free:

    def outer():              # never run; makes the names closed over
        total = order = None
        def refund():         # the operation
            nonlocal total
            total = total + order.amount

so the locals of a paused call are real cells, and a `lambda` or comprehension made by one operation sees what
a later one assigns, as in native code.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import CellType, CodeType, FunctionType
from typing import Any

from ..errors import HitlError
from .layout import compile_program
from .program import Op, Program

_FUTURES = 0x1FE0000
"""Mask of `from __future__` flags in `co_flags` (Include/cpython/code.h)."""


class CellUnit:
    """A cell: its tree, where its lines are, and how it is compiled."""

    name = "<module>"
    line = 1

    def __init__(self, agent: str, source: str, tree: ast.Module, filename: str, flags: int = 0) -> None:
        self.filename = filename
        self.flags = flags | _future_flags(tree)
        if tree.body:  # what is no program as a whole must not begin to run
            compile(tree, filename, "exec", self.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        self.program = compile_program(tree.body, source, prefix=agent, display=True)

    def generate(self, op: Op) -> CodeType:
        flags = self.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        if isinstance(op.nodes, list):
            tree: ast.AST = ast.fix_missing_locations(ast.Module(body=op.nodes, type_ignores=[]))
            return compile(tree, self.filename, "exec", flags, True)  # type: ignore[arg-type]  # AST is accepted
        assert op.nodes is not None
        tree = ast.fix_missing_locations(ast.Expression(body=op.nodes))
        return compile(tree, self.filename, "eval", flags, True)  # type: ignore[arg-type]  # AST is accepted

    def run(self, code: CodeType, names: Any) -> Any:
        """Run one operation's code; a coroutine if it awaits."""
        return eval(code, names.ns)


class FunctionUnit:
    """A function whose body is laid out as operations. Built once per function; calls share it."""

    def __init__(self, function: FunctionType, agent: Any, source: str | None = None) -> None:
        self.function = function
        self.agent = agent
        self.source = source or source_of(function)
        node, self.line = _definition(function, self.source)
        self.name = function.__name__
        self.filename = function.__code__.co_filename
        code = function.__code__
        self.locals = frozenset(code.co_varnames + code.co_cellvars)
        self.free = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        self.globals_ = _declared(node)
        self.owner = _class_of(function)
        body = [_InFunction(self).visit(statement) for statement in node.body]
        self.program: Program = compile_program(body, self.source, prefix=function.__qualname__)
        self.binder = _binder(function, node)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, CellType]:
        """The cells of a new call. Raises TypeError as the call itself would."""
        function = self.function
        binder = FunctionType(self.binder, function.__globals__, function.__name__, function.__defaults__)
        binder.__kwdefaults__ = function.__kwdefaults__
        return {name: CellType(value) for name, value in binder(*args, **kwargs).items()}

    def generate(self, op: Op) -> CodeType:
        nodes = op.tree()
        statements: list[ast.stmt] = (
            list(op.nodes) if isinstance(op.nodes, list) else [ast.Return(value=op.nodes)] if op.nodes else []
        )
        used = {name for node in nodes for name in _names(node)}
        everything = bool(used & {"locals", "vars", "eval", "exec", "dir"})
        seen = used | self.locals | set(self.free) if everything else used
        closed = sorted(
            name
            for name in seen
            if name.startswith(".")
            or name in self.locals
            or name in self.free
            or _mangled(name, self.owner) in self.locals
        )
        declared = [ast.Global(names=sorted(self.globals_ & used))] if self.globals_ & used else []
        unclosed = [ast.Nonlocal(names=closed)] if closed else []
        kind: Any = ast.AsyncFunctionDef if _awaits(nodes) else ast.FunctionDef
        inner = _function(kind, ".op", [*declared, *unclosed, *statements])
        opened = [ast.Assign(targets=[ast.Name(id=n, ctx=ast.Store()) for n in closed], value=ast.Constant(None))]
        outer: ast.stmt = _function(ast.FunctionDef, ".outer", [*(opened if closed else []), inner])
        if self.owner:
            outer = ast.ClassDef(name=self.owner, bases=[], keywords=[], body=[outer], decorator_list=[])
            if "type_params" in ast.ClassDef._fields:
                outer.type_params = []  # type: ignore[attr-defined]  # Python 3.12 and later
        for node in (*declared, *unclosed, inner, *opened, outer):
            ast.copy_location(node, nodes[0] if nodes else ast.Constant(None, lineno=op.line, col_offset=0))
        inner.lineno = self.line  # IPython counts the lines it shows from the function's first
        tree = ast.fix_missing_locations(ast.Module(body=[outer], type_ignores=[]))
        flags = self.function.__code__.co_flags & _FUTURES
        made = compile(tree, self.filename, "exec", flags, True)
        return _qualified(_inner(made, ".outer", ".op").replace(co_name=self.name), self.function.__qualname__)

    def run(self, code: CodeType, names: Any) -> Any:
        """Run one operation's code over the cells of a call; a coroutine if it awaits."""
        closure = tuple(names.cell(name) for name in code.co_freevars)
        made = FunctionType(code, self.function.__globals__, self.name, None, closure)
        if code.co_flags & inspect.CO_COROUTINE:
            return self._awaited(code, made())
        try:
            return made()
        except NameError as error:
            problem = self._unbound(code, error)
        raise problem

    async def _awaited(self, code: CodeType, made: Any) -> Any:
        try:
            return await made
        except NameError as error:
            problem = self._unbound(code, error)
        raise problem

    def _unbound(self, code: CodeType, error: NameError) -> NameError:
        """A local that has no value is an UnboundLocalError, although here it is a free variable."""
        deepest = error.__traceback__
        while deepest is not None and deepest.tb_next is not None:
            deepest = deepest.tb_next
        local = type(error) is NameError and "free variable" in str(error)
        if not local or deepest is None or deepest.tb_frame.f_code is not code:
            return error
        name = str(error).split("'")[1]
        if name not in self.locals:
            return error
        message = f"cannot access local variable '{name}' where it is not associated with a value"
        return UnboundLocalError(message).with_traceback(error.__traceback__)


def source_of(function: FunctionType) -> str:
    """The function's source, as written. Raises HitlError if there is none."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise HitlError(
            f"the source of {function.__qualname__} is not available, and @hitl.agent resumes from source; "
            "define it in a notebook cell or a file"
        ) from error


def _definition(function: FunctionType, source: str) -> tuple[Any, int]:
    tree = ast.parse(source)
    node = tree.body[0]
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        raise HitlError(f"@hitl.agent needs a function made with def, not {type(node).__name__}")
    if any(isinstance(child, (ast.Yield, ast.YieldFrom)) for child in _own(node)):
        raise HitlError(f"@hitl.agent cannot resume the generator {function.__qualname__}; return a list instead")
    first = function.__code__.co_firstlineno
    ast.increment_lineno(tree, first - 1)
    return node, first


def _own(node: ast.AST) -> list[ast.AST]:
    """Nodes of a function's own scope."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        found.append(child)
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            found.extend(_own(child))
    return found


def _declared(node: ast.AST) -> set[str]:
    return {name for child in _own(node) if isinstance(child, ast.Global) for name in child.names}


def _names(node: ast.AST) -> set[str]:
    """Every identifier that an operation mentions, nested scopes included."""
    found: set[str] = set()
    for child in ast.walk(node):
        match child:
            case ast.Name(id=name) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.split(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.Nonlocal(names=names) | ast.Global(names=names):
                found.update(names)
            case _:
                pass
    return found


def _awaits(nodes: list[ast.AST]) -> bool:
    waits = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return any(
        isinstance(child, waits) or (isinstance(child, ast.comprehension) and bool(child.is_async))
        for node in nodes
        for child in [node, *_own(node)]
    )


def _function(kind: Any, name: str, body: list[ast.stmt]) -> Any:
    arguments = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    made = kind(name=name, args=arguments, body=body or [ast.Pass()], decorator_list=[])
    if "type_params" in kind._fields:
        made.type_params = []
    return made


def _class_of(function: FunctionType) -> str:
    parts = function.__qualname__.split(".")
    return parts[-2] if len(parts) > 1 and parts[-2] != "<locals>" else ""


def _mangled(name: str, owner: str) -> str:
    private = name.startswith("__") and not name.endswith("__") and owner
    return f"_{owner.lstrip('_')}{name}" if private else name


def _inner(code: CodeType, *names: str) -> CodeType:
    """The code object nested in `code` under the last of `names`, inside the ones before."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_name == names[0]:
                return _inner(constant, *names[1:]) if len(names) > 1 else constant
            if ".outer" in names:
                return _inner(constant, *names)
    raise AssertionError(names)


def _qualified(code: CodeType, qualname: str) -> CodeType:
    """Nested functions and classes carry the qualified names they have natively."""
    old = code.co_qualname

    def rename(c: CodeType) -> CodeType:
        consts = tuple(rename(k) if isinstance(k, CodeType) else k for k in c.co_consts)
        consts = tuple(qualname + k[len(old) :] if isinstance(k, str) and k.startswith(old) else k for k in consts)
        name = qualname + c.co_qualname[len(old) :] if c.co_qualname.startswith(old) else c.co_qualname
        return c.replace(co_consts=consts, co_qualname=name)

    return rename(code)


def _binder(function: FunctionType, node: Any) -> CodeType:
    """Code with the function's parameters that returns them: the call's own errors for wrong arguments."""
    text: str = ast.unparse(node.args)
    template: Any = ast.parse(f"def f({text}): pass").body[0]
    args = template.args
    for arg in ast.walk(args):
        if isinstance(arg, ast.arg):
            arg.annotation = None
    args.defaults = [ast.Constant(None) for _ in args.defaults]
    args.kw_defaults = [None if d is None else ast.Constant(None) for d in args.kw_defaults]
    call = ast.Call(func=ast.Name(id="locals", ctx=ast.Load()), args=[], keywords=[])
    made: Any = _function(ast.FunctionDef, function.__name__, [ast.Return(value=call)])
    made.args = args
    tree: ast.stmt = made
    owner = _class_of(function)
    if owner:
        tree = ast.parse(f"class {owner}: pass").body[0]
        tree.body = [made]  # type: ignore[attr-defined]  # a class statement, as just parsed
    module = ast.fix_missing_locations(ast.Module(body=[tree], type_ignores=[]))
    code = compile(module, function.__code__.co_filename, "exec", 0, True)
    found = _inner(code, owner, function.__name__) if owner else _inner(code, function.__name__)
    return found.replace(co_qualname=function.__qualname__)


def _future_flags(tree: ast.Module) -> int:
    import __future__

    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            flags |= sum(getattr(__future__, alias.name).compiler_flag for alias in node.names)
    return flags


class _InFunction(ast.NodeTransformer):
    """What a statement of a function must become when it stands in a function of its own."""

    def __init__(self, unit: FunctionUnit) -> None:
        code = unit.function.__code__
        self.first = code.co_varnames[0] if code.co_argcount else ""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """Annotations of local variables are not evaluated, and a nonlocal name must not have one."""
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """`super()` reads its arguments from the frame of the method."""
        self.generic_visit(node)
        bare = isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and not node.keywords
        if bare and self.first:
            names = [ast.Name(id=n, ctx=ast.Load()) for n in ("__class__", self.first)]
            node.args = [ast.copy_location(name, node) for name in names]
        return node

    def _scope(self, node: Any) -> Any:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = _scope

    def visit_Global(self, node: ast.Global) -> ast.stmt:
        """Declared again where an operation needs it."""
        return ast.copy_location(ast.Pass(), node)

    visit_Nonlocal = visit_Global  # type: ignore[assignment]  # both become nothing


Unit = CellUnit | FunctionUnit
Generate = Callable[[Op], CodeType]

__all__ = ["CellUnit", "FunctionUnit", "Unit", "source_of"]
