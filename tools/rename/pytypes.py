"""The classes of expressions whose types are plainly written: annotations, constructors, attributes, return types."""

from __future__ import annotations

import ast
from typing import Any

from pyindex import PythonIndex
from pyscopes import FileScopes, Scope

ClassKey = tuple[str, str]


class PlainTypes:
    def __init__(self, index: PythonIndex, files: dict[str, FileScopes], by_name: dict[tuple[str, str], list[Scope]]) -> None:
        self.index, self.files, self.by_name = index, files, by_name
        self._attributes: dict[tuple[ClassKey, str], ClassKey | None] = {}

    def of(self, file: FileScopes, node: ast.expr, scope: Scope, depth: int = 0) -> ClassKey | None:
        """The class of the package that an expression is an instance of, if that is plain."""
        if depth > 6:
            return None
        if isinstance(node, ast.Await):
            return None
        if isinstance(node, ast.Name):
            return self._of_name(file, node.id, scope, depth)
        if isinstance(node, ast.Attribute):
            owner = self.of(file, node.value, scope, depth + 1)
            return self._of_attribute(owner, node.attr, depth) if owner else None
        if isinstance(node, ast.Call):
            return self._of_call(file, node, scope, depth)
        return None

    def _of_name(self, file: FileScopes, name: str, scope: Scope, depth: int) -> ClassKey | None:
        owner = file.owner(name, scope)
        if name in ("self", "cls") and owner.kind == "function" and name in owner.others:
            one: Scope | None = owner.parent
            return (file.path, one.qualified) if one and one.kind == "class" else None
        if name in owner.annotations and name not in owner.others:
            return self.of_annotation(file, owner.annotations[name], owner)
        if name in owner.values and name not in owner.others and name not in owner.imports and owner.kind == "function":
            found = {self.of(file, value, owner, depth + 1) for value in owner.values[name]}
            return found.pop() if len(found) == 1 else None
        return None

    def _of_attribute(self, owner: ClassKey, member: str, depth: int) -> ClassKey | None:
        key = owner, member
        if key not in self._attributes:
            self._attributes[key] = None  # ends circles
            self._attributes[key] = self._find_attribute(owner, member, depth)
        return self._attributes[key]

    def _find_attribute(self, owner: ClassKey, member: str, depth: int) -> ClassKey | None:
        for path, name in [owner, *self.index.ancestors(owner)]:
            file = self.files[path]
            for scope in self.by_name[path, name]:
                if scope.kind == "class" and member in scope.annotations:
                    return self.of_annotation(file, scope.annotations[member], scope)
            definition = self._function(path, f"{name}.{member}")
            if definition is not None:
                if any(ast.unparse(one) in ("property", "cached_property", "functools.cached_property") for one in definition.decorator_list):
                    return self.of_annotation(file, definition.returns, self._class_scope(path, name)) if definition.returns else None
                return None
            if member in self.index.files[path].classes[name].members:
                return self._assigned(file, path, name, member, depth)
        return None

    def _assigned(self, file: FileScopes, path: str, name: str, member: str, depth: int) -> ClassKey | None:
        found: set[ClassKey | None] = set()
        for function, scope in self._methods(path, name):
            for node in ast.walk(function):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
                for target in targets:
                    if isinstance(target, ast.Attribute) and target.attr == member and isinstance(target.value, ast.Name) and target.value.id == "self":
                        if isinstance(node, ast.AnnAssign):
                            return self.of_annotation(file, node.annotation, scope)
                        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
                            found.add(self.of(file, node.value, scope, depth + 1))
        return found.pop() if len(found) == 1 else None

    def _methods(self, path: str, name: str) -> list[tuple[Any, Scope]]:
        found: list[tuple[Any, Scope]] = []
        for node in self.class_body(path, name):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for scope in self.by_name[path, f"{name}.{node.name}"]:
                    if scope.lines[0] == node.lineno - 1:
                        found.append((node, scope))
        return found

    def class_body(self, path: str, name: str) -> list[ast.stmt]:
        body: list[ast.stmt] = self.index.files[path].tree.body
        for part in name.split("."):
            node = next((one for one in body if isinstance(one, (ast.ClassDef, ast.FunctionDef)) and one.name == part), None)
            if node is None:
                return []
            body = node.body
        return body

    def _function(self, path: str, qualified: str) -> Any:
        head, _, last = qualified.rpartition(".")
        body = self.class_body(path, head) if head else self.index.files[path].tree.body
        return next((one for one in body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and one.name == last), None)

    def _class_scope(self, path: str, name: str) -> Scope:
        return next((one for one in self.by_name[path, name] if one.kind == "class"), self.files[path].module)

    def _of_call(self, file: FileScopes, node: ast.Call, scope: Scope, depth: int) -> ClassKey | None:
        function = node.func
        if isinstance(function, (ast.Name, ast.Attribute)):
            dotted = file.dotted_target(function, scope)
            target = self.index.resolve_dotted(dotted) if dotted else None
            if isinstance(target, tuple) and target[1]:
                path, name = target
                if name in self.index.files[path].classes:
                    return target
                return self._returned(path, name)
        if isinstance(function, ast.Attribute):
            owner = self.of(file, function.value, scope, depth + 1)
            if owner:
                for path, name in [owner, *self.index.ancestors(owner)]:
                    if function.attr in self.index.files[path].classes[name].members:
                        return self._returned(path, f"{name}.{function.attr}")
        return None

    def _returned(self, path: str, qualified: str) -> ClassKey | None:
        definition = self._function(path, qualified)
        if isinstance(definition, ast.FunctionDef) and definition.returns:
            if any("contextmanager" in ast.unparse(one) or "fixture" in ast.unparse(one) for one in definition.decorator_list):
                return None
            return self.of_annotation(self.files[path], definition.returns, self.files[path].module)
        return None

    def of_annotation(self, file: FileScopes, node: ast.expr, scope: Scope) -> ClassKey | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides = [one for one in (node.left, node.right) if not (isinstance(one, ast.Constant) and one.value is None)]
            return self.of_annotation(file, sides[0], scope) if len(sides) == 1 else None
        if isinstance(node, (ast.Name, ast.Attribute)):
            dotted = file.dotted_target(node, scope)
            target = self.index.resolve_dotted(dotted) if dotted else None
            if isinstance(target, tuple) and target[1] in self.index.files[target[0]].classes:
                return target
        return None
