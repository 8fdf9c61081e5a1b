"""Check that imported packages are declared: `python tools/declared_imports.py [ROOT]`; exit code 1 if one is not.

A package that another package installs is not enough: it may no longer be installed, or in an unexpected version.

- hitl_nb: the package's dependencies; inside functions also those of the extras for users
- hitl_nb/integrations/FRAMEWORK: also those of the extra FRAMEWORK
- the other folders with Python: the same, and the extras of FOLDERS
- extension/src: `dependencies` of its package.json; for its tests and the files beside it also `devDependencies`

NAMES has the packages whose import name differs from their installed name. Imports by `import_module` are not found.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

NAMES = {
    "acp": "agent-client-protocol",
    "ag_ui": "ag-ui-protocol",
    "agents": "openai-agents",
    "IPython": "ipython",
    "zmq": "pyzmq",
    "pydantic_ai": "pydantic-ai-slim",
}
FOLDERS = {
    "hitl_nb": (),
    "tests": ("test",),
    "tools": ("test",),
    "docs": ("test",),
    "benchmarks": ("bench",),
    "examples": ("examples", "model"),
}
"""Folders with Python files, and the extras that are installed where they run."""
FACES = {"hitl_nb/testing/plugin.py": "pytest is there, since it imports this file"}
"""Files that only another package imports. That package need not be declared."""
INTEGRATIONS = "hitl_nb/integrations/"
"""Folder of the integrations. A folder in it has the name of the extra whose packages its files import."""
PROGRAMS = {"tests/integrations/acp_programs/": "acp", "tests/integrations/ag_ui_programs/": "ag_ui"}
"""Folders of programs that tests run in an environment of their own, and the extra that is installed there."""
SCRIPTS = r"""\b(?:from|import|import\(|require\(|jest\.\w+\()\s*['"]([\w@./:-]+)['"]|'node_modules/([\w@./-]+)'"""
"""Pattern of imports in scripts: statements, calls, and paths."""


def main() -> int:
    """Print the undeclared imports. Return 1 if there are any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    problems = sorted({*find_undeclared_python(root), *find_undeclared_scripts(root)})
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


# Python


def find_undeclared_python(root: Path) -> Iterator[str]:
    """Yield one sentence per import of Python that pyproject.toml does not declare."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    always = read_names(project["dependencies"])
    extras = expand_extras(project.get("optional-dependencies", {}), normalize(project["name"]))
    for_users = set[str]().union(*(names for extra, names in extras.items() if extra not in ("test", "bench")))
    own = {"test"}.union(FOLDERS, *(list_modules(root / folder) for folder in FOLDERS if folder != "hitl_nb"))
    for folder, names in FOLDERS.items():
        there = always.union(*(extras.get(name, ()) for name in names))
        for path in sorted((root / folder).rglob("*.py")):
            shown = path.relative_to(root).as_posix()
            if shown in FACES or shown.startswith("tests/cases/programs/"):
                continue
            framework = find_extra(shown)
            for module, inside in find_imports(ast.parse(path.read_text("utf-8"))):
                if module in sys.stdlib_module_names or (module in own if folder != "hitl_nb" else module == folder):
                    continue
                package = normalize(NAMES.get(module, module))
                lazily = inside and folder == "hitl_nb" and package in for_users
                if package not in there | extras.get(framework, set()) and not lazily:
                    yield f"{shown} imports {module}, and pyproject.toml does not declare {package}"


def find_extra(shown: str) -> str:
    """Return the extra whose packages a file may import in addition; "" if there is none."""
    if shown.startswith(INTEGRATIONS):
        return shown.removeprefix(INTEGRATIONS).split("/")[0]
    return next((extra for folder, extra in PROGRAMS.items() if shown.startswith(folder)), "")


def list_modules(folder: Path) -> Iterator[str]:
    """Yield the modules that files of a folder import from their own folder: tests, their helpers, examples."""
    for path in folder.rglob("*"):
        if path.is_dir() or path.suffix == ".py":
            yield path.stem


def find_imports(node: ast.AST, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the imported packages, and whether the import is inside a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name.split(".")[0], inside) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level:
            yield str(child.module).split(".")[0], inside
        else:
            yield from find_imports(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


def read_names(requirements: Iterable[str]) -> set[str]:
    """Return the normalized names of the required packages."""
    return {normalize(name_requirement(each)) for each in requirements}


def expand_extras(extras: dict[str, list[str]], project: str) -> dict[str, set[str]]:
    """Return the packages that each extra declares, including those of other extras that it names."""
    found: dict[str, set[str]] = {}
    for extra in extras:
        names, work = set[str](), [extra]
        for each in work:
            for requirement in extras[each]:
                if normalize(name_requirement(requirement)) == project:
                    inner = requirement.partition("[")[2].partition("]")[0]
                    work += (name.strip() for name in inner.split(",") if name.strip() not in work)
                else:
                    names.add(normalize(name_requirement(requirement)))
        found[extra] = names
    return found


def name_requirement(requirement: str) -> str:
    """Return the name of a requirement, without its version and extras."""
    return re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]


def normalize(name: str) -> str:
    """Return a package name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


# TypeScript and JavaScript


def find_undeclared_scripts(root: Path) -> Iterator[str]:
    """Yield one sentence per import of the extension that its package.json does not declare."""
    extension = root / "extension"
    if not extension.is_dir():
        return
    package: dict[str, Any] = json.loads((extension / "package.json").read_text("utf-8"))
    always = set(package.get("dependencies", {}))
    with_tools = always | set(package.get("devDependencies", {}))
    for path in list_scripts(extension):
        inside = path.relative_to(extension).as_posix()
        there, where = (always, "dependencies") if inside.startswith("src/") else (with_tools, "devDependencies")
        for match in re.finditer(SCRIPTS, path.read_text("utf-8")):
            name = name_package(match[1] or match[2])
            if name is not None and name not in there:
                yield f"extension/{inside} imports {name}, and package.json does not declare it in {where}"


def list_scripts(extension: Path) -> list[Path]:
    """List the scripts of the extension that are checked."""
    found = [path for folder in ("src", "tests") for path in (extension / folder).rglob("*")]
    found += extension.iterdir()
    return sorted(path for path in found if path.suffix in {".ts", ".tsx", ".js", ".mjs", ".cjs"})


def name_package(imported: str) -> str | None:
    """Return the package of an import. None for a file, and for a module of Node.js."""
    if imported.startswith((".", "/", "node:")):
        return None
    return "/".join(imported.split("/")[: 2 if imported.startswith("@") else 1])


if __name__ == "__main__":
    sys.exit(main())
