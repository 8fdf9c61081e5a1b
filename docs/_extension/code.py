"""Access of the documentation to the package: everything that pages are generated from, by its current names."""

from __future__ import annotations

from typing import Any


def command_group() -> Any:
    """Return the click group of `hitl-nb`."""
    from typer.main import get_command

    from hitl_nb.cli.app import app

    return get_command(app)


def server_options() -> dict[str, Any]:
    """Return the traitlets of `c.HitlNb`, by name."""
    from hitl_nb.server.base.context import HitlNb

    return HitlNb.class_traits(config=True)


def environment_variables() -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The environment variables of hitl_nb, and those of other programs that it reads."""
    from hitl_nb import settings

    return settings.VARIABLES, settings.FOREIGN_VARIABLES


def openapi_document() -> dict[str, Any]:
    """Return the description of the REST API."""
    from hitl_nb.server.api.openapi import build_document

    return build_document()


def record_types() -> list[type]:
    """Return the stored structs, as the store's format describes them."""
    from hitl_nb import records

    decisions = (records.Proposal, records.Doubt, records.DecisionRecord, records.VoteRecord, records.Terms)
    return [records.Run, *decisions, records.Step, records.Comment, records.Workspace, records.Event]


def decision_file_schema() -> dict[str, Any]:
    """Return the JSON Schema of a decisions file."""
    import msgspec

    from hitl_nb.scripted_review.decision_file import _FileContent

    return msgspec.json.schema(_FileContent)


def format_numbers() -> dict[str, int]:
    """Return the versions of the stored and sent formats."""
    from hitl_nb.engine.snapshot import signing
    from hitl_nb.records import FORMAT
    from hitl_nb.scripted_review import decision_file
    from hitl_nb.server.calls.server_status import API_VERSION

    return {
        "store": FORMAT,
        "snapshot": signing.FORMAT,
        "decisions file": decision_file.VERSION,
        "REST API": API_VERSION,
    }


def returned_types() -> list[type]:
    """Return the types that public functions return and that users do not import."""
    from hitl_nb.agent_api.agents import Agent
    from hitl_nb.agent_api.outside_runs import AgentRun
    from hitl_nb.headless.run_notebook import NotebookRun
    from hitl_nb.review.comment_threads import AgentComment
    from hitl_nb.review.guardrails import GuardrailFinding
    from hitl_nb.testing import ScriptedReviewer
    from hitl_nb.workspaces.interface import AgentWorkspace

    return [Agent, AgentRun, AgentComment, GuardrailFinding, NotebookRun, ScriptedReviewer, AgentWorkspace]


def guardrail_module() -> str:
    """Return the name of the module `hitl_nb.guardrails`."""
    import hitl_nb

    return hitl_nb.guardrails.__name__
