"""Which scope each name of a Python file belongs to: functions, classes, comprehensions and the module."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass, field

from pyindex import Place, module_of


@dataclass
class Scope:
    kind: str  # module, class, function, comprehension
    qualified: str
    parent: Scope | None
    bound: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    references: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    lines: tuple[int, int] = (0, 0)
    annotations: dict[str, ast.expr] = field(default_factory=dict)  # of parameters and variables
    values: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))  # what is assigned to a name
    others: set[str] = field(default_factory=set)  # names that are bound in ways that say nothing of their type


@dataclass
class ImportedName:
    scope: Scope
    module: str
    name: str
    local: str
    place: Place
    local_place: Place | None  # of `as local`


class FileScopes(ast.NodeVisitor):
    def __init__(self, path: str, lines: list[str], tree: ast.Module) -> None:
        self.path, self.lines = path, lines
        self.module = Scope("module", "", None)
        self.scope = self.module
        self.scopes = [self.module]
        self.imported: list[ImportedName] = []
        self.attributes: list[tuple[ast.Attribute, Scope]] = []
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.matches: list[tuple[ast.MatchClass, Scope]] = []
        self._bind(tree.body, self.module)
        for statement in tree.body:
            self.visit(statement)

    # ---- places
    def at(self, line: int, byte_column: int) -> Place:
        text = self.lines[line - 1].encode()[:byte_column].decode()
        return Place(self.path, line - 1, len(text.encode("utf-16-le")) // 2)

    def find(self, line: int, byte_column: int, pattern: str) -> Place | None:
        """The first group of a pattern from a position on, within five lines."""
        for number in range(line, min(line + 5, len(self.lines) + 1)):
            text = self.lines[number - 1]
            start = len(text.encode()[:byte_column].decode()) if number == line else 0
            found = re.compile(pattern).search(text, start)
            if found:
                return Place(self.path, number - 1, len(text[: found.start(1)].encode("utf-16-le")) // 2)
        return None

    # ---- what a scope binds
    def _bind(self, nodes: list[ast.stmt] | list[ast.AST], scope: Scope) -> None:
        todo: list[ast.AST] = list(nodes)
        while todo:
            node = todo.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                scope.bound.add(node.name)
                todo += node.decorator_list
                if isinstance(node, ast.ClassDef):
                    todo += [*node.bases, *node.keywords]
                else:
                    todo += [*node.args.defaults, *[one for one in node.args.kw_defaults if one]]
                continue
            if isinstance(node, ast.Lambda):
                todo += [*node.args.defaults, *[one for one in node.args.kw_defaults if one]]
                continue
            if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                todo += [one for one in ast.walk(node) if isinstance(one, ast.NamedExpr)]
                todo.append(node.generators[0].iter)
                continue
            if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
                scope.bound.add(node.id)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for one in node.names:
                    scope.bound.add(one.asname or one.name.split(".")[0])
            elif isinstance(node, ast.Global):
                scope.globals |= set(node.names)
            elif isinstance(node, ast.Nonlocal):
                scope.nonlocals |= set(node.names)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                scope.bound.add(node.name)
            elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
                scope.bound.add(node.name)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                scope.bound.add(node.rest)
            if isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
                scope.bound.add(node.target.id)
            todo += ast.iter_child_nodes(node)
        scope.bound -= scope.globals | scope.nonlocals

    def owner(self, name: str, scope: Scope | None = None) -> Scope:
        """The scope that a name belongs to where it is used."""
        start = scope or self.scope
        one: Scope | None = start
        while one is not None:
            if name in one.globals:
                return self.module
            if name in one.bound and (one.kind != "class" or one is start):
                return one
            one = one.parent
        return self.module

    def refer(self, name: str, place: Place | None, scope: Scope | None = None) -> None:
        if place:
            self.owner(name, scope).references[name].append(place)

    # ---- visiting
    def _inside(self, scope: Scope, nodes: list[ast.AST]) -> None:
        before, self.scope = self.scope, scope
        self.scopes.append(scope)
        for one in nodes:
            self.visit(one)
        self.scope = before

    def _qualified(self, name: str) -> str:
        base = self.scope
        while base.kind == "comprehension" and base.parent:
            base = base.parent
        return f"{base.qualified}.{name}" if base.qualified else name

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for one in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(one)
        self.refer(node.name, self.find(node.lineno, node.col_offset, rf"\bclass\s+({node.name})\b"))
        scope = Scope("class", self._qualified(node.name), self.scope, lines=(node.lineno - 1, (node.end_lineno or 1) - 1))
        self._bind(node.body, scope)
        self._inside(scope, list(node.body))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for one in node.decorator_list:
            self.visit(one)
        self.refer(node.name, self.find(node.lineno, node.col_offset, rf"\bdef\s+({node.name})\b"))
        arguments = node.args
        every = self._arguments(arguments)
        for one in [*every]:
            if one.annotation:
                self.visit(one.annotation)
        if node.returns:
            self.visit(node.returns)
        for one in [*arguments.defaults, *[d for d in arguments.kw_defaults if d]]:
            self.visit(one)
        scope = Scope("function", self._qualified(node.name), self.scope, lines=(node.lineno - 1, (node.end_lineno or 1) - 1))
        scope.bound |= {one.arg for one in every}
        self._bind(node.body, scope)
        for one in every:
            scope.references[one.arg].append(self.at(one.lineno, one.col_offset))
            if one.annotation and one not in (arguments.vararg, arguments.kwarg):
                scope.annotations[one.arg] = one.annotation
            else:
                scope.others.add(one.arg)
        self._inside(scope, list(node.body))

    visit_AsyncFunctionDef = visit_FunctionDef

    @staticmethod
    def _arguments(arguments: ast.arguments) -> list[ast.arg]:
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        return every + [one for one in (arguments.vararg, arguments.kwarg) if one]

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for one in [*node.args.defaults, *[d for d in node.args.kw_defaults if d]]:
            self.visit(one)
        every = self._arguments(node.args)
        scope = Scope("function", self._qualified("<lambda>"), self.scope, lines=(node.lineno - 1, (node.end_lineno or 1) - 1))
        scope.bound |= {one.arg for one in every}
        for one in every:
            scope.references[one.arg].append(self.at(one.lineno, one.col_offset))
        self._inside(scope, [node.body])

    def _comprehension(self, node: Any) -> None:
        self.visit(node.generators[0].iter)
        scope = Scope("comprehension", self.scope.qualified, self.scope, lines=(node.lineno - 1, (node.end_lineno or 1) - 1))
        for generator in node.generators:
            scope.bound |= {one.id for one in ast.walk(generator.target) if isinstance(one, ast.Name)}
        nodes: list[ast.AST] = []
        for number, generator in enumerate(node.generators):
            nodes.append(generator.target)
            if number:
                nodes.append(generator.iter)
            nodes += generator.ifs
        nodes += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside(scope, nodes)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        scope: Scope | None = self.scope
        while scope and scope.kind == "comprehension":
            scope = scope.parent
        if isinstance(node.target, ast.Name):
            self.refer(node.target.id, self.at(node.target.lineno, node.target.col_offset), scope)
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.owner(node.target.id).annotations[node.target.id] = node.annotation
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.owner(target.id).values[target.id].append(node.value)
            else:
                for one in ast.walk(target):
                    if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                        self.owner(one.id).others.add(one.id)
        self.generic_visit(node)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self._forget_types(item.optional_vars)
        self.generic_visit(node)

    visit_AsyncWith = visit_With

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._forget_types(node.target)
        self.generic_visit(node)

    visit_AsyncFor = visit_For

    def _forget_types(self, target: ast.expr | None) -> None:
        for one in ast.walk(target) if target else ():
            if isinstance(one, ast.Name):
                self.owner(one.id).others.add(one.id)

    def visit_Name(self, node: ast.Name) -> None:
        self.refer(node.id, self.at(node.lineno, node.col_offset))

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:
            self.refer(name, self.find(node.lineno, node.col_offset, rf"\b({name})\b"))

    visit_Nonlocal = visit_Global

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.refer(node.name, self.find((node.type or node).end_lineno or node.lineno, (node.type or node).end_col_offset or 0, rf"\bas\s+({node.name})\b"))
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            if node.pattern is None:
                self.refer(node.name, self.at(node.lineno, node.col_offset))
            else:
                self.refer(node.name, self.find(node.pattern.end_lineno or 1, node.pattern.end_col_offset or 0, rf"\bas\s+({node.name})\b"))
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.refer(node.name, self.find(node.lineno, node.col_offset, rf"\*\s*({node.name})\b"))

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        self.matches.append((node, self.scope))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.attributes.append((node, self.scope))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.calls.append((node, self.scope))
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "cast" and node.args:
            self._type_in_string(node.args[0])
        if name == "TypeVar":
            for keyword in node.keywords:
                self._type_in_string(keyword.value)
        self.generic_visit(node)

    def _type_in_string(self, node: ast.expr) -> None:
        """Names in a type that is written as a text: `cast("Lane", x)`."""
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and node.lineno == node.end_lineno):
            return
        try:
            tree = ast.parse(node.value, mode="eval")
        except SyntaxError:
            return
        for one in ast.walk(tree):
            if isinstance(one, ast.Name):
                self.refer(one.id, self.at(node.lineno, node.col_offset + 1 + one.col_offset))

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            local = one.asname or one.name.split(".")[0]
            self.owner(local).imports[local] = one.name if one.asname else local

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            package = module_of(self.path).split(".")
            if not self.path.endswith("__init__.py"):
                package = package[:-1]
            package = package[: len(package) - (node.level - 1)]
            module = ".".join([*package, *([module] if module else [])])
        for one in node.names:
            local = one.asname or one.name
            owner = self.owner(local)
            owner.imports[local] = f"{module}.{one.name}"
            if one.name == "*":
                continue
            place = self.at(one.lineno, one.col_offset)
            local_place = None
            if one.asname:
                local_place = self.find(one.lineno, one.col_offset + len(one.name.encode()), rf"\bas\s+({one.asname})\b")
                self.refer(local, local_place)
            else:
                self.refer(local, place)
            self.imported.append(ImportedName(owner, module, one.name, local, place, local_place))

    def dotted_target(self, node: ast.expr, scope: Scope) -> str | None:
        """`a.b` as the dotted name that imports give it (`hitl_nb.store.chain`); None if `a` is no import."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        owner = self.owner(node.id, scope)
        if node.id in owner.imports:
            return ".".join([owner.imports[node.id], *reversed(parts)])
        if owner is self.module and node.id in self.module.bound:
            return ".".join([module_of(self.path), node.id, *reversed(parts)])
        return None


from typing import Any  # noqa: E402
