"""Open proposals as interrupts of AG-UI, and the client's answers as decisions.

The id of an interrupt contains what was shown: revision and fingerprint of the proposal. The client sends the id back,
so a decision counts only for the proposal that the person saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import hitl_nb as hitl
from hitl_nb.integrations.ag_ui.requests import ResumeEntry

REASON = "hitl_nb:review"
"""Reason of all interrupts."""
_FIELDS = {"action", "value", "reason"}


def describe_interrupt(proposal: Any) -> dict[str, Any]:
    """Return the fields of the interrupt for an open proposal.

    Args:
        proposal: The proposal, from `run.open`.
    """
    shown = {
        "proposal": proposal.id,
        "title": proposal.title,
        "kind": proposal.kind,
        "value": proposal.value,
        "context": proposal.context,
        "options": proposal.options,
        "allow": list(proposal.allow),
        "agent": proposal.agent,
    }
    return {
        "id": f"{proposal.id}.{proposal.revision}.{proposal.fingerprint}",
        "reason": REASON,
        "message": proposal.title,
        "response_schema": _make_schema(proposal),
        "expires_at": proposal.deadline.isoformat() if proposal.deadline else None,
        "metadata": {name: value for name, value in shown.items() if value is not None},
    }


def decide_entries(entries: Sequence[ResumeEntry], waiting: Sequence[Any], user: str) -> list[dict[str, str]]:
    """Store the client's answers as decisions of `user`.

    An entry with the status "cancelled" decides nothing: no person has decided, so the proposal stays open.

    Args:
        entries: The answers.
        waiting: The open proposals of the thread. An answer to another proposal is refused.
        user: Name of the person who decides.

    Returns:
        The answers that were refused: interrupt id, name of the error, and a sentence that says why.
    """
    open_ids = {proposal.id for proposal in waiting}
    refused: list[dict[str, str]] = []
    for entry in entries:
        if entry.status != "resolved":
            continue
        try:
            _decide(entry, open_ids, user)
        except (hitl.HitlError, ValueError, TypeError) as error:
            refused.append({"interruptId": entry.interrupt_id, "error": type(error).__name__, "message": str(error)})
    return refused


def _decide(entry: ResumeEntry, open_ids: set[str], user: str) -> None:
    parts = entry.interrupt_id.rsplit(".", 2)
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdecimal()):
        raise ValueError("this is not the id of a question of this server")
    proposal, revision, fingerprint = parts
    if proposal not in open_ids:
        raise hitl.UnknownProposal("no question with this id is open in this thread")
    payload: Any = entry.payload
    answer = cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}
    if not _FIELDS.issuperset(answer) or "action" not in answer:
        raise ValueError('the payload must be an object with "action", and with "value" or "reason" if needed')
    reason = answer.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise TypeError("the reason must be a text")
    seen = {"revision": int(revision), "fingerprint": fingerprint}
    hitl.decide(proposal, answer["action"], answer.get("value"), reviewer=user, reason=reason, seen=seen)


def _make_schema(proposal: Any) -> dict[str, Any]:
    """Return the JSON Schema of the answer to a proposal."""
    forms: list[dict[str, Any]] = []
    for action in proposal.allow:
        properties: dict[str, Any] = {"action": {"const": action}, "reason": {"type": "string"}}
        if action == "edit":
            properties["value"] = {"description": "The new value, in the form of the proposed one."}
        if action == "respond":
            properties["value"] = {"type": "string", "minLength": 1}
        needed = ["action", *(["value"] if "value" in properties else [])]
        forms.append({"type": "object", "properties": properties, "required": needed, "additionalProperties": False})
    return {"type": "object", "oneOf": forms}
