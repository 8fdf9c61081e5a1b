"""Human-in-the-loop review for AI agents, native to Jupyter notebooks.

`import hitl_nb as hitl` in code, `%load_ext hitl_nb` in a notebook, `hitl-nb` on the command line.
Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hitl_nb.agent_api.agents import agent as agent
    from hitl_nb.agent_api.checkpoint import checkpoint as checkpoint
    from hitl_nb.agent_api.checkpoint import checkpoint_all as checkpoint_all
    from hitl_nb.agent_api.checkpoint import proposal as proposal
    from hitl_nb.agent_api.gates import gate as gate
    from hitl_nb.agent_api.guardrails import guardrail as guardrail
    from hitl_nb.agent_api.held_questions import held as held
    from hitl_nb.agent_api.labels import labels as labels
    from hitl_nb.agent_api.steps import idempotency_key as idempotency_key
    from hitl_nb.agent_api.steps import step as step
    from hitl_nb.drafts.agent_writer import Written as Written
    from hitl_nb.engine.reopening.resources import live as live
    from hitl_nb.engine.reopening.resources import resource as resource
    from hitl_nb.errors import AlreadyDecided as AlreadyDecided
    from hitl_nb.errors import AlreadySettled as AlreadySettled
    from hitl_nb.errors import CannotPause as CannotPause
    from hitl_nb.errors import CellChanged as CellChanged
    from hitl_nb.errors import HitlError as HitlError
    from hitl_nb.errors import InputChanged as InputChanged
    from hitl_nb.errors import InvalidEdit as InvalidEdit
    from hitl_nb.errors import NotAReviewer as NotAReviewer
    from hitl_nb.errors import NotInAgent as NotInAgent
    from hitl_nb.errors import OwnRequest as OwnRequest
    from hitl_nb.errors import Paused as Paused
    from hitl_nb.errors import PolicyError as PolicyError
    from hitl_nb.errors import Rejected as Rejected
    from hitl_nb.errors import RunClaimed as RunClaimed
    from hitl_nb.errors import ServerError as ServerError
    from hitl_nb.errors import StaleDraft as StaleDraft
    from hitl_nb.errors import StoreBusy as StoreBusy
    from hitl_nb.errors import StoreCorrupt as StoreCorrupt
    from hitl_nb.errors import StoreError as StoreError
    from hitl_nb.errors import StoreFull as StoreFull
    from hitl_nb.errors import StoreRefused as StoreRefused
    from hitl_nb.errors import TextGone as TextGone
    from hitl_nb.errors import TooLate as TooLate
    from hitl_nb.errors import Unanswered as Unanswered
    from hitl_nb.errors import UnknownComment as UnknownComment
    from hitl_nb.errors import UnknownNotebook as UnknownNotebook
    from hitl_nb.errors import UnknownProposal as UnknownProposal
    from hitl_nb.errors import UnknownRun as UnknownRun
    from hitl_nb.errors import UnknownWorkspace as UnknownWorkspace
    from hitl_nb.errors import Untrusted as Untrusted
    from hitl_nb.errors import WorkspaceClosed as WorkspaceClosed
    from hitl_nb.errors import WorkspaceInUse as WorkspaceInUse
    from hitl_nb.errors import WrongPython as WrongPython
    from hitl_nb.evidence.shown_values import diff as diff
    from hitl_nb.evidence.shown_values import image as image
    from hitl_nb.evidence.shown_values import link as link
    from hitl_nb.evidence.shown_values import markdown as markdown
    from hitl_nb.headless.notebook_client import NotebookClient as NotebookClient
    from hitl_nb.headless.run_notebook import run_notebook as run_notebook
    from hitl_nb.notebook.ipython.magics import load_ipython_extension as load_ipython_extension
    from hitl_nb.notebook.ipython.magics import unload_ipython_extension as unload_ipython_extension
    from hitl_nb.review import guardrails as guardrails
    from hitl_nb.review.decision import Decision as Decision
    from hitl_nb.review.decision import Vote as Vote
    from hitl_nb.review.guardrails import block as block
    from hitl_nb.review.guardrails import escalate as escalate
    from hitl_nb.review.guardrails import passed as passed
    from hitl_nb.review.policy_files.policy_files import Policy as Policy
    from hitl_nb.review.policy_files.policy_files import policy as policy
    from hitl_nb.review.programs.inbox import decide as decide
    from hitl_nb.review.programs.inbox import decided as decided
    from hitl_nb.review.programs.inbox import inbox as inbox
    from hitl_nb.storage import open_store as open_store
    from hitl_nb.workspaces.factory import workspace as workspace

__version__ = "0.1.0"

_HOMES = {
    "agent": "agent_api.agents",
    "checkpoint": "agent_api.checkpoint",
    "checkpoint_all": "agent_api.checkpoint",
    "proposal": "agent_api.checkpoint",
    "Decision": "review.decision",
    "Vote": "review.decision",
    "gate": "agent_api.gates",
    "guardrail": "agent_api.guardrails",
    "held": "agent_api.held_questions",
    "labels": "agent_api.labels",
    "live": "engine.reopening.resources",
    "resource": "engine.reopening.resources",
    "idempotency_key": "agent_api.steps",
    "step": "agent_api.steps",
    "workspace": "workspaces.factory",
    "Policy": "review.policy_files.policy_files",
    "policy": "review.policy_files.policy_files",
    **dict.fromkeys(("inbox", "decide", "decided"), "review.programs.inbox"),
    **dict.fromkeys(("block", "escalate", "passed"), "review.guardrails"),
    "Written": "drafts.agent_writer",
    **dict.fromkeys(("diff", "image", "link", "markdown"), "evidence.shown_values"),
    "load_ipython_extension": "notebook.ipython.magics",
    "unload_ipython_extension": "notebook.ipython.magics",
    "NotebookClient": "headless.notebook_client",
    "run_notebook": "headless.run_notebook",
    "open_store": "storage",
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
"""Public names that are modules -> the module."""

__all__ = ["__version__", *_HOMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]  # noqa: PLE0604  # __getattr__ provides the names


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = import_module(f".{_MODULES[name]}", __name__)
    elif name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    elif name in (pickled := import_module(".pickled_names", __name__).HOMES):  # not public, but pickles refer to it
        value = getattr(import_module(f".{pickled[name]}", __name__), name)
    else:
        raise AttributeError(f"module 'hitl_nb' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
