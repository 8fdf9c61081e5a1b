"""Code that nobody here wrote, natively, instrumented and with pauses: compares every test, and writes the tables.

    python -m tests.foreign [NAME ...] [--only instrumented|paused] [--seed N] [--page FILE] [--json FILE]
                            [--compiler MODULE:FUNCTION]

Names are those of the tables (`test_grammar`, `textwrap`), or of another test module of CPython (`test_bdb`,
`test_asyncio.test_tasks`); without one, everything in the catalogue is run. It ends with 1 if a test ended differently,
or a pause was refused, and `differences.py` does not say why.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.foreign.catalogue import LANGUAGE, LIBRARY, PAUSED, SKIPPED, Run, language_run
from tests.foreign.comparing import ENGINE, Comparison, PausedComparison, compare, compare_all_paused, has_tests
from tests.foreign.table import page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--compiler", default=ENGINE)
    parser.add_argument("--page", type=Path, help="the Markdown page to write")
    parser.add_argument("--json", type=Path, help="the differences, with tracebacks")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=("instrumented", "paused"))
    parser.add_argument("--seed", type=int, default=0, help="which places are paused at in which round")
    options = parser.parse_args()
    found: list[Comparison] = []
    paused: list[PausedComparison] = []
    if options.only != "paused":
        for made in compare(_chosen((*LANGUAGE, *LIBRARY), options.names), options.compiler, options.processes):
            found.append(made)
            print_line(made)
    if options.only != "instrumented":
        for one in compare_all_paused(_chosen(PAUSED, options.names), options.processes, options.seed):
            paused.append(one)
            print_paused(one)
    if options.json:
        details = {one.run.name: {name: one.describe(name) for name in one.different} for one in (*found, *paused)}
        options.json.write_text(json.dumps(details, indent=1), encoding="utf-8")
    if options.page:
        options.page.write_text(page(found, paused, SKIPPED), encoding="utf-8")
    unexplained = sum(len(made.unexplained_tests) for made in found)
    print(f"{sum(len(made.tests) for made in found)} tests, {unexplained} different")
    unknown = sum(len(one.unexplained_tests) + len(one.unknown_refusals) for one in paused)
    print(f"{sum(one.count('continued') for one in paused)} pauses continued, {unknown} different or not known")
    return 1 if unexplained or unknown else 0


def _chosen(runs: Sequence[Run], names: Sequence[str]) -> list[Run]:
    known = {run.name: run for run in runs}
    chosen = [known.get(name) or language_run(name) for name in names or known]
    missing = [run.name for run in chosen if not has_tests(run)]
    if missing:
        print("This Python was installed without", ", ".join(missing), file=sys.stderr)
    return [run for run in chosen if run.name not in missing]


def print_paused(made: PausedComparison) -> None:
    """One line for a module with pauses, and one for each test that is not as it should be."""
    counts = [
        len(made.tests),
        made.count("tried"),
        made.count("continued"),
        made.refused_pauses.total(),
        len(made.different),
    ]
    seconds = sum(one.seconds for one in made.rounds)
    print(f"{made.run.name:26}" + "".join(f"{count:6}" for count in counts) + f"{seconds:7.1f} s", flush=True)
    for name in made.unexplained_tests[:20]:
        print("    different:", made.describe(name).splitlines()[0], flush=True)
    for reason in made.unknown_refusals:
        print("    refused:", reason[:200], flush=True)


def print_line(made: Comparison) -> None:
    """One line for a module, and one for each test that is not as it should be."""
    seconds = f"{made.native.seconds:7.1f} s {made.instrumented.seconds:7.1f} s"
    print(f"{made.run.name:26}{len(made.tests):6}{len(made.different):6}{seconds}", flush=True)
    whole = [name for name in made.unexplained_tests if name.startswith("(")]
    for name in (whole or made.unexplained_tests)[:20]:
        print("    different:", made.describe(name).splitlines()[0], flush=True)
    for name in whole:
        print("    ", *made.describe(name).splitlines()[-1:], flush=True)
    for name in made.outdated_explanations:
        print("    said to differ, and does not:", name, flush=True)


if __name__ == "__main__":
    sys.exit(main())
