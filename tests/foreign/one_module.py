"""Runs one test module in this process and writes how each of its tests ended.

    python one_module.py TEST_MODULE RESULT_FILE COMPILER ROUND NAME ...

ROUND is `none`, or `number,of,seed,most` of the places where tests are paused (see `pausing.Round`). COMPILER is `none`
(Python as it is), `native`, or `module:function`; the names are those of the modules to instrument, `doctest examples`
among them. This folder is on the path of the process, as that of any program.
"""

from __future__ import annotations

import signal
import sys

import instrumenting

# A shell starts background jobs with SIGINT ignored, and some tests interrupt themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main(arguments: list[str]) -> None:
    test_module, result_file, compiler, part, *names = arguments
    pauses: pausing.Pauses | None = None
    if part != "none":
        import pausing

        pausing.report_behind_statements()
        pauses = pausing.Pauses(pausing.Round(*map(int, part.split(","))), (test_module, *names))
    finder: instrumenting.Finder | None = None
    mark: instrumenting.InstrumentFunction | None = None
    if compiler == "hitl_nb.engine.compile:compile_module":
        mark = instrumenting.find_compiler("hitl_nb.engine.instrument:instrument_function")
    if compiler != "none":
        compile_module = instrumenting.find_compiler(compiler)
        finder = instrumenting.Finder([name for name in names if name != "doctest examples"], compile_module, mark)
        sys.meta_path.insert(0, finder)
        if "doctest examples" in names:
            run = pauses.run_example if pauses is not None else instrumenting.run_code
            instrumenting.instrument_doctests(compile_module, run)
    # What is put through the instrumenter is loaded again, before the modules that use it where that can be.
    inside = tuple(f"{name}." for name in names)
    for name in [name for name in sys.modules if name in names or name.startswith(inside)]:
        del sys.modules[name]
    for name in names:
        if name != test_module and name != "doctest examples":
            __import__(name)
    import outcomes

    if pauses is not None:
        pauses.install()
    found = outcomes.run(test_module)
    import json

    found.instrumented = finder.loaded if finder else []
    found.paused = {name: vars(one) for name, one in pauses.tests.items()} if pauses else {}
    if mark is not None and finder is not None:
        marked = [name for name in finder.loaded if not name.startswith("test.") and name in sys.modules]
        found.functions = {name: count_functions(name) for name in marked}
    with open(result_file, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib may be what is tested
        json.dump(vars(found), file)
    sys.stdout.flush()


def count_functions(name: str) -> list[int]:
    """How many functions a module has, and how many of them run instrumented code."""
    from hitl_nb.engine.compile import find_code

    found = instrumenting.functions_of(sys.modules[name])
    return [len(found), sum(find_code(function.__code__) is not None for function in found)]


if __name__ == "__main__":
    main(sys.argv[1:])
