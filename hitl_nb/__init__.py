"""Human-in-the-loop review for AI agents, native to Jupyter notebooks.

`import hitl_nb as hitl` in code, `%load_ext hitl_nb` in a notebook, `hitl-nb` on the command line.
Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hitl_nb.engine.workspacefactory import workspace as workspace

    from .engine.agents import agent as agent
    from .engine.checkpoint import checkpoint as checkpoint
    from .engine.checkpoint import checkpoint_all as checkpoint_all
    from .engine.checkpoint import proposal as proposal
    from .engine.decision import Decision as Decision
    from .engine.decision import Vote as Vote
    from .engine.gates import gate as gate
    from .engine.guardrails import guardrail as guardrail
    from .engine.labels import labels as labels
    from .engine.resources import live as live
    from .engine.resources import resource as resource
    from .engine.steps import idempotency_key as idempotency_key
    from .engine.steps import step as step
    from .errors import AlreadyDecided as AlreadyDecided
    from .errors import AlreadySettled as AlreadySettled
    from .errors import CannotPause as CannotPause
    from .errors import CellChanged as CellChanged
    from .errors import HitlError as HitlError
    from .errors import InputChanged as InputChanged
    from .errors import InvalidEdit as InvalidEdit
    from .errors import NotAReviewer as NotAReviewer
    from .errors import NotInAgent as NotInAgent
    from .errors import OwnRequest as OwnRequest
    from .errors import Paused as Paused
    from .errors import PolicyError as PolicyError
    from .errors import Rejected as Rejected
    from .errors import RunClaimed as RunClaimed
    from .errors import ServerError as ServerError
    from .errors import StaleDraft as StaleDraft
    from .errors import StoreBusy as StoreBusy
    from .errors import StoreCorrupt as StoreCorrupt
    from .errors import StoreError as StoreError
    from .errors import StoreFull as StoreFull
    from .errors import StoreRefused as StoreRefused
    from .errors import TextGone as TextGone
    from .errors import TooLate as TooLate
    from .errors import Unanswered as Unanswered
    from .errors import UnknownComment as UnknownComment
    from .errors import UnknownNotebook as UnknownNotebook
    from .errors import UnknownProposal as UnknownProposal
    from .errors import UnknownRun as UnknownRun
    from .errors import UnknownWorkspace as UnknownWorkspace
    from .errors import Untrusted as Untrusted
    from .errors import WorkspaceClosed as WorkspaceClosed
    from .errors import WorkspaceInUse as WorkspaceInUse
    from .errors import WrongPython as WrongPython
    from .notebook.client import NotebookClient as NotebookClient
    from .notebook.extension import load_ipython_extension as load_ipython_extension
    from .notebook.extension import unload_ipython_extension as unload_ipython_extension
    from .notebook.headless import run_notebook as run_notebook
    from .review import guardrails as guardrails
    from .review.guardrails import block as block
    from .review.guardrails import escalate as escalate
    from .review.guardrails import passed as passed
    from .review.policy_files import Policy as Policy
    from .review.policy_files import policy as policy
    from .review.writing import Written as Written
    from .store import open_store as open_store

__version__ = "0.1.0"

_HOMES = {
    "agent": "engine.agents",
    "checkpoint": "engine.checkpoint",
    "checkpoint_all": "engine.checkpoint",
    "proposal": "engine.checkpoint",
    "Decision": "engine.decision",
    "Vote": "engine.decision",
    "gate": "engine.gates",
    "guardrail": "engine.guardrails",
    "labels": "engine.labels",
    "live": "engine.resources",
    "resource": "engine.resources",
    "idempotency_key": "engine.steps",
    "step": "engine.steps",
    "workspace": "engine.workspacefactory",
    "Policy": "review.policy_files",
    "policy": "review.policy_files",
    **dict.fromkeys(("block", "escalate", "passed"), "review.guardrails"),
    "Written": "review.writing",
    "load_ipython_extension": "notebook.extension",
    "unload_ipython_extension": "notebook.extension",
    "NotebookClient": "notebook.client",
    "run_notebook": "notebook.headless",
    "open_store": "store",
    **dict.fromkeys(
        (
            *(
                "AlreadyDecided",
                "AlreadySettled",
                "CannotPause",
                "CellChanged",
                "HitlError",
                "InputChanged",
                "InvalidEdit",
            ),
            *("NotInAgent", "Paused", "UnknownComment", "UnknownNotebook"),
            *("NotAReviewer", "OwnRequest", "PolicyError", "TooLate"),
            *(
                "Rejected",
                "RunClaimed",
                "ServerError",
                "StaleDraft",
                "StoreBusy",
                "StoreCorrupt",
                "StoreError",
                "StoreFull",
            ),
            *("StoreRefused", "Unanswered", "UnknownProposal", "UnknownRun", "Untrusted", "WrongPython"),
            *("TextGone", "UnknownWorkspace", "WorkspaceClosed", "WorkspaceInUse"),
        ),
        "errors",
    ),
}

_MODULES = {"guardrails": "review.guardrails"}
"""Names that are modules of their own."""

__all__ = ["__version__", *_HOMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]  # noqa: PLE0604  # made by __getattr__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = import_module(f".{_MODULES[name]}", __name__)
    elif name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    else:
        raise AttributeError(f"module 'hitl_nb' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
