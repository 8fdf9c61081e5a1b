"""Check the imports between files and folders: `python tools/structure.py [ROOT]`; exit code 1 if there is a problem.

There must be no circle between files and none between folders, in Python and in TypeScript. A folder has at most 13
files, without the package's own `__init__.py`. A file of the engine has at most 400 lines. Imports under
`TYPE_CHECKING` are ignored; imports inside functions count. The package's face, `hitl_nb/__init__.py`, imports from
every folder and must not be imported by any.
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

MOST_FILES = 13
MOST_LINES = 400
SHORT_FILES = "hitl_nb/engine"  # the folder whose files have at most MOST_LINES lines
FACE = "hitl_nb/__init__.py"
Graph = dict[str, set[str]]


def read_python(root: Path) -> Graph:
    """Return the imports between the files of hitl_nb."""
    modules = {name_module(path): path for path in list_files(root, "hitl_nb", (".py",))}
    return {path: set(find_imports(root / path, module, modules)) - {path, FACE} for module, path in modules.items()}


def name_module(path: str) -> str:
    """Return the name of a file's module."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def find_imports(file: Path, module: str, modules: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that a file imports."""
    for node in walk_imports(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (modules[alias.name] for alias in node.names if alias.name in modules)
            continue
        base = node.module or ""
        if node.level:
            parts = module.split(".")[: -node.level + (1 if file.name == "__init__.py" else 0) or None]
            base = ".".join([*parts, base]).rstrip(".")
        for alias in node.names:
            found = modules.get(f"{base}.{alias.name}") or modules.get(base)
            if found is not None:
                yield found


def walk_imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield all import statements below a node, except those under `TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from walk_imports(other)
        else:
            yield from walk_imports(child)


def read_typescript(root: Path) -> Graph:
    """Return the imports between the files of the extension. `import type` counts."""
    files = set(list_files(root, "extension/src", (".ts", ".tsx")))
    graph: Graph = {}
    for path in files:
        named = re.findall(r"(?:from|import)\s*\(?'(\.[^']*)'", (root / path).read_text("utf-8"))
        found = (resolve_script(path, name, files) for name in named)
        graph[path] = {other for other in found if other is not None and other != path}
    return graph


def resolve_script(path: str, name: str, files: set[str]) -> str | None:
    """Return the file that a relative import names, or None."""
    base = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    tried = (base + ending for ending in (".ts", ".tsx", "/index.ts", "/index.tsx"))
    return next((each for each in tried if each in files), None)


def list_files(root: Path, folder: str, endings: tuple[str, ...]) -> list[str]:
    """List the files below a folder that have one of the endings."""
    found = (path.relative_to(root).as_posix() for path in (root / folder).rglob("*"))
    return sorted(path for path in found if path.endswith(endings) and "labextension/" not in path)


def find_circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the groups of nodes that reach each other (Tarjan 1972), without recursion."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []
    for start in graph:
        if start in numbers:
            continue
        work = [(start, iter(sorted(graph[start])))]
        numbers[start] = lowest[start] = len(numbers)
        stack.append(start)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in numbers:
                    numbers[other] = lowest[other] = len(numbers)
                    stack.append(other)
                    work.append((other, iter(sorted(graph.get(other, ())))))
                    break
                if other in stack:
                    lowest[node] = min(lowest[node], numbers[other])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                if lowest[node] == numbers[node]:
                    place = stack.index(node)
                    group = stack[place:]
                    del stack[place:]
                    if len(group) > 1:
                        circles.append(sorted(group))
    return circles


def fold(graph: Graph, depth: int | None) -> tuple[Graph, dict[tuple[str, str], list[str]]]:
    """Return the same graph between folders, `depth` levels deep. Files of the top folder stay nodes of their own."""

    def name_folder(path: str) -> str:
        folders = path.split("/")[:-1]
        top = 2 if path.startswith("extension/") else 1
        return path if len(folders) <= top else "/".join(folders[: None if depth is None else top + depth])

    folders: Graph = defaultdict(set)
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, others in graph.items():
        for other in others:
            here, there = name_folder(path), name_folder(other)
            folders[here].update({there} - {here})
            if here != there:
                reasons[here, there].append(f"{path} -> {other}")
    return dict(folders), reasons


def find_problems(root: Path) -> list[str]:
    """Return one sentence per problem in the structure of a checkout."""
    problems: list[str] = []
    for graph in (read_python(root), read_typescript(root)):
        graph.pop(FACE, None)
        problems += (f"files import each other: {', '.join(circle)}" for circle in find_circles(graph))
        for depth in (1, None):
            folders, reasons = fold(graph, depth)
            for circle in find_circles(folders):
                inside = [(pair, why) for pair, why in sorted(reasons.items()) if {*pair} <= {*circle}]
                said = "; ".join(f"{here} -> {there} ({why[0]})" for (here, there), why in inside)
                problems.append(f"folders import each other: {said}")
        counts = Counter(posixpath.dirname(path) for path in graph if posixpath.basename(path) != "__init__.py")
        problems += (
            f"{folder} holds {count} files, more than {MOST_FILES}"
            for folder, count in sorted(counts.items())
            if count > MOST_FILES
        )
    return problems + find_long_files(root)


def find_long_files(root: Path) -> list[str]:
    """Return one sentence per file of the engine that has too many lines."""
    counts = {path: len((root / path).read_bytes().splitlines()) for path in list_files(root, SHORT_FILES, (".py",))}
    return [
        f"{path} has {count} lines, more than {MOST_LINES}: split it"
        for path, count in counts.items()
        if count > MOST_LINES
    ]


def main() -> int:
    """Print the problems. Return 1 if there are any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    problems = list(dict.fromkeys(find_problems(root)))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
