"""What is run, and what may differ."""

from __future__ import annotations

from dataclasses import dataclass

EXAMPLES = "doctest examples"


@dataclass(frozen=True)
class Run:
    """A test module, and what of it is put through the instrumenter.

    Attributes:
        tests: the test module.
        instrumented: names of modules; EXAMPLES for what the module's doctests type at the prompt.
        name: what the table calls it.
    """

    tests: str
    instrumented: tuple[str, ...]
    name: str


_LANGUAGE = (
    *("asyncio.test_locks", "asyncio.test_pep492", "asyncio.test_queues", "asyncio.test_taskgroups"),
    *("asyncio.test_timeouts", "bdb", "collections", "context", "dataclasses", "pdb"),
    *("asyncgen", "augassign", "baseexception", "binop", "bool", "builtin", "call", "class", "code", "closure"),
    *("compare", "contains", "contextlib", "contextlib_async", "coroutines", "decorators", "descr", "dict"),
    *("dictcomps", "dynamic", "dynamicclassattribute", "enum", "except_star", "exception_group"),
    *("exception_hierarchy", "exception_variations", "exceptions", "extcall", "finalization", "flufl", "frame"),
    *("fstring", "funcattrs", "functools", "future", "generator_stop", "generators", "genexps", "global", "grammar"),
    *("hash", "index", "inspect", "int", "isinstance", "iter", "itertools", "keywordonlyarg", "list", "listcomps"),
    *("metaclass", "mutants", "named_expressions", "numeric_tower", "opcodes", "operator", "patma", "pep380", "pkg"),
    *("positional_only_arg", "pow", "print", "property", "raise", "range", "richcmp", "scope", "set", "setcomps"),
    *("slice", "sort", "string_literals", "subclassinit", "super", "syntax", "template", "traceback", "tuple"),
    *("type_annotations", "types", "typing", "unicode_identifiers", "unpack", "unpack_ex", "utf8source", "weakref"),
    *("weakset", "with"),
)

_LIBRARY = {
    "argparse": "argparse",
    "ast": "unparse",
    "bisect": "bisect",
    "configparser": "configparser",
    "contextlib": "contextlib",
    "copy": "copy",
    "csv": "csv",
    "dataclasses": "dataclasses",
    "difflib": "difflib",
    "fnmatch": "fnmatch",
    "fractions": "fractions",
    "functools": "functools",
    "graphlib": "graphlib",
    "heapq": "heapq",
    "html.parser": "htmlparser",
    "json": "json",
    "pprint": "pprint",
    "reprlib": "reprlib",
    "shlex": "shlex",
    "statistics": "statistics",
    "string": "string",
    "textwrap": "textwrap",
    "tokenize": "tokenize",
}


def language_run(name: str) -> Run:
    """A test module of CPython, itself instrumented."""
    return Run(f"test.{name}", (f"test.{name}", EXAMPLES), name)


LANGUAGE = tuple(language_run(f"test_{name}") for name in _LANGUAGE)
"""CPython's own tests of the language, themselves instrumented, with what their doctests type."""

LIBRARY = tuple(Run(f"test.test_{tests}", (name,), name) for name, tests in _LIBRARY.items())
"""Modules of the standard library, instrumented, under their own tests."""

PAUSED = tuple(
    language_run(f"test_{name}")
    for name in (
        *("augassign", "contextlib", "coroutines", "decorators", "dict", "exceptions", "fstring", "generators"),
        *("grammar", "named_expressions", "patma", "raise", "scope", "super", "unpack", "unpack_ex", "with"),
    )
) + tuple(
    Run(f"test.test_{name}", (name, f"test.test_{name}"), name)
    for name in ("fractions", "graphlib", "shlex", "textwrap")
)
"""What runs with pauses: tests of the language, and tests of the library, there both the tests and the module."""

SKIPPED = {
    "test_dis": "looks at the bytecode of its functions, which is what instrumenting changes",
    "test_compile": "looks at the bytecode and the line tables of its functions",
    "test_peepholer": "looks at the bytecode of its functions",
    "test_sys_settrace": "compares every event of a tracer, those of instrumenting among them",
    "test_gdb": "needs a debugger of C",
}
"""Modules that are about what instrumenting changes."""
