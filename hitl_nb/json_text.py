"""The standard library's JSON functions, as they were when hitl_nb was imported.

A cell may replace `json.dumps` or `json.loads` for the libraries that it uses. This must not change data that hitl_nb
stores, signs or compares.
"""

from __future__ import annotations

from json import JSONDecodeError, JSONEncoder, dumps, loads

__all__ = ["JSONDecodeError", "JSONEncoder", "dumps", "loads"]
