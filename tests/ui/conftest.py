"""Fixtures of the tests that look at a real JupyterLab: one browser, and for a module one server and one window."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import Lab, Page, chromium, launch, loaded


@pytest.fixture(scope="package")
def start_browser() -> Iterator[Callable[[], Any]]:
    """The browser of all tests of this folder that a worker runs one after the other; a new one after a crash."""
    if chromium() is None:
        pytest.skip("no Chromium found; install it, or set CHROMIUM=/path/to/it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started: list[Any] = []

        def start() -> Any:
            if not started or not started[-1].is_connected():
                started.append(launch(playwright))
            return started[-1]

        yield start
        for one in started:
            one.close()


@pytest.fixture(scope="module")
def browser(start_browser: Callable[[], Any]) -> Iterator[Any]:
    """The browser, in which a module leaves no window open."""
    started = start_browser()
    yield started
    for context in started.contexts:
        context.close()


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("state"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def page(browser: Any, lab: Lab) -> Page:
    window = browser.new_context(viewport={"width": 1300, "height": 2400}).new_page()
    return Page(window, lab)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A test that fails says what could be seen then: the pictures alone are not there for who reads CI's output."""
    report = yield
    if report.failed and call.when != "teardown" and item.get_closest_marker("ui"):
        from why import look

        seen = look(item.name)
        for page in loaded:
            page.spoiled = True  # what the test left, a dialog say, is not another one's
        report.sections.append(("What could be seen", "\n".join(seen.short + seen.long)))
        if crash := getattr(report.longrepr, "reprcrash", None):
            crash.message = "\n".join([crash.message, *seen.short])  # CI's output may be cut before the sections
    return report
