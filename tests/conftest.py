"""What every test may rely on."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from hitl_nb.values.schemas import import_jsonschema
from tests.commands import Commands

import_jsonschema()  # before a test imports nbformat, which would take a second longer

# A shell starts background jobs with SIGINT ignored, and programs started by the tests would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Runs `hitl-nb` commands, each in a new process."""
    started = Commands()
    yield started
    started.close()
