"""Runs one test module in this process and writes how each of its tests ended.

    python one_module.py TEST_MODULE RESULT_FILE COMPILER NAME ...

COMPILER is `none` (Python as it is), `native`, or `module:function`; the names are those of the modules to instrument,
`doctest examples` among them. This folder is on the path of the process, as that of any program.
"""

from __future__ import annotations

import signal
import sys

import instrumenting

# A shell starts background jobs with SIGINT ignored, and some tests interrupt themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main(arguments: list[str]) -> None:
    test_module, result_file, compiler, *names = arguments
    finder: instrumenting.Finder | None = None
    if compiler != "none":
        compile_module = instrumenting.find_compiler(compiler)
        finder = instrumenting.Finder([name for name in names if name != "doctest examples"], compile_module)
        sys.meta_path.insert(0, finder)
        if "doctest examples" in names:
            instrumenting.instrument_doctests(compile_module)
    # What is put through the instrumenter is loaded again, before the modules that use it where that can be.
    for name in [name for name in names if name in sys.modules]:
        del sys.modules[name]
    for name in names:
        if name != test_module and name != "doctest examples":
            __import__(name)
    import outcomes

    outcomes.run(test_module, result_file, finder.loaded if finder else [])


if __name__ == "__main__":
    main(sys.argv[1:])
