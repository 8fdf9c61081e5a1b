"""Search for frames of the user's code on a stack that also has frames of the engine."""

from __future__ import annotations

import sys
import types
from pathlib import Path

from hitl_nb.engine.position.frames.lookup import FrameView

_PACKAGE_FOLDER = str(Path(__file__).resolve().parents[2])
_INTEGRATIONS_FOLDER = str(Path(_PACKAGE_FOLDER, "integrations"))
"""Integrations use the public interface, and their agents resume exactly, so their frames are like those of a user."""


def find_user_frame() -> types.FrameType:
    """Return the innermost frame on the stack whose code is not in the package hitl_nb, or is in an integration."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE_FOLDER):
        if frame.f_code.co_filename.startswith(_INTEGRATIONS_FOLDER):
            break
        frame = frame.f_back
    return frame


def describe_line(frame: types.FrameType) -> str:
    """Return the line of a frame for messages: "line 3" in a cell, "line 7 of refund" in a function."""
    view = FrameView(frame)
    is_cell = view.instrumented_code is not None and view.instrumented_code.function.kind == "cell"
    return f"line {frame.f_lineno}" if is_cell else f"line {frame.f_lineno} of {frame.f_code.co_name}"
