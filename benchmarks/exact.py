"""What running instrumented costs: thirty shapes of code (see `shapes`) against the same source compiled by Python.

Both are compiled in one process and run in turns; of each the fastest round counts, so that what the machine does
beside it is left out. Every shape is measured twice, with a checkpoint in reach of its loop and without one. Behind
them is what compiling a cell of 200 lines costs, and what reading a deep stack does.
"""

from __future__ import annotations

import functools
import gc
import importlib
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Line, below, interleaved, known, milliseconds
from benchmarks.shapes import LONG_CELL, SHAPES, Shape
from hitl_nb.engine.position.driver import Driver

FRAMES = 100
"""Of the stack that is read."""
DEEP = """
def go_down(frames):
    return ask() if frames == 1 else go_down(frames - 1) + 1
"""
COMPILER = "hitl_nb.engine.compile"
CompileModule = Callable[[str, str], types.CodeType]


def compile_natively(source: str, filename: str) -> types.CodeType:
    return compile(source, filename, "exec", dont_inherit=True)


def prepared(shape: Shape, source: str, compile_module: CompileModule) -> Callable[[], float]:
    """A function that runs the shape's timed part once: milliseconds."""
    kinds = ["refund", "order", "letter", "invoice", "note"]
    words = [f"{kinds[n % 5]}{n % 97}" for n in range(8_000)]
    names: dict[str, Any] = {
        "__builtins__": __builtins__,
        "__name__": "__main__",
        "never": False,
        "checkpoint": print,
        "words": words,
    }
    cell = types.FunctionType(compile_module(source, f"<{shape.name}>"), names, "<module>")
    if shape.kind == "cell":
        return lambda: milliseconds(cell)
    cell()
    return lambda: milliseconds(names["work"])


def fastest(shape: Shape, rounds: int, compile_module: CompileModule, *, asks: bool) -> tuple[float, float]:
    """Instrumented and native: milliseconds of the fastest round."""
    source = shape.source(asks=asks)
    sides = prepared(shape, source, compile_module), prepared(shape, source, compile_natively)
    gc.collect()
    gc.disable()
    try:
        ours, native = interleaved(rounds, *sides, warm=2)
    finally:
        gc.enable()
    return min(ours), min(native)


def measure(folder: Path, rounds: int = 15, compile_module: CompileModule | None = None) -> list[Line]:
    chosen: CompileModule = compile_module or importlib.import_module(COMPILER).compile_module
    found: list[tuple[float, str, float, float]] = []
    for shape in SHAPES:
        for asks in (False, True):
            ours, native = fastest(shape, rounds, chosen, asks=asks)
            found.append((ours / native, shape.name + (", a checkpoint in reach" if asks else ""), ours, native))
    found.sort(reverse=True)
    ratios = [ratio for ratio, *_ in found]
    high = statistics.quantiles(ratios, n=10, method="inclusive")[-1]

    def times(what: str, ratio: float, most: float | None) -> Line:
        target = "" if most is None else f"<= {most:g}x"
        return Line(what, ratio, "native", 1.0, ratio, target, None if most is None else ratio <= most, "x")

    compiled, native = interleaved(rounds, *(_compiling(by) for by in (chosen, compile_natively)), warm=1)
    read = [read_deep_stack(chosen) for _ in range(rounds + 1)][1:]
    return [
        times(f"{len(SHAPES)} shapes of code instrumented, median", statistics.median(ratios), 1.1),
        times("the same, nine in ten", high, None),
        times("the same, the worst", ratios[0], 2),
        *(Line(f"  {name}", ours, "native", native, ratio, "", None) for ratio, name, ours, native in found[:5]),
        below("a cell of 200 lines instrumented", compiled, 20),
        known("the same compiled by Python", native),
        below(f"a stack of {FRAMES} frames read", read, 2),
    ]


def _compiling(compile_module: CompileModule) -> Callable[[], float]:
    """Compiles the long cell, a new text each time."""

    def compile_once() -> float:
        source = f"{LONG_CELL}\n# {time.perf_counter_ns()}\n"
        return milliseconds(lambda: compile_module(source, "<cell>"))

    return compile_once


def read_deep_stack(compile_module: CompileModule) -> float:
    """Milliseconds to read the stack of a function that calls itself, as a checkpoint does that it comes to."""
    took: list[float] = []

    def ask() -> int:
        frame = sys._getframe(1)  # documented, in CPython
        took.append(milliseconds(lambda: found.append(driver.read_stack(frame, lambda value: value is ask))))
        return 0

    found: list[Any] = []
    driver = Driver()
    names: dict[str, Any] = {"__builtins__": __builtins__, "__name__": "__main__", "ask": ask}
    types.FunctionType(compile_module(DEEP, "<deep>"), names, "<module>")()
    driver.start(functools.partial(names["go_down"], FRAMES))
    assert len(found[0].frames) == FRAMES
    assert found[0].waits_for_answer
    return took[0]
