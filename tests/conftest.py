"""What every test may rely on."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.commands import Commands

# A shell starts background jobs with SIGINT ignored, and programs started by the tests would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Runs `hitl-nb` commands, each in a new process."""
    started = Commands()
    yield started
    started.close()
