"""Where the symbols of a tree's Python files are defined: qualified name -> position, and which class inherits which."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Place:
    file: str
    line: int  # from 0
    column: int  # in UTF-16 units, from 0


@dataclass
class ClassInfo:
    file: str
    name: str
    bases: list[str]
    members: dict[str, Place] = field(default_factory=dict)


@dataclass
class FileIndex:
    path: str
    lines: list[str]
    tree: ast.Module
    definitions: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    kinds: dict[str, str] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)  # local name -> dotted target
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    scopes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # scope's qualified name -> its names


def module_of(path: str) -> str:
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def python_files(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    return sorted(one for one in listed if one and (root / one).is_file())


class _Visitor(ast.NodeVisitor):
    def __init__(self, index: FileIndex) -> None:
        self.index = index
        self.stack: list[tuple[str, str]] = []  # (kind, name)
        self.self_names: list[str | None] = []

    # ---- helpers
    def place(self, line: int, byte_column: int) -> Place:
        text = self.index.lines[line - 1].encode()[:byte_column].decode()
        return Place(self.index.path, line - 1, len(text.encode("utf-16-le")) // 2)

    def qualified(self, name: str) -> str:
        return ".".join([one for _, one in self.stack] + [name])

    def scope(self) -> str:
        return ".".join(one for _, one in self.stack)

    def add(self, qualified: str, place: Place, kind: str) -> None:
        self.index.definitions[qualified].append(place)
        self.index.kinds.setdefault(qualified, kind)

    def bind(self, name: str, place: Place, kind: str = "variable") -> None:
        self.index.scopes[self.scope()].add(name)
        if self.stack and self.stack[-1][0] == "function":
            self.add(f"{self.scope()}:{name}", place, "local")
        else:
            self.add(self.qualified(name), place, kind)
            if self.stack and self.stack[-1][0] == "class":
                self.index.classes[self.scope()].members.setdefault(name, place)

    def name_place(self, node: ast.AST, name: str) -> Place:
        # decorators come before node.lineno in 3.8+: lineno is that of `def`
        line = self.index.lines[node.lineno - 1]
        start = len(line.encode()[: node.col_offset].decode())
        found = re.compile(rf"\b(?:def|class)\s+({re.escape(name)})\b").search(line, start)
        assert found, (self.index.path, node.lineno, name)
        return Place(self.index.path, node.lineno - 1, len(line[: found.start(1)].encode("utf-16-le")) // 2)

    # ---- definitions
    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for one in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(one)
        place = self.name_place(node, node.name)
        self.bind_definition(node.name, place, "class")
        qualified = self.qualified(node.name)
        info = ClassInfo(self.index.path, qualified, [ast.unparse(_plain(base)) for base in node.bases])
        self.index.classes[qualified] = info
        self.stack.append(("class", node.name))
        for one in node.body:
            self.visit(one)
        self.stack.pop()

    def bind_definition(self, name: str, place: Place, kind: str) -> None:
        self.index.scopes[self.scope()].add(name)
        self.add(self.qualified(name), place, kind)
        if self.stack and self.stack[-1][0] == "class":
            self.index.classes[self.scope()].members.setdefault(name, place)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for one in node.decorator_list:
            self.visit(one)
        in_class = bool(self.stack and self.stack[-1][0] == "class")
        self.bind_definition(node.name, self.name_place(node, node.name), "method" if in_class else "function")
        qualified = self.qualified(node.name)
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [one for one in (arguments.vararg, arguments.kwarg) if one]
        for one in every:
            self.add(f"{qualified}({one.arg})", self.place(one.lineno, one.col_offset), "parameter")
            self.index.scopes[qualified].add(one.arg)
            if one.annotation:
                self.visit(one.annotation)
        for one in [*arguments.defaults, *[d for d in arguments.kw_defaults if d]]:
            self.visit(one)
        static = any(ast.unparse(one) == "staticmethod" for one in node.decorator_list)
        self.self_names.append(every[0].arg if in_class and every and not static else (self.self_names[-1] if self.self_names else None))
        self.stack.append(("function", node.name))
        for one in node.body:
            self.visit(one)
        self.stack.pop()
        self.self_names.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bind(node.id, self.place(node.lineno, node.col_offset))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.index.scopes[self.scope()].add(node.name)
            line = self.index.lines[node.lineno - 1]
            found = re.search(rf"\bas\s+({node.name})\s*:", line)
            if found:
                self.bind(node.name, Place(self.index.path, node.lineno - 1, len(line[: found.start(1)].encode("utf-16-le")) // 2))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if (
            isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and self.self_names
            and node.value.id == self.self_names[-1]
        ):
            owner = None
            for position in range(len(self.stack) - 1, -1, -1):
                if self.stack[position][0] == "class":
                    owner = ".".join(one for _, one in self.stack[: position + 1])
                    break
            if owner and node.end_col_offset is not None and node.end_lineno is not None:
                place = self.place(node.end_lineno, node.end_col_offset - len(node.attr.encode()))
                self.index.scopes[owner].add(node.attr)
                self.add(f"{owner}.{node.attr}", place, "attribute")
                self.index.classes[owner].members.setdefault(node.attr, place)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            local = one.asname or one.name.split(".")[0]
            self.index.imports[local] = one.name if one.asname else local
            self.index.scopes[self.scope()].add(local)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            package = module_of(self.index.path).split(".")
            if not self.index.path.endswith("__init__.py"):
                package = package[:-1]
            package = package[: len(package) - (node.level - 1)]
            module = ".".join([*package, *([module] if module else [])])
        for one in node.names:
            local = one.asname or one.name
            self.index.imports[local] = f"{module}.{one.name}"
            self.index.scopes[self.scope()].add(local)


def _plain(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


class PythonIndex:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, FileIndex] = {}
        for path in python_files(root):
            source = (root / path).read_text(encoding="utf-8")
            try:
                tree = ast.parse(source)
            except SyntaxError:
                continue
            index = FileIndex(path, source.split("\n"), tree)
            _Visitor(index).visit(tree)
            self.files[path] = index
        self.modules = {module_of(path): path for path in self.files}
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for path, index in self.files.items():
            for name in index.definitions:
                self.by_name[name].append(path)
        self._members: dict[str, list[str]] = defaultdict(list)
        self.subclasses: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        self.bases: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.foreign: dict[tuple[str, str], list[str]] = {}
        for path, index in self.files.items():
            for name, info in index.classes.items():
                ours, foreign = [], []
                for base in info.bases:
                    target = self.resolve_class(path, base)
                    if isinstance(target, tuple):
                        ours.append(target)
                        self.subclasses[target].add((path, name))
                    elif target:
                        foreign.append(target)
                self.bases[path, name] = ours
                self.foreign[path, name] = foreign

    def by_name_of_member(self, member: str) -> list[str]:
        if not self._members:
            for name in self.by_name:
                if "." in name and "(" not in name and ":" not in name:
                    self._members[name.rpartition(".")[2]].append(name)
        return self._members.get(member, [])

    def resolve(self, path: str, dotted: str) -> tuple[str, str] | str | None:
        """(file, qualified name) of what a dotted name means in a file; a module is (file, ""); a foreign one its dotted name."""
        index = self.files[path]
        head, _, rest = dotted.partition(".")
        if head in index.definitions:
            return path, dotted
        if head in index.imports:
            return self.resolve_dotted(index.imports[head] + (f".{rest}" if rest else ""))
        return None

    def resolve_dotted(self, dotted: str, depth: int = 0) -> tuple[str, str] | str:
        parts = dotted.split(".")
        for cut in range(len(parts), 0, -1):
            module = ".".join(parts[:cut])
            if module in self.modules:
                path, rest = self.modules[module], ".".join(parts[cut:])
                index = self.files[path]
                if rest and parts[cut] not in index.scopes[""] | set(index.definitions) and cut < len(parts):
                    return path, rest
                if rest and parts[cut] in index.imports and parts[cut] not in index.definitions and depth < 9:
                    tail = ".".join(parts[cut + 1 :])
                    return self.resolve_dotted(index.imports[parts[cut]] + (f".{tail}" if tail else ""), depth + 1)
                return path, rest
        return dotted

    def resolve_class(self, path: str, dotted: str) -> tuple[str, str] | str | None:
        target = self.resolve(path, dotted)
        if isinstance(target, tuple) and target[1] not in self.files[target[0]].classes:
            return dotted
        return target if target is not None else dotted

    def ancestors(self, key: tuple[str, str]) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        todo = list(self.bases.get(key, []))
        while todo:
            one = todo.pop()
            if one not in found:
                found.add(one)
                todo += self.bases.get(one, [])
        return found

    def descendants(self, key: tuple[str, str]) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        todo = list(self.subclasses.get(key, ()))
        while todo:
            one = todo.pop()
            if one not in found:
                found.add(one)
                todo += self.subclasses.get(one, ())
        return found

    def family(self, key: tuple[str, str], member: str) -> set[tuple[str, str]]:
        """All classes that define the same member by inheritance: bases, their subclasses, and so on."""
        found = {key}
        todo = [key]
        while todo:
            one = todo.pop()
            related = self.ancestors(one) | self.descendants(one)
            for other in related:
                info = self.files[other[0]].classes[other[1]]
                if other not in found and member in info.members:
                    found.add(other)
                    todo.append(other)
        return found

    def foreign_definition(self, key: tuple[str, str], member: str) -> str | None:
        """The class of another package that defines the member too."""
        for one in {key} | self.ancestors(key):
            for dotted in self.foreign.get(one, []):
                if _foreign_has(dotted, self._imported(one[0], dotted), member):
                    return dotted
        return None

    def _imported(self, path: str, dotted: str) -> str:
        head, _, rest = dotted.partition(".")
        target = self.files[path].imports.get(head, head)
        return target + (f".{rest}" if rest else "")


@functools.cache
def _foreign_has(written: str, dotted: str, member: str) -> bool:
    import builtins

    if "." not in dotted:
        value = getattr(builtins, dotted, None)
        return value is not None and hasattr(value, member)
    module, _, name = dotted.rpartition(".")
    if module.split(".")[0] in ("hitl_nb", "tests", "benchmarks") or name in ("Protocol", "Generic"):
        return False
    try:
        return hasattr(getattr(importlib.import_module(module), name), member)
    except Exception:  # not installed here: nothing is known
        return False
