"""The runtime of instrumented code in a process that has no hitl_nb.

`PORTABLE_RUNTIME` is the source of an expression. The other process evaluates it with `eval` when it unpickles a
function, and the result takes the place of `RUNTIME`.
"""

from __future__ import annotations

PORTABLE_RUNTIME = """(lambda sys, types: type("runtime", (), {
    name: value if isinstance(value, type) or not callable(value) else staticmethod(value) for name, value in dict(
    due=False, poll=lambda: None, Unwind=(), BaseException=BaseException, AssertionError=AssertionError,
    type=type, set=set, next=next, iter=iter, globals=globals, exception=sys.exception, current_exception=sys.exception,
    leave_handler=lambda exception: None, leave_with=type,
    delegates=(types.GeneratorType, types.CoroutineType), openers={}, show=lambda value: sys.displayhook(value),
    iterate_async=lambda value: type(value).__aiter__(value), awaitable=lambda value, method: value,
    keep_iterator=lambda value: None,
    with_methods=lambda m: (lambda m: m.__enter__(), lambda m, *a: m.__exit__(*a)),
    async_with_methods=lambda m: (lambda m: m.__aenter__(), lambda m, *a: m.__aexit__(*a)),
    visible=lambda function, found: {k: v for k, v in found.items() if k[:1] != "." or k == ".0"}
        if isinstance(found, dict) else [k for k in found if k[:1] != "." or k == ".0"] if function is dir else found,
    visible_inlined=lambda function, found, namespace:
        {**(namespace or {}), **{k: v for k, v in found.items() if k[:1] != "."}} if isinstance(found, dict)
        else sorted({*(namespace or ()), *(k for k in found if k[:1] != ".")}) if function is dir else found,
    namespace_view=lambda function, args, namespace: function(*args), expand=lambda mapping: dict(mapping),
).items()}))(__import__("sys"), __import__("types"))"""
