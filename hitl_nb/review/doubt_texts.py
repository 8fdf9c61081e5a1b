"""Texts about effects in doubt: the question to people, and the meaning of their answers.

An effect is in doubt if a recorded function call was started and it is unknown whether it took effect. An example is a
process that ended during the call.
"""

from __future__ import annotations

from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.records import Doubt, Proposal, effect_happened

LOOK_ADVICE = "Look it up before you choose: after a wrong answer it happens twice, or not at all."
RESULT_LABEL = "What did it return? (text, number or JSON)"


def list_choices(doubt: Doubt) -> list[tuple[str, str, str, str]]:
    """List the three possible answers to the question whether a call took effect.

    Returns:
        For each answer: its word on the command line, its label, its consequence, and the text of the button that
        submits it.
    """
    again = f"{doubt.call} is called again."
    stop = "Nothing is called; --restart starts the run again. If you do not know yet, leave this open."
    goes_on = "The agent continues with the result that you give. Nothing is called."
    return [
        ("yes", "Yes, it happened", goes_on, "Continue as if it happened"),
        ("no", "No, it did not happen", again, f"Call {doubt.call} again"),
        ("stop", "Stop the run instead", stop, "Stop the run"),
    ]


def list_facts(doubt: Doubt) -> list[tuple[str, str]]:
    """List the known facts about a call whose effect is in doubt, as pairs of name and text. Times are in UTC."""
    gone = "the process was gone" if doubt.died else "the run was interrupted"
    given = ", ".join(f"{name} = {text}" for name, text in doubt.arguments.items())
    return [
        ("called with", given or "nothing"),
        ("began", f"{doubt.began:%Y-%m-%d %H:%M:%S} UTC; {gone} by {doubt.noticed:%Y-%m-%d %H:%M:%S} UTC"),
        ("idempotency key", doubt.idempotency_key),
    ]


def describe_doubt_outcome(proposal: Proposal) -> str:
    """Return a person's answer to the question whether an effect happened, in a few words: "Answered, it happened"."""
    try:
        happened = effect_happened(proposal.decision.value if proposal.decision is not None else None)
    except ValueError:
        return "Answered"
    return {True: "Answered, it happened", False: "Answered, it did not happen", None: "Run stopped"}[happened]


def make_answer(word: str, result: str | None, proposal: Proposal) -> dict[str, Any]:
    """Make the JSON answer to the question whether a call took effect, from a word and the call's result.

    Args:
        word: "yes", "no" or "stop".
        result: Return value of the call, as text; None or "" if it is not given.
        proposal: The proposal with the question.

    Raises:
        InvalidEdit: The word is unknown, or the result is missing or not allowed.
    """
    if word not in ("yes", "no", "stop"):
        raise InvalidEdit({"happened": f'must be yes, no or stop, not "{word}"'})
    if word == "yes":
        if result is None and not _returns_nothing(proposal.schema):
            raise InvalidEdit({"result": "is required: give what the call returned, or null (--result null, yes null)"})
        return {"happened": True, **({} if result is None else {"result": parse_result(result, proposal.schema)})}
    if result:
        raise InvalidEdit({"result": "is only for yes: a call that did not happen has no result"})
    return {"happened": False if word == "no" else "stop"}


def parse_answer(text: str, proposal: Proposal) -> str:
    """Convert an answer that a person typed ("yes RESULT", "no" or "stop") to JSON text.

    Other text is returned unchanged: it may already be JSON.

    Raises:
        InvalidEdit: The result is missing or not allowed.
    """
    word, _, rest = text.strip().partition(" ")
    if word.lower() not in ("yes", "no", "stop"):
        return text
    return json.dumps(make_answer(word.lower(), rest.strip() or None, proposal))


def parse_result(text: str, schema: Any) -> Any:
    """Convert the result of a call, which a person typed, to a Python value.

    The text is read as JSON if it is JSON, else it is the value. An empty text is None. If the call returns a str, the
    text stays a text, unless it is a JSON string.
    """
    text = text.strip()
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) or not _is_text(schema) else text


def _returns_nothing(schema: Any) -> bool:
    """Return whether the called function is declared to return None."""
    declared: Any = schema.get("then") if schema else None
    return declared is not None and "result" not in declared["required"]


def _is_text(schema: Any) -> bool:
    """Return whether the called function is declared to return a str. Then a result such as 88213 is read as text."""
    found: Any = schema
    for name in ("then", "properties", "result"):
        found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
    return isinstance(found, dict) and cast("dict[str, Any]", found).get("type") == "string"
