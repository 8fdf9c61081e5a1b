"""Tests that may end differently when instrumented, or with pauses, and why; and why a pause may be refused.

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
        for name in ("after_raise_in_except", "after_with", "in_finally_except", "in_finally_normal", "in_named_except")
    },
    "test.test_coroutines.CoroutineTest.test_func_9": (
        "looks whether what a `for` could not iterate over is gone at once: it is kept until the block is left, so "
        "that the call which made it is not made again"
    ),
    "test.test_frame.FrameAttrsTest.test_locals": _LOCALS,
    "test.test_inspect.test_inspect.TestGetCoroutineState.test_getcoroutinelocals": _LOCALS,
    "test.test_inspect.test_inspect.TestGetGeneratorState.test_getgeneratorlocals": _LOCALS,
    "test.test_traceback.TestStack.test_format_locals": _LOCALS,
    "test.test_traceback.TestTracebackException.test_comparison_params_variations": _LOCALS,
    "test.test_traceback.TestTracebackException.test_from_exception": _LOCALS,
    "test.test_traceback.TestTracebackException.test_print": _LOCALS,
}

_TRACEBACK = (
    "looks into the frames of a traceback that was saved: file, function and line of each are kept, not the frame"
)
_IDENTITY = "compares numbers by identity: the same number that is saved in two places comes back as two objects"
_COUNTS = "counts calls of `__hash__` and `__eq__`: making a dict again makes some"
_MEMORY = "looks at how CPython keeps an object in memory, which is another one after it was saved"
_FRAMES = "sets the recursion limit to a few frames more than there are: a continued frame has more frames below it"
_REGISTERED = "registers a class of the test in an abstract class of a module: what is registered there is not saved"
_GARBAGE = (
    "looks at what the end of garbage does: what is only garbage at a pause is not saved, and ends as it was left"
)
_TRACER = "sets a tracer: it belongs to the process, and writes into the list that it was set with"
_STACK = "walks along the stack: a continued `yield from` has a frame of the engine's in it"
_PICKLE = "changes what the class itself leaves out when it is pickled: `Fraction` is saved as its text"

PAUSED: dict[str, str] = {
    "test.test_exceptions.ExceptionTests.testSettingException": _TRACEBACK,
    "test.test_exceptions.ExceptionTests.testWithTraceback": _TRACEBACK,
    "test.test_exceptions.ExceptionTests.test_MemoryError": _TRACEBACK,
    **{
        f"test.test_exceptions.PEP626Tests.test_{name}": _TRACEBACK
        for name in (
            *("lineno_after_other_except", "lineno_after_raise_in_except", "lineno_after_raise_in_with_exit"),
            *("lineno_after_raise_simple", "lineno_in_try", "missing_lineno_shows_as_none"),
        )
    },
    "test.test_exceptions.ExceptionTests.test_recursion_in_except_handler": _FRAMES,
    "test.test_fractions.FractionTest.testImmutable": _PICKLE,
    "test.test_fractions.FractionTest.testBoolGuarateesBoolReturn": _REGISTERED,
    "test.test_patma.TestInheritance.test_late_registration_mapping": _REGISTERED,
    "test.test_patma.TestInheritance.test_late_registration_sequence": _REGISTERED,
    "test.test_patma.TestPatma.test_patma_144": _IDENTITY,
    "test.test_raise.TestTraceback.test_accepts_traceback": _TRACEBACK,
    "test.test_generators.FinalizationTest.test_refcycle": _GARBAGE,
    "test.test_generators.GeneratorStackTraceTest.test_send_with_yield_from": _STACK,
    "test.test_generators.GeneratorStackTraceTest.test_throw_with_yield_from": _STACK,
    **{
        f"test.test_patma.TestTracing.test_{name}": _TRACER
        for name in (
            *("default_wildcard", "default_capture", "no_default", "only_default_wildcard"),
            *("only_default_capture", "unreachable_code"),
        )
    },
    "test.test_coroutines.CoroutineTest.test_for_2": (
        "counts references to a constant of its code: one that is saved comes back as an object of its own"
    ),
    "test.test_coroutines.OriginTrackingTest.test_origin_tracking": (
        "looks where a coroutine was made, while Python keeps that: one that was saved was made again by the engine"
    ),
    "test.test_dict.DictTest.test_setdefault_atomic": _COUNTS,
    "test.test_dict.DictTest.test_setitem_atomic_at_resize": _COUNTS,
    "test.test_dict.DictTest.test_splittable_popitem": _MEMORY,
    "test.test_dict.DictTest.test_track_dynamic": _MEMORY,
}
"""Tests that may end differently when they pause, and why."""

REFUSED: dict[str, str] = {
    "^made again$": "inside a call that is made again when a run continues (a special method, a callback of C code, "
    "code of a library): the engine keeps no position between the statements there",
    "is inside `with": "inside the `with` of a manager that changes the process, or is a library's",
    "its item would be lost": "inside an iterator that C code asks: its item would be lost",
    "because a value ends": "inside a `__del__`, which no pause can leave",
    "no instrumented code": "behind a function of a library, such as a decorator of `test.support`",
    "cannot pickle 'frame'": "a frame is held",
    "cannot pickle 'async_generator'": "an asynchronous generator is held",
    "cannot pickle": "something is held that no pickle keeps",
    "does not keep what it (refers to|holds)": "a weak reference is held",
    "that is made of a generator": "a manager of a class derived from contextlib's is held",
    "is a generator of a library": "a generator of a library is held",
    "is being asked by other code": "a generator is held that other code is asking",
    "it is open for writing": "a file is open for writing",
    "somebody holds it|belongs? to this process|memory of this process": "something of this process is held",
    "waits for something that cannot be saved": "a coroutine is held that waits in an object of its own kind",
    "deep recursion": "what is held is nested too deeply for pickle",
    "has not begun": "a function is at work whose cells cannot be told any more",
    "a special method .* asks about the value of a call": "inside a special method that is asked about a call's value: "
    "the call would be made again",
    "^KeyError": "an object's own way of being pickled fails",
    "^not loaded": "what was pickled cannot be loaded again, which is tried before a run pauses",
}
"""Why a pause may be refused, by words in the engine's sentence. The first that is found counts."""
