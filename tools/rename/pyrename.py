"""Renames of Python symbols: rows to edits, by pyright for what has types and by the index for what has none."""

from __future__ import annotations

import ast
import builtins
import io
import re
import time
import tokenize
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsp import Langserver
from pyindex import FileIndex, Place, PythonIndex, module_of
from pyscopes import FileScopes, Scope
from pytypes import PlainTypes

Edit = tuple[int, int, int, str]  # line, start, end (UTF-16 columns), new text

CONFIG = """{"include": ["hitl_nb", "tests", "benchmarks", "examples", "docs", "tools"],
"exclude": ["**/node_modules", "**/.*", "tests/cases/programs"],
"venvPath": ".", "venv": ".venv", "pythonVersion": "3.11", "typeCheckingMode": "off"}
"""
REFLECTING = {"setattr", "getattr", "hasattr", "delattr", "attrgetter", "methodcaller", "object", "delete"}


@dataclass
class Row:
    data: dict[str, Any]
    file: str
    old: str
    new: str
    state: str = "open"  # open, done, applied, missing, ambiguous, refused
    note: str = ""
    found: str = ""  # the file where it was found
    qualified: str = ""  # its name there
    edits: dict[str, set[Edit]] = field(default_factory=lambda: defaultdict(set))

    @property
    def bare(self) -> str:
        return re.split(r"[.(:]", self.old.rstrip(")"))[-1]

    @property
    def is_member(self) -> bool:
        return "." in self.old and not self.is_local

    @property
    def is_local(self) -> bool:
        return "(" in self.old or ":" in self.old

    def fail(self, state: str, note: str) -> None:
        self.state, self.note = state, note


def make_row(data: dict[str, Any]) -> Row:
    return Row(data, data["file"], data["old"], re.split(r"[.(:]", data["new"].rstrip(")"))[-1])


class PythonRenamer:
    def __init__(self, root: Path, rows: list[Row], moves: dict[str, list[str]]) -> None:
        self.root, self.rows, self.moves = root, rows, moves
        self.index = PythonIndex(root)
        self.reports: list[str] = []
        self.class_names = {(row.file, row.old): row.new for row in rows if not row.is_local}

    # ---- finding definitions
    def candidates(self, row: Row) -> list[str]:
        return [row.file, *self.moves.get(row.file, [])]

    def newly_named(self, row: Row, old: str) -> str:
        """The qualified name with every enclosing class or function under its new name."""
        parts = old.split(".")
        for count in range(1, len(parts)):
            head = ".".join(old.split(".")[:count])
            if (row.file, head) in self.class_names:
                parts[count - 1] = self.class_names[row.file, head]
        return ".".join(parts)

    def locate(self, row: Row) -> None:
        owner, mark, inner = re.match(r"([^(:]*)([(:]?)(.*)", row.old).groups()  # type: ignore[union-attr]
        names = [row.old]
        renamed = self.newly_named(row, owner)
        if mark and (row.file, owner) in self.class_names:
            renamed = ".".join([*renamed.split(".")[:-1], self.class_names[row.file, owner]])
        if renamed != owner:
            names.append(renamed + mark + inner)
        for name in names:
            for path in self.candidates(row):
                if path in self.index.files and name in self.index.files[path].definitions:
                    row.found, row.qualified = path, name
                    return None
        new_names = [self._with_last(name, row.new) for name in names]
        here = [path for path in self.candidates(row) if path in self.index.files]
        if any(name in self.index.files[path].definitions for path in here for name in new_names):
            return row.fail("done", "")
        for name in names:
            found = [one for one in self.index.by_name.get(name, []) if one.startswith("hitl_nb/")]
            # a split may have moved it while its file stayed; a private function of the same name may be another's
            may_be_elsewhere = not here or not name.startswith("_")
            if len(found) == 1 and may_be_elsewhere:
                row.found, row.qualified = found[0], name
                return None
            if len(found) > 1 and may_be_elsewhere:
                return row.fail("ambiguous", f"{name} is defined in {', '.join(found)}")
        elsewhere = [path for name in new_names for path in self.index.by_name.get(name, []) if path.startswith("hitl_nb/")]
        if elsewhere and not here:
            return row.fail("done", "")
        return row.fail("missing", "no definition of this name")

    @staticmethod
    def _with_last(qualified: str, new: str) -> str:
        if qualified.endswith(")"):
            return qualified[: qualified.index("(") + 1] + new + ")"
        if ":" in qualified:
            return qualified.split(":")[0] + ":" + new
        return ".".join([*qualified.split(".")[:-1], new])

    def skip_chains(self) -> None:
        """Row b -> c after a -> b was applied: `b` is there, but it is what was `a`."""
        by_scope = {(row.file, self._scope(row), row.new): row for row in self.rows}
        for row in self.rows:
            before = by_scope.get((row.file, self._scope(row), row.bare))
            if before and before is not row and before.state == "done" and row.state == "open":
                row.fail("done", "its name is what another row made")

    @staticmethod
    def _scope(row: Row) -> str:
        return row.old[: len(row.old.rstrip(")")) - len(row.bare)].rstrip(".")

    # ---- checks
    def places(self, row: Row) -> list[Place]:
        definitions = self.index.files[row.found].definitions[row.qualified]
        if row.is_local and ":" in row.old:
            return definitions[:1]
        places = [definitions[0]]
        if len(definitions) > 1:  # properties with setters, overloads, conditional definitions: pyright finds them from one
            places += [one for one in definitions[1:] if self.index.files[row.found].kinds[row.qualified] in ("method", "function")]
        owner, member = self._member(row)
        if owner:
            for path, name in self.index.family((row.found, owner), member.split("(")[0]):
                definition = f"{name}.{member}"
                if (path, name) != (row.found, owner) and definition in self.index.files[path].definitions:
                    places += self.index.files[path].definitions[definition][:1]
        return places

    def _member(self, row: Row) -> tuple[str, str]:
        """(class, member) of a row on a member of a class, or on a parameter of a method."""
        if ":" in row.qualified or "." not in row.qualified.split("(")[0]:
            return "", ""
        head, rest = row.qualified.split("(")[0].rsplit(".", 1)
        if head not in self.index.files[row.found].classes:
            return "", ""
        return head, rest + ("(" + row.qualified.split("(")[1] if "(" in row.qualified else "")

    def leaves(self, path: str, scope: str, name: str) -> bool:
        """Whether another row takes the name away from the scope."""
        return any(
            one.found == path and self._scope_of(one.qualified) == scope and one.bare == name and one.state in ("open", "applied")
            for one in self.rows
        )

    @staticmethod
    def _scope_of(qualified: str) -> str:
        cut = re.split(r"[(:]", qualified)
        return cut[0] if len(cut) > 1 else qualified.rpartition(".")[0]

    def check(self, row: Row) -> None:
        index = self.index.files[row.found]
        scope = self._scope_of(row.qualified)
        owner, member = self._member(row)
        if row.new == row.bare:
            return row.fail("done", "")
        if row.new in index.scopes[scope] and not self.leaves(row.found, scope, row.new):
            return row.fail("refused", f"{row.new} exists in {scope or row.found}")
        if owner and "(" not in member:
            for path, name in self.index.family((row.found, owner), member) | self.index.descendants((row.found, owner)) | self.index.ancestors((row.found, owner)):
                if row.new in self.index.files[path].scopes[name] and not self.leaves(path, name, row.new):
                    return row.fail("refused", f"{name} of {path} has {row.new}")
            foreign = self.index.foreign_definition((row.found, owner), member)
            if foreign and not member.startswith("__init__"):
                return row.fail("refused", f"{foreign} defines {member} too")
            kind = index.kinds[row.qualified]
            if kind == "variable" and self.is_struct((row.found, owner)) and not row.data.get("internal"):
                return row.fail("refused", "a field of a struct that is stored or sent (say internal: true if it is not)")
        if "(" in row.old:
            for node in ast.walk(index.tree):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == scope.rpartition(".")[2]:
                    if self._lines_of(node)[0] <= index.definitions[row.qualified][0].line <= self._lines_of(node)[1]:
                        if any(isinstance(one, ast.Name) and one.id == row.new for one in ast.walk(node)):
                            return row.fail("refused", f"{row.new} is used in {scope}")
        return None

    def is_struct(self, key: tuple[str, str]) -> bool:
        return any(
            base.rpartition(".")[2] == "Struct" for one in {key} | self.index.ancestors(key) for base in self.index.foreign.get(one, [])
        )

    @staticmethod
    def _lines_of(node: ast.AST) -> tuple[int, int]:
        return node.lineno - 1, (node.end_lineno or node.lineno) - 1  # type: ignore[attr-defined]

    # ---- renaming
    def run(self) -> dict[str, set[Edit]]:
        for row in self.rows:
            self.locate(row)
        self.skip_chains()
        for row in self.rows:
            if row.state == "open":
                self.check(row)
        working = [row for row in self.rows if row.state == "open"]
        if not working:
            return {}
        started = time.time()
        self.scopes = {path: FileScopes(path, index.lines, index.tree) for path, index in self.index.files.items()}
        self.scopes_by_name: dict[tuple[str, str], list[Scope]] = defaultdict(list)
        for path, file in self.scopes.items():
            for scope in file.scopes:
                self.scopes_by_name[path, scope.qualified].append(scope)
        self.types = PlainTypes(self.index, self.scopes, self.scopes_by_name)
        print(f"  scopes after {time.time() - started:.0f} s", flush=True)
        self._rename_bound(working)
        print(f"  names of modules and functions after {time.time() - started:.0f} s", flush=True)
        members = [row for row in working if row.state == "open" and self._member(row)[0]]
        config = self.root / "pyrightconfig.json"
        config.write_text(CONFIG, encoding="utf-8")
        script = next((self.root / ".venv").glob("lib/python*/site-packages/pyright/dist/dist/pyright-langserver.js"))
        server = Langserver(script, self.root)
        try:
            self._await_workspace(server)
            print(f"  workspace after {time.time() - started:.0f} s", flush=True)
            self._rename_members(server, members)
            print(f"  members after {time.time() - started:.0f} s", flush=True)
            self._unseen(server, [row for row in working if row.state == "open"])
        finally:
            server.close()
            config.unlink()
        taken: dict[tuple[str, str], Row] = {}
        for row in working:
            if row.state == "open":
                shadow = self._shadowed(row) or self._collides(row, taken)
                if shadow:
                    row.fail("refused", shadow)
                    row.edits.clear()
                elif not row.edits:
                    row.fail("refused", "nothing found to rename")
        return self._merge(working)

    def _await_workspace(self, server: Langserver) -> None:
        """The server answers with nothing until it has found the files."""
        place = next(
            places[0]
            for path, index in self.index.files.items()
            if path.startswith("hitl_nb/")
            for name, places in index.definitions.items()
            if index.kinds[name] == "class"
        )
        for _ in range(240):
            if server.define([(place.file, place.line, place.column)])[0]:
                return
            time.sleep(0.5)

    def _add(self, row: Row, place: Place) -> None:
        row.edits[place.file].add((place.line, place.column, place.column + len(row.bare.encode("utf-16-le")) // 2, row.new))

    def _rename_bound(self, rows: list[Row]) -> None:
        """Module names, parameters, locals, nested functions: their scopes say all, without types."""
        top: dict[tuple[str, str], Row] = {}
        for row in rows:
            if row.is_local:
                self._rename_in_function(row)
            elif not self._member(row)[0]:
                owner, _, name = row.qualified.rpartition(".")
                if owner:
                    for scope in self.scopes_by_name[row.found, owner]:
                        for place in scope.references.get(name, []):
                            self._add(row, place)
                else:
                    top[row.found, name] = row
        by_bare: dict[str, list[Row]] = defaultdict(list)
        for row in top.values():
            by_bare[row.bare].append(row)
        for path, file in self.scopes.items():
            for name in by_bare:
                if (path, name) in top:
                    for place in file.module.references.get(name, []):
                        self._add(top[path, name], place)
            for one in file.imported:
                if one.name not in by_bare:
                    continue
                target = self.index.resolve_dotted(f"{one.module}.{one.name}")
                row = top.get(target) if isinstance(target, tuple) else None
                if row is None or (path == row.found):
                    continue
                self._add(row, one.place)
                if one.local == one.name:
                    for place in one.scope.references.get(one.local, []):
                        self._add(row, place)
            for node, scope in file.attributes:
                if node.attr in by_bare:
                    dotted = file.dotted_target(node, scope)
                    target = self.index.resolve_dotted(dotted) if dotted else None
                    row = top.get(target) if isinstance(target, tuple) else None
                    if row:
                        self._add(row, self._attribute_place(path, node))
            self._rename_exports(path, by_bare, top)

    def _rename_exports(self, path: str, by_bare: dict[str, list[Row]], top: dict[tuple[str, str], Row]) -> None:
        index = self.index.files[path]
        for node in index.tree.body:
            if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) or "__all__" not in ast.unparse(node)[:10]:
                continue
            for one in ast.walk(node):
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value in by_bare:
                    target = self.index.resolve(path, one.value)
                    row = top.get(target) if isinstance(target, tuple) else None
                    if row:
                        start = _utf16(index.lines[one.lineno - 1], one.col_offset + 1)
                        self._add(row, Place(path, one.lineno - 1, start))

    def _rename_in_function(self, row: Row) -> None:
        function = re.split(r"[(:]", row.qualified)[0]
        wanted = [(row.found, function)]
        owner, member = self._member(row)
        if owner and "(" in row.qualified:
            wanted += [
                (path, f"{name}.{member.split('(')[0]}")
                for path, name in self.index.family((row.found, owner), member.split("(")[0])
                if (path, name) != (row.found, owner)
            ]
        for path, name in wanted:
            for scope in self.scopes_by_name[path, name]:
                if scope.kind in ("function", "comprehension") and row.bare in scope.bound:
                    for place in scope.references.get(row.bare, []):
                        self._add(row, place)

    def _attribute_place(self, path: str, node: ast.Attribute) -> Place:
        assert node.end_lineno and node.end_col_offset is not None
        line = node.end_lineno - 1
        return Place(path, line, _utf16(self.index.files[path].lines[line], node.end_col_offset - len(node.attr.encode())))

    def _rename_members(self, server: Langserver, rows: list[Row]) -> None:
        definitions: dict[tuple[str, int, int], Row] = {}
        by_bare: dict[str, list[Row]] = defaultdict(list)
        owners: dict[tuple[str, str, str], Row] = {}
        fields: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row.is_local:
                if "(" in row.qualified:
                    fields[row.bare].append(row)
                    owner, member = self._member(row)
                    for path, name in self.index.family((row.found, owner), member.split("(")[0]):
                        for place in self.index.files[path].definitions.get(f"{name}.{member}", []):
                            definitions[place.file, place.line, place.column] = row
                continue
            by_bare[row.bare].append(row)
            owner, member = self._member(row)
            if self.index.files[row.found].kinds[row.qualified] == "variable":
                fields[row.bare].append(row)
            for path, name in self.index.family((row.found, owner), member):
                owners[path, name, member] = row
                for place in self.index.files[path].definitions.get(f"{name}.{member}", []):
                    definitions[place.file, place.line, place.column] = row
                    self._add(row, place)
                for scope in self.scopes_by_name[path, name]:
                    # a builtin's name in a class body is mostly the builtin: `data: bytes` beside `def bytes`
                    if scope.kind == "class" and not hasattr(builtins, member):
                        for place in scope.references.get(member, []):
                            self._add(row, place)
        for row in self.rows:
            if row.state == "open" and "(" in row.qualified and not self._member(row)[0]:
                fields[row.bare].append(row)
                for place in self.index.files[row.found].definitions[row.qualified]:
                    definitions[place.file, place.line, place.column] = row
        self._rename_slots(owners)
        queries: list[tuple[str, int, int]] = []
        subjects: list[tuple[str, ast.AST, str]] = []
        narrow = {bare: self._narrow_files(many) for bare, many in by_bare.items()}
        for path, file in self.scopes.items():
            for node, scope in file.attributes:
                if node.attr not in by_bare or (narrow[node.attr] is not None and path not in narrow[node.attr]):
                    continue
                place = self._attribute_place(path, node)
                known = self._known_owner(file, node, scope, owners)
                if isinstance(known, Row):
                    self._add(known, place)
                elif known is None:
                    queries.append((path, place.line, place.column))
                    subjects.append((path, node, node.attr))
            for node, _ in file.calls:
                for keyword in node.keywords:
                    if keyword.arg in fields:
                        line = keyword.lineno - 1
                        queries.append((path, line, _utf16(self.index.files[path].lines[line], keyword.col_offset)))
                        subjects.append((path, node, keyword.arg))
        print(f"  {len(queries)} questions about types", flush=True)
        answers = server.define(queries)
        self.answered = {}
        for query, (_path, node, name), answer in zip(queries, subjects, answers, strict=True):
            found = {definitions[place].new: definitions[place] for place in answer if place in definitions}
            others = [place for place in answer if place not in definitions]
            self.answered[query] = bool(answer)
            if not answer and isinstance(node, ast.Call):  # a decorator with a ParamSpec hides its parameters
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                found = {row.new: row for row in fields[name] if re.split(r"[(]", row.qualified)[0].split(".")[-1] == called and "(" in row.qualified}
            if len(found) == 1:
                self._add(next(iter(found.values())), Place(*query))
                if others and any(one[0].startswith("hitl_nb/") for one in others):
                    self.reports.append(f"{query[0]}:{query[1] + 1}: .{name} is renamed, but may be another's too: {others[:2]}")
            elif found:
                self.reports.append(f"{query[0]}:{query[1] + 1}: .{name} has several new names: {sorted(found)}")

    def _rename_slots(self, owners: dict[tuple[str, str, str], Row]) -> None:
        for (path, name, member), row in owners.items():
            for statement in self.types.class_body(path, name):
                if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) in ("__slots__", "__match_args__"):
                    for one in ast.walk(statement.value):
                        if isinstance(one, ast.Constant) and one.value == member:
                            line = self.index.files[path].lines[one.lineno - 1]
                            self._add(row, Place(path, one.lineno - 1, _utf16(line, one.col_offset + 1)))

    def _known_owner(
        self, file: FileScopes, node: ast.Attribute, scope: Scope, owners: dict[tuple[str, str, str], Row]
    ) -> Row | bool | None:
        """The row of `x.member` where the class of `x` is plain; False if it is another thing; None where pyright has to tell."""
        value = node.value
        if isinstance(value, (ast.Name, ast.Attribute)):
            dotted = file.dotted_target(value, scope)
            target = self.index.resolve_dotted(dotted) if dotted else None
            if isinstance(target, tuple) and target[1] in self.index.files[target[0]].classes:
                return self._owner_row(target, node.attr, owners)
            if isinstance(target, tuple) and not target[1]:
                return False
            if isinstance(target, str):
                return False  # a module of another package, or what is in it
        if isinstance(value, (ast.Constant, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.Tuple)):
            return False
        key = self.types.of(file, value, scope)
        return self._owner_row(key, node.attr, owners) if key else None

    def _narrow_files(self, rows: list[Row]) -> set[str] | None:
        """The files where members of private classes, or of rows marked `narrow`, can be used; None: anywhere."""
        files: set[str] = set()
        for row in rows:
            if not (row.data.get("narrow") or self._member(row)[0].split(".")[-1].startswith("_")):
                return None
            module = module_of(row.found)
            files.add(row.found)
            files |= {
                path
                for path, file in self.scopes.items()
                if any(one.module == module or f"{one.module}.{one.name}" == module for one in file.imported)
            }
        return files

    def _owner_row(self, key: tuple[str, str], member: str, owners: dict[tuple[str, str, str], Row]) -> Row | bool | None:
        for one in [key, *self.index.ancestors(key)]:
            if one[0] in self.index.files and member in self.index.files[one[0]].classes[one[1]].members:
                return owners.get((*one, member), False)
        return None

    def _text(self, file: str, line: int, start: int, end: int) -> str:
        source = self.index.files[file].lines[line] if file in self.index.files else (self.root / file).read_text().split("\n")[line]
        raw = source.encode("utf-16-le")
        return raw[start * 2 : end * 2].decode("utf-16-le")

    def _shadowed(self, row: Row) -> str:
        """Where the new name means something else already: in a file that imports it, in a function that uses it."""
        if row.is_local or self._member(row)[0]:
            return ""
        for file, edits in row.edits.items():
            index = self.index.files[file]
            plain = [edit for edit in edits if not self._is_attribute(index, edit)]
            if not plain:
                continue
            bound_here = row.bare in index.scopes[""]
            if bound_here and row.new in index.scopes[""] and not self._leaves_file(file, row.new):
                return f"{row.new} exists in {file}"
            for function, first, last in functions(index):
                if row.new in index.scopes[function] and any(first <= edit[0] <= last for edit in plain):
                    if row.new not in {one.new for one in self.rows if one.is_local} and not self._leaves_scope(file, function, row.new):
                        return f"{row.new} is a local name of {function} in {file}"
        return ""

    def _collides(self, row: Row, taken: dict[tuple[str, str], Row]) -> str:
        """Whether another row brings the same name into a file's module scope."""
        if row.is_local or self._member(row)[0] or "." in row.qualified:
            return ""
        for file in row.edits:
            if row.bare in self.scopes[file].module.bound:
                other = taken.setdefault((file, row.new), row)
                if other is not row and (other.found, other.qualified) != (row.found, row.qualified):
                    return f"{other.old} of {other.file} becomes {row.new} in {file} too"
        return ""

    def _leaves_file(self, file: str, name: str) -> bool:
        target = self.index.resolve(file, name)
        return isinstance(target, tuple) and self.leaves(target[0], "", target[1])

    def _leaves_scope(self, file: str, function: str, name: str) -> bool:
        return self.leaves(file, function, name)

    @staticmethod
    def _is_attribute(index: FileIndex, edit: Edit) -> bool:
        raw = index.lines[edit[0]].encode("utf-16-le")[: edit[1] * 2].decode("utf-16-le").rstrip()
        return raw.endswith(".")

    # ---- what has no types, and strings
    def _unseen(self, server: Langserver, rows: list[Row]) -> None:
        covered = {(file, edit[0], edit[1]) for row in rows for file, edits in row.edits.items() for edit in edits}
        members: dict[str, list[Row]] = defaultdict(list)
        top: dict[tuple[str, str], Row] = {}
        for row in rows:
            if row.is_local:
                continue
            if self._member(row)[0]:
                members[row.bare].append(row)
            else:
                top[row.found, row.qualified] = row
        parameters: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if "(" in row.old:
                parameters[row.bare].append(row)
        for file, index in self.index.files.items():
            for node in ast.walk(index.tree):
                if isinstance(node, ast.Attribute) and node.attr in members:
                    self._attribute(server, index, node, members[node.attr], covered)
                elif isinstance(node, ast.Call):
                    self._call(server, index, node, members, top, parameters, covered)
                elif isinstance(node, ast.MatchClass):
                    self._match(index, node, members)

    def _attribute(self, server: Langserver, index: FileIndex, node: ast.Attribute, rows: list[Row], covered: set[Any]) -> None:
        assert node.end_lineno and node.end_col_offset is not None
        line = node.end_lineno - 1
        end = _utf16(index.lines[line], node.end_col_offset)
        start = end - len(node.attr)
        if (index.path, line, start) in covered:
            return
        if self.answered.get((index.path, line, start), (index.path, line, start) not in self.answered):
            return  # its type is known, and it is another thing
        self._by_uniqueness(index.path, line, start, end, node.attr, rows, f".{node.attr}")

    def _by_uniqueness(self, path: str, line: int, start: int, end: int, name: str, rows: list[Row], shown: str) -> None:
        news = {row.new for row in rows}
        owners = {(one, qualified) for qualified in self.index.by_name_of_member(name) for one in self.index.by_name[qualified]}
        renamed = {(row.found, row.qualified) for row in rows}
        families = set(renamed)
        for row in rows:
            owner, member = self._member(row)
            families |= {(file, f"{cls}.{name}") for file, cls in self.index.family((row.found, owner), member)}
        others = {one for one in owners if one[0].startswith("hitl_nb/")} - families
        text = self.index.files[path].lines[line].strip()[:110]
        if len(news) == 1 and not others and not hasattr_of_builtins(name) and not path.startswith("hitl_nb/"):
            rows[0].edits[path].add((line, start, end, rows[0].new))
        elif (path.startswith("hitl_nb/") or len(others) < 3) and not hasattr_of_builtins(name) and not path.startswith("tests/cases/programs"):
            self.reports.append(f"{path}:{line + 1}: {shown} has no known type: {text}")

    def _target(self, index: FileIndex, node: ast.expr) -> tuple[str, str] | str | None:
        if isinstance(node, (ast.Name, ast.Attribute)):
            try:
                return self.index.resolve(index.path, ast.unparse(node))
            except KeyError:
                return None
        return None

    def _call(
        self, server: Langserver, index: FileIndex, node: ast.Call, members: dict[str, list[Row]], top: dict[tuple[str, str], Row],
        parameters: dict[str, list[Row]], covered: set[Any],
    ) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if name in REFLECTING or name == "patch":
            self._reflected(server, index, node, members, top)
        if name == "replace" or name == "_replace":
            for keyword in node.keywords:
                if keyword.arg in members:
                    self._replaced(server, index, node, keyword, members[keyword.arg], covered)

    def _replaced(self, server: Langserver, index: FileIndex, node: ast.Call, keyword: ast.keyword, rows: list[Row], covered: set[Any]) -> None:
        start = _utf16(index.lines[keyword.lineno - 1], keyword.col_offset)
        line, end = keyword.lineno - 1, start + len(keyword.arg or "")
        if (index.path, line, start) in covered or not node.args and not isinstance(node.func, ast.Attribute):
            return
        subject = node.args[0] if node.args else node.func.value  # type: ignore[union-attr]
        place = _utf16(index.lines[(subject.end_lineno or 1) - 1], (subject.end_col_offset or 1) - 1)
        hover = server.hover(index.path, (subject.end_lineno or 1) - 1, place)
        found = [row for row in rows if re.search(rf"\b{self._member(row)[0].split('.')[-1]}\b", hover)]
        if len({row.new for row in found}) == 1:
            found[0].edits[index.path].add((line, start, end, found[0].new))
        elif not re.search(r":\s*[A-Z]\w+", hover):
            self.reports.append(f"{index.path}:{line + 1}: replace(..., {keyword.arg}=...): of which class? {hover!r:.80}")

    def _reflected(self, server: Langserver, index: FileIndex, node: ast.Call, members: dict[str, list[Row]], top: dict[tuple[str, str], Row]) -> None:
        for number, argument in enumerate(node.args[:2]):
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str) or not argument.value:
                continue
            word = argument.value
            if argument.lineno != argument.end_lineno:
                continue
            start = _utf16(index.lines[argument.lineno - 1], argument.col_offset)
            text = index.lines[argument.lineno - 1]
            offset = text.find(word, len(text.encode()[: argument.col_offset].decode()))
            if offset < 0:
                continue
            start = len(text[:offset].encode("utf-16-le")) // 2
            line = argument.lineno - 1
            if number == 1:
                row = self._named_by(server, index, node.args[0], word, members, top)
                if row:
                    row.edits[index.path].add((line, start, start + len(word), row.new))
                elif (word in members or any(one[1] == word for one in top)) and not isinstance(row, bool):
                    self.reports.append(f"{index.path}:{line + 1}: string {word!r} in {ast.unparse(node.func)}: of what? {text.strip()[:100]}")

    def _named_by(
        self, server: Langserver, index: FileIndex, target: ast.expr, word: str, members: dict[str, list[Row]], top: dict[tuple[str, str], Row]
    ) -> Row | bool | None:
        resolved = self._target(index, target)
        if isinstance(resolved, str):
            return False
        if isinstance(resolved, tuple):
            path, name = resolved
            if not name:
                if word in self.index.files[path].definitions:
                    return top.get((path, word), False)
                origin = self.index.resolve(path, word)
                return top.get(origin, False) if isinstance(origin, tuple) else False
            if name in self.index.files[path].classes:
                for row in members.get(word, []):
                    if (path, name) in self.index.family((row.found, self._member(row)[0]), word) or (path, name) in self.index.descendants((row.found, self._member(row)[0])):
                        return row
                return False
        if word not in members:
            return False
        line = (target.end_lineno or 1) - 1
        hover = server.hover(index.path, line, _utf16(index.lines[line], (target.end_col_offset or 1) - 1))
        shown = re.search(r":\s*([A-Z]\w+)", hover)
        for row in members[word]:
            owner, member = self._member(row)
            related = self.index.family((row.found, owner), member) | self.index.descendants((row.found, owner))
            if shown and any(name.split(".")[-1] == shown[1] for _, name in related):
                return row
        return False if shown else None

    def _match(self, index: FileIndex, node: ast.MatchClass, members: dict[str, list[Row]]) -> None:
        target = self._target(index, node.cls)
        if not isinstance(target, tuple):
            return
        for name, pattern in zip(node.kwd_attrs, node.kwd_patterns, strict=True):
            for row in members.get(name, []):
                if target in self.index.family((row.found, self._member(row)[0]), name):
                    text = index.lines[pattern.lineno - 1].encode()[: pattern.col_offset].decode()
                    offset = text.rfind(name)
                    if offset >= 0:
                        start = len(text[:offset].encode("utf-16-le")) // 2
                        row.edits[index.path].add((pattern.lineno - 1, start, start + len(name), row.new))

    def _merge(self, rows: list[Row]) -> dict[str, set[Edit]]:
        merged: dict[str, dict[tuple[int, int], tuple[Edit, Row]]] = defaultdict(dict)
        for row in rows:
            if row.state != "open":
                continue
            for file, edits in row.edits.items():
                for edit in edits:
                    before = merged[file].get((edit[0], edit[1]))
                    if before and before[0] != edit:
                        self.reports.append(f"{file}:{edit[0] + 1}: {before[1].old} -> {before[1].new} and {row.old} -> {row.new} both change it")
                        continue
                    merged[file][edit[0], edit[1]] = (edit, row)
            row.state = "applied"
        return {file: {edit for edit, _ in edits.values()} for file, edits in merged.items()}


def functions(index: FileIndex) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []

    def walk(node: ast.AST, names: list[str]) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found.append((".".join([*names, child.name]), child.body[0].lineno - 1, (child.end_lineno or 1) - 1))
                walk(child, [*names, child.name])
            elif isinstance(child, ast.ClassDef):
                walk(child, [*names, child.name])
            else:
                walk(child, names)

    walk(index.tree, [])
    return found


def _utf16(line: str, byte_column: int) -> int:
    return len(line.encode()[:byte_column].decode(errors="ignore").encode("utf-16-le")) // 2


def hasattr_of_builtins(name: str) -> bool:
    return any(hasattr(one, name) for one in (str, list, dict, set, bytes, int, float, Path, re.Pattern, io.BytesIO, tokenize))


def apply_edits(text: str, edits: set[Edit]) -> str:
    lines = text.split("\n")
    by_line: dict[int, list[Edit]] = defaultdict(list)
    for edit in edits:
        by_line[edit[0]].append(edit)
    for line, many in by_line.items():
        raw = lines[line].encode("utf-16-le")
        for _, start, end, new in sorted(many, key=lambda one: -one[1]):
            raw = raw[: start * 2] + new.encode("utf-16-le") + raw[end * 2 :]
        lines[line] = raw.decode("utf-16-le")
    return "\n".join(lines)
