"""Syntax nodes of instrumented code: functions that make nodes, and functions that read properties of nodes.

A node of the user keeps the user's position. A node that the engine adds has the line -1, which CPython gives to its
own instructions. Such instructions take the position of the instruction before, so tracers and tracebacks do not show a
line for them. Local names of the engine begin with a dot, which no source text can write.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast

from hitl_nb.engine.compile.tree.node_children import list_children, walk
from hitl_nb.engine.compile.tree.node_slots import list_slots, read_slot

RUNTIME = "\0hitl_nb runtime"  # `ast.Constant` cannot hold the runtime object; `postprocessor` replaces this string

BRANCH = ".b."
"""Prefix of the locals of an agent cell that record which of its branches have run."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
CALLS = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom)
YIELDS = (ast.Yield, ast.YieldFrom)

Node = TypeVar("Node", bound=ast.AST)

POSITION_FIELDS = ("lineno", "end_lineno", "col_offset", "end_col_offset")


def fill_positions(node: Node, at: ast.AST | None) -> Node:
    """Give `node`, and nodes below it without a source position, the position of the node `at`. Returns `node`.

    None for `at`: the nodes belong to the engine and have no position in the user's source.
    """
    if type(node) not in _WITHOUT_POSITION:
        if "lineno" in node.__dict__:
            return node
        set_position(node, at)
    for child in list_children(node):
        if "lineno" not in child.__dict__:
            fill_positions(child, at)
    return node


_WITHOUT_POSITION = frozenset((ast.arguments, ast.comprehension, ast.withitem, ast.match_case, ast.Module))


def set_position(node: Node, at: ast.AST | None) -> Node:
    """Give only the new `node` itself the source position of the node `at`. Returns `node`.

    None for `at`: `node` belongs to the engine and has no position in the user's source.
    """
    fields = node.__dict__
    if at is None:
        fields["lineno"] = fields["end_lineno"] = fields["col_offset"] = fields["end_col_offset"] = -1
        return node
    known = at.__dict__
    fields["lineno"], fields["end_lineno"] = known["lineno"], known["end_lineno"]
    fields["col_offset"], fields["end_col_offset"] = known["col_offset"], known["end_col_offset"]
    return node


def copy_node(node: Node) -> Node:
    """Return a copy of a node whose fields, and lists in fields, can be replaced without changing `node`."""
    fields: dict[str, Any] = {
        name: list(cast("list[object]", value)) if isinstance(value, list) else value
        for name, value in ast.iter_fields(node)
    }
    made = type(node)(**fields)
    if isinstance(node, (*FUNCTIONS, ast.Lambda)):
        made.args = copy_node(node.args)  # pyright: ignore[reportAttributeAccessIssue]  # of the same class as `node`
    for name in POSITION_FIELDS if "lineno" in node._attributes else ():
        if hasattr(node, name):
            setattr(made, name, getattr(node, name))
    return made


_LOAD, _STORE = ast.Load(), ast.Store()


def load(name: str, at: ast.AST | None = None) -> ast.Name:
    """Make a node that reads the variable `name`, at the source position of the node `at`.

    None for `at`: the new node belongs to the engine and has no position in the user's source.
    """
    return set_position(ast.Name(name, _LOAD), at)


def store(name: str, at: ast.AST | None = None) -> ast.Name:
    """Make a node that binds the variable `name`, at the source position of the node `at`.

    None for `at`: the new node belongs to the engine and has no position in the user's source.
    """
    return set_position(ast.Name(name, _STORE), at)


def constant(value: Any, at: ast.AST | None = None) -> ast.Constant:
    """Make a node of a constant value, at the source position of the node `at`.

    None for `at`: the new node belongs to the engine and has no position in the user's source.
    """
    return set_position(ast.Constant(value), at)


def assign(name: str, value: ast.expr, at: ast.AST | None = None) -> ast.Assign:
    """Make a statement that assigns `value` to `name`, at the source position of the node `at`.

    None for `at`: the statement belongs to the engine and has no position in the user's source.
    """
    if "lineno" not in value.__dict__:
        fill_positions(value, at)
    return set_position(ast.Assign([store(name, at)], value), at)


def clear_names(names: Iterable[str]) -> list[ast.stmt]:
    """Make a statement that sets local variables of the engine to None. Returns a list, empty if there are no names."""
    targets: list[ast.expr] = [store(name) for name in names]
    return [set_position(ast.Assign(targets, constant(None)), None)] if targets else []


def runtime_attribute(name: str, at: ast.AST | None = None) -> ast.Attribute:
    """Make a node that reads an attribute of the runtime, the object whose functions instrumented code calls.

    Args:
        name: Name of the attribute.
        at: Node whose source position the new node gets. None: the new node belongs to the engine and has no position
            in the user's source. All callers then get the same node.
    """
    if at is None:
        known = _own_attributes.get(name)
        if known is None:
            known = _own_attributes[name] = set_position(ast.Attribute(constant(RUNTIME), name, _LOAD), None)
        return known
    return set_position(ast.Attribute(constant(RUNTIME, at), name, _LOAD), at)


_own_attributes: dict[str, ast.Attribute] = {}
"""Attributes of the runtime as nodes that the engine adds, by name. They are never changed, so trees share them."""


def is_runtime_attribute(node: ast.Attribute) -> bool:
    """Return whether a node reads an attribute of the runtime, the object that instrumented code calls."""
    return isinstance(node.value, ast.Constant) and node.value.value is RUNTIME


def runtime_call(name: str, *args: ast.expr, at: ast.AST | None = None) -> ast.Call:
    """Make a node that calls a function of the runtime, the object whose functions instrumented code calls.

    Args:
        name: Name of the function, an attribute of `Runtime`.
        args: Positional arguments. Those without a source position get that of `at`.
        at: Node whose source position the call gets. None: the call belongs to the engine and has no position in the
            user's source.
    """
    for part in args:
        if "lineno" not in part.__dict__:
            fill_positions(part, at)
    return set_position(ast.Call(runtime_attribute(name, at), list(args), []), at)


def expression(value: ast.expr, at: ast.AST | None = None) -> ast.Expr:
    """Make an expression statement of `value`, at the source position of the node `at`.

    None for `at`: the statement belongs to the engine and has no position in the user's source.
    """
    if "lineno" not in value.__dict__:
        fill_positions(value, at)
    return set_position(ast.Expr(value), at)


def make_if(
    test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt] = (), at: ast.AST | None = None
) -> ast.If:
    """Make an `if` statement. Parts without a source position get the position of the node `at`.

    None for `at`: these parts belong to the engine and have no position in the user's source.
    """
    return fill_positions(ast.If(test, list(body), list(orelse)), at)


def is_engine_name(name: str) -> bool:
    """Return whether the engine has added the local variable with this name. Such names begin with a dot."""
    return name.startswith(".")


def is_filed_value(node: ast.AST | None) -> bool:
    """Return whether a node is `(.t := value)`, which keeps a value in a local variable that the engine has added."""
    return isinstance(node, ast.NamedExpr) and is_engine_name(node.target.id)


def is_filed_name(node: ast.AST | None) -> bool:
    """Return whether a syntax node reads a local variable of the engine, whose name begins with a dot."""
    return isinstance(node, ast.Name) and is_engine_name(node.id)


def is_leaf(node: ast.AST) -> bool:
    """Return whether a node is a name or a constant, so that there is no node below it."""
    kind = node.__class__
    return kind is ast.Name or kind is ast.Constant


def is_plain(node: ast.expr) -> bool:
    """Return whether an expression can be evaluated again without running code of the user.

    That is a name, a constant, `super(...)`, a value in a local variable of the engine, or an attribute of these.
    """
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name | ast.Constant) or is_filed_value(node) or is_super(node)


def is_super(node: ast.AST) -> bool:
    """Return whether a node is a call of `super`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def iterate_own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all nodes below it in the same scope, so not the nodes in nested functions and classes."""
    return iter(list_own_nodes([node]))


def list_own_nodes(nodes: Iterable[ast.AST]) -> list[ast.AST]:
    """List several nodes and all nodes below them in the same scope, in no particular order.

    Nodes inside nested functions and classes are left out.
    """
    found = list(nodes)
    for part in found:
        if part.__class__ not in _CLOSED_KINDS:
            found += list_children(part)
    return found


_CLOSED_KINDS = frozenset((*SCOPES, ast.Name, ast.Constant))


def list_body_nodes(body: Iterable[ast.AST]) -> list[ast.AST]:
    """List the statements of a block and all nodes below them in the same scope.

    Nodes inside nested functions and classes are left out.
    """
    return [node for statement in body for node in iterate_own_nodes(statement)]


def collect_names(node: ast.AST) -> set[str]:
    """Return all names that occur in `node`, also in nested scopes and in `global` and `nonlocal` statements."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Nonlocal | ast.Global):
            found.update(part.names)
    return found


def list_lambdas(statement: ast.stmt) -> list[ast.Lambda]:
    """List the lambdas in a statement's own expressions, except those in comprehensions and in nested blocks."""
    is_definition = isinstance(statement, (*FUNCTIONS, ast.ClassDef))
    parts = (
        [read_slot(statement, slot) for slot in list_slots(statement)] if is_definition else list_children(statement)
    )
    found: list[ast.Lambda] = []
    stack: list[ast.AST] = [part for part in parts if isinstance(part, ast.expr | ast.keyword | ast.withitem)]
    for part in stack:
        if isinstance(part, ast.Lambda):
            found.append(part)
        elif not isinstance(part, COMPREHENSIONS):
            stack += list_children(part)
    return found


def collect_bound_names(body: Sequence[ast.stmt], *, has_walrus: bool = True) -> set[str]:
    """Return the names that statements bind in their own scope. `has_walrus` is False if no expression has a `:=`."""
    found: set[str] = set()
    for statement in body:
        _add_bound_names(statement, found, has_walrus)
    return found


def _add_bound_names(node: ast.AST, found: set[str], has_walrus: bool) -> None:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        return
    if not has_walrus and _is_read(node):
        return
    below: Iterable[ast.AST]
    if type(node) not in _BINDING_KINDS:
        below = list_children(node)
    elif isinstance(node, ast.Lambda):
        below = (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None))
    elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        found.add(node.name)
        below = [read_slot(node, slot) for slot in list_slots(node)]
    elif isinstance(node, COMPREHENSIONS):
        found.update(part.target.id for part in iterate_comprehension_nodes(node) if isinstance(part, ast.NamedExpr))
        below = [node.generators[0].iter]
    else:
        found.update(_list_declared_names(node))
        below = list_children(node)
    for child in below:
        _add_bound_names(child, found, has_walrus)


def _list_declared_names(node: ast.AST) -> list[str]:
    """Return the names that a node binds or declares and that its fields hold as strings, as in `import a as b`."""
    match node:
        case ast.alias(name=name, asname=alias):
            return [alias or name.partition(".")[0]] if name != "*" else []
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.ExceptHandler(name=str(name)):
            return [name]
        case ast.Global(names=names):
            return names
        case _:
            return []


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", _LOAD), ast.Load)


_BINDING_KINDS = frozenset(
    (
        *(ast.alias, ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.ExceptHandler, ast.Global),
        *(*SCOPES, *COMPREHENSIONS),
    )
)


def iterate_comprehension_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below a comprehension, without the nodes inside nested functions, lambdas and classes."""
    for child in list_children(node):
        yield from iterate_own_nodes(child)
