"""Tests that may end differently when instrumented, and why.

Each is here by name, with one sentence. Whatever else differs is a fault. A test that is named here and does not differ
is reported too, so that this table cannot grow old.
"""

from __future__ import annotations

_LOCALS = (
    "looks at all of a frame's `f_locals`, where instrumented code keeps what it has filed, under names with a dot"
)
_LINES = (
    "looks at the line of a frame that an exception has left through a handler or a `finally`: it may be a later line "
    "of the same block (tracebacks have the right one)"
)

EXPLAINED: dict[str, str] = {
    "test.test_code": "prints `co_consts` of functions, which end with the mark that says which function it is",
    **{
        f"test.test_exceptions.PEP626Tests.test_lineno_{name}": _LINES
        for name in ("after_with", "in_finally_except", "in_finally_normal", "in_named_except")
    },
    "test.test_frame.FrameAttrsTest.test_locals": _LOCALS,
    "test.test_inspect.test_inspect.TestGetCoroutineState.test_getcoroutinelocals": _LOCALS,
    "test.test_inspect.test_inspect.TestGetGeneratorState.test_getgeneratorlocals": _LOCALS,
    "test.test_traceback.TestStack.test_format_locals": _LOCALS,
    "test.test_traceback.TestTracebackException.test_from_exception": _LOCALS,
}
