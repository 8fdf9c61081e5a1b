"""Agents of frameworks run in new processes, which `forks` makes cheaply."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "engine")]
