"""The page of the documentation that `make foreign` writes."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence

from tests.foreign.catalogue import Run
from tests.foreign.comparing import Comparison, PausedComparison
from tests.foreign.differences import EXPLAINED
from tests.foreign.differences import PAUSED as WITH_PAUSES

_HEAD = """# Code that nobody here wrote

The engine compiles the cells and functions of a notebook, and functions with `@hitl.agent` in modules, to native code.
The position of this code can be read, saved and continued; every run uses it. These tests give it code that was not
written for it: CPython's own tests, from the installed Python, and modules of its standard library. Every test must end
as it does natively, both instrumented alone and paused between its statements. Each module runs in separate processes,
natively and instrumented. `make foreign` writes this page.

CPython {version}: {tests:,} tests of {modules} modules instrumented. {same:,} end as they do natively; {explained} end
differently for a reason that is given below, {unexplained} without one.
"""

_PAUSED_HEAD = """
{tests:,} tests of {modules} modules with pauses: {tried:,} pauses tried, {continued:,} saved and continued, {refused:,}
refused. {different} tests end differently for a reason that is given below, {unexplained} without one.
"""

_LANGUAGE = """
## Tests of the language

The test module itself is instrumented: all its functions, classes, lambdas, generators and comprehensions, and the
input lines of its doctests.
"""

_LIBRARY = """
## Modules of the standard library

Each function of the module gets the code that `@hitl.agent` gives to a function, also methods, properties and closures.
The module's own tests run unchanged. "Functions" are those that ran instrumented code at the end, of all functions that
the module had then.
"""

_PAUSED = """
## With pauses between statements

The code reports after each simple statement and at each iteration of a loop. A pause is made at the first visit of
every place; at some places at the second, third or tenth visit. The stack is read and saved to bytes, and the test's
frames are left. The test continues from the bytes alone, with new frames, and new objects for all that the test has
made. Objects of modules and of the test runner are found there. There are two rounds, each with half of the places. In
a round a test pauses up to a hundred times, so that a continued test is paused again. Where the engine refuses to save,
the test continues as if nothing was asked, and must end the same. Of the library's modules, both the module and its
tests are instrumented here.
"""


def page(found: Sequence[Comparison], paused: Sequence[PausedComparison], skipped: Mapping[str, str]) -> str:
    language = [made for made in found if is_language(made.run)]
    library = [made for made in found if not is_language(made.run)]
    parts = [_head(found), _paused_head(paused), _LANGUAGE, _rows(language), _LIBRARY, _rows(library)]
    parts += [_PAUSED, _paused_rows(paused), _refusals(paused)]
    different = [name for made in found for name in made.different]
    parts.append(_reasons("What differs", ("test", "why"), {name: EXPLAINED.get(name, _NOT) for name in different}))
    known = {**EXPLAINED, **WITH_PAUSES}
    more = {name: known.get(name, _NOT) for made in paused for name in made.different if name not in different}
    parts.append(_reasons("What differs with pauses", ("test", "why"), more))
    parts.append(_reasons("Left out", ("tests", "why"), skipped))
    return "".join(parts)


_NOT = "**not explained**"


def _head(found: Sequence[Comparison]) -> str:
    different = sum(len(made.different) for made in found)
    tests = sum(len(made.tests) for made in found)
    unexplained = sum(len(made.unexplained_tests) for made in found)
    return _HEAD.format(
        version=platform.python_version(),
        tests=tests,
        modules=len(found),
        same=tests - different,
        explained=different - unexplained,
        unexplained=unexplained or "none",
    )


def _paused_head(paused: Sequence[PausedComparison]) -> str:
    different = sum(len(made.different) for made in paused)
    unexplained = sum(len(made.unexplained_tests) for made in paused)
    return _PAUSED_HEAD.format(
        tests=sum(len(made.tests) for made in paused),
        modules=len(paused),
        tried=sum(made.count("tried") for made in paused),
        continued=sum(made.count("continued") for made in paused),
        refused=sum(made.refused_pauses.total() for made in paused),
        different=different - unexplained,
        unexplained=unexplained or "none",
    )


def _paused_rows(paused: Sequence[PausedComparison]) -> str:
    lines = [
        "",
        "| module | tests | pauses tried | continued | refused | tests that differ |",
        "|---|---|---|---|---|---|",
    ]
    for made in paused:
        counts = (len(made.tests), made.count("tried"), made.count("continued"), made.refused_pauses.total())
        lines.append(f"| `{made.run.name}` | " + " | ".join(f"{n:,}" for n in counts) + f" | {len(made.different)} |")
    return "\n".join(lines) + "\n"


def _refusals(paused: Sequence[PausedComparison]) -> str:
    refused: Counter[str] = Counter()
    for made in paused:
        refused += made.refused_pauses
    lines = ["", "| refused | because the test is, or holds, at that place |", "|---|---|"]
    lines += [f"| {count:,} | {reason} |" for reason, count in refused.most_common()]
    return "\n".join(lines) + "\n"


def _reasons(title: str, columns: tuple[str, str], rows: Mapping[str, str]) -> str:
    if not rows:
        return ""
    lines = [f"\n## {title}\n", f"| {columns[0]} | {columns[1]} |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {why} |" for name, why in rows.items())]) + "\n"


def is_language(run: Run) -> bool:
    return run.tests in run.instrumented


def _rows(found: Sequence[Comparison]) -> str:
    has_functions = any(made.instrumented.functions for made in found)
    more = (" functions |", "---|") if has_functions else ("", "")
    lines = ["", f"| module | tests | same | different |{more[0]}", f"|---|---|---|---|{more[1]}"]
    for made in found:
        count = len(made.different)
        line = f"| `{made.run.name}` | {len(made.tests)} | {len(made.tests) - count} | {count} |"
        if has_functions:
            all_, marked = (sum(column) for column in zip((0, 0), *made.instrumented.functions.values(), strict=True))
            line += f" {marked} of {all_} |"
        lines.append(line)
    return "\n".join(lines) + "\n"
