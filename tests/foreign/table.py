"""The page of the documentation that `make foreign` writes."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

from tests.foreign.catalogue import Run
from tests.foreign.comparing import Comparison
from tests.foreign.differences import EXPLAINED

_HEAD = """# Code that nobody here wrote

The next engine compiles the cells and functions of a notebook to native code whose position can be read and saved. It
is in the repository (`hitl_nb/engine/compile`) and is not used by runs yet. Here CPython's own tests, from the Python
that is installed, and modules of its standard library are compiled so, and every test must end as it does natively.
Each module runs twice, in processes of its own. `make foreign` writes this page.

CPython {version}: {tests:,} tests of {modules} modules. {same:,} end as they do natively; {explained} end differently
for a reason that is given below, {unexplained} without one.
"""

_LANGUAGE = """
## Tests of the language

The test module itself is instrumented: all its functions, classes, lambdas, generators and comprehensions, and what its
doctests type at the prompt.
"""

_LIBRARY = """
## Modules of the standard library

The module is instrumented, all its functions, and its own tests run as they are.
"""


def page(found: Sequence[Comparison], skipped: Mapping[str, str]) -> str:
    different = [name for made in found for name in made.different]
    tests = sum(len(made.tests) for made in found)
    unexplained = sum(len(made.unexplained) for made in found)
    head = _HEAD.format(
        version=platform.python_version(),
        tests=tests,
        modules=len(found),
        same=tests - len(different),
        explained=len(different) - unexplained,
        unexplained=unexplained or "none",
    )
    language = [made for made in found if is_language(made.run)]
    library = [made for made in found if not is_language(made.run)]
    parts = [head, _LANGUAGE, _rows(language), _LIBRARY, _rows(library)]
    if different:
        parts += ["\n## What differs\n\n| test | why |\n|---|---|\n"]
        parts += [f"| `{name}` | {EXPLAINED.get(name, '**not explained**')} |\n" for name in different]
    if skipped:
        parts += ["\n## Left out\n\n| tests | why |\n|---|---|\n"]
        parts += [f"| `{name}` | {why} |\n" for name, why in skipped.items()]
    return "".join(parts)


def is_language(run: Run) -> bool:
    return run.tests in run.instrumented


def _rows(found: Sequence[Comparison]) -> str:
    lines = ["", "| module | tests | same | different |", "|---|---|---|---|"]
    for made in found:
        count = len(made.different)
        lines.append(f"| `{made.run.name}` | {len(made.tests)} | {len(made.tests) - count} | {count} |")
    return "\n".join(lines) + "\n"
