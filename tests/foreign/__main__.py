"""Code that nobody here wrote, natively and instrumented: compares every test, and writes the table.

    python -m tests.foreign [NAME ...] [--page FILE] [--json FILE] [--compiler MODULE:FUNCTION]

Names are those of the table (`test_grammar`, `textwrap`), or of another test module of CPython (`test_bdb`,
`test_asyncio.test_tasks`); without one, everything in the catalogue is run. It ends with 1 if a test ended differently
and `differences.py` does not say why.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.foreign.catalogue import LANGUAGE, LIBRARY, SKIPPED, language_run
from tests.foreign.comparing import ENGINE, Comparison, compare, has_tests
from tests.foreign.table import page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--compiler", default=ENGINE)
    parser.add_argument("--page", type=Path, help="the Markdown page to write")
    parser.add_argument("--json", type=Path, help="the differences, with tracebacks")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    known = {run.name: run for run in (*LANGUAGE, *LIBRARY)}
    chosen = [known.get(name) or language_run(name) for name in options.names or known]
    missing = [run.name for run in chosen if not has_tests(run)]
    if missing:
        print("This Python was installed without", ", ".join(missing), file=sys.stderr)
    found: list[Comparison] = []
    for made in compare([run for run in chosen if run.name not in missing], options.compiler, options.processes):
        found.append(made)
        print_line(made)
        if options.json:
            details = {one.run.name: {name: one.describe(name) for name in one.different} for one in found}
            options.json.write_text(json.dumps(details, indent=1), encoding="utf-8")
    if options.page:
        options.page.write_text(page(found, SKIPPED), encoding="utf-8")
    unexplained = sum(len(made.unexplained) for made in found)
    print(f"{sum(len(made.tests) for made in found)} tests, {unexplained} different")
    return 1 if unexplained else 0


def print_line(made: Comparison) -> None:
    """One line for a module, and one for each test that is not as it should be."""
    seconds = f"{made.native.seconds:7.1f} s {made.instrumented.seconds:7.1f} s"
    print(f"{made.run.name:26}{len(made.tests):6}{len(made.different):6}{seconds}", flush=True)
    whole = [name for name in made.unexplained if name.startswith("(")]
    for name in (whole or made.unexplained)[:20]:
        print("    different:", made.describe(name).splitlines()[0], flush=True)
    for name in whole:
        print("    ", *made.describe(name).splitlines()[-1:], flush=True)
    for name in made.outdated:
        print("    said to differ, and does not:", name, flush=True)


if __name__ == "__main__":
    sys.exit(main())
