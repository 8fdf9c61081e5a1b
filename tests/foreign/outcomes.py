"""How each test of a module ended."""

from __future__ import annotations

import importlib
import re
import traceback
import unittest
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

Error = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Outcomes(unittest.TestResult):
    """Keeps one word for each test, and the traceback of those that did not succeed."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, str] = {}
        self.details: dict[str, str] = {}

    def _keep(self, test: unittest.TestCase, word: str, error: Error | None = None) -> None:
        name = re.sub(r"0x[0-9a-fA-F]+", "0x", test.id())
        self.words[name] = word
        if error is not None:
            self.details[name] = "".join(traceback.format_exception(*error))[-6000:]

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._keep(test, "ok")

    def addFailure(self, test: unittest.TestCase, err: Error) -> None:
        super().addFailure(test, err)
        self._keep(test, "fail", err)

    def addError(self, test: unittest.TestCase, err: Error) -> None:
        super().addError(test, err)
        self._keep(test, "error", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._keep(test, "skip")

    def addExpectedFailure(self, test: unittest.TestCase, err: Error) -> None:
        super().addExpectedFailure(test, err)
        self._keep(test, "expected failure")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._keep(test, "unexpected success")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Error | None) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._keep(subtest, "fail" if issubclass(err[0] or Exception, test.failureException) else "error", err)


@dataclass
class Found:
    """What is written of one test module.

    Attributes:
        words: for each test how it ended.
        details: tracebacks of those that did not succeed.
        instrumented: names of the modules that were put through the instrumenter.
        functions: for each module whose functions are marked, how many it has, and how many are instrumented.
        paused: for each test that was paused, the attributes of its `Paused`.
    """

    words: dict[str, str]
    details: dict[str, str]
    instrumented: list[str] = field(default_factory=list[str])
    functions: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    paused: dict[str, Any] = field(default_factory=dict[str, Any])


def run(test_module: str) -> Found:
    """Run a module's tests as Python's own test runner does, with none of its extra resources."""
    from test import support

    support.use_resources = []
    outcomes = Outcomes()
    try:
        module = importlib.import_module(test_module)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        suite(outcomes)
    except unittest.SkipTest:
        outcomes.words["(import)"] = "skip"
    except BaseException as error:  # noqa: BLE001 - whatever stops an import is what is compared
        outcomes.words["(import)"] = "error"
        outcomes.details["(import)"] = "".join(traceback.format_exception(error))[-6000:]
    return Found(outcomes.words, outcomes.details)
