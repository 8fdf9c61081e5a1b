"""The worker process for checks by schemas that may take long: see `values/checks/bounded_checks.py`."""

from __future__ import annotations

from typing import Any

from hitl_nb import json_text as json
from hitl_nb.values.schemas import find_schema_errors
from hitl_nb.worker_process import answer_requests


def serve() -> None:
    """Run the worker: answer requests for checks until the requesting process closes the connection."""
    find_schema_errors({}, [None])  # to import the needed modules

    def answer(request: bytes) -> bytes:
        try:
            said: dict[str, Any] = {"found": find_schema_errors(*json.loads(request))}
        except RecursionError:
            said = {"failed": "it refers to itself without end, or is nested too deeply"}
        except MemoryError:
            said = {"failed": "it takes too much memory"}
        except Exception as error:  # noqa: BLE001  # an error of a library about a schema; it is shown to the person who edits
            said = {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
        return json.dumps(said).encode()

    answer_requests(answer)
