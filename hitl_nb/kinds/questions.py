"""Convert an agent's proposal to JSON for people, and people's edits to Python objects for the agent.

`build_question` converts a Python value to a `Question`, the stored form of a proposal. `check_edit` and `parse_edit`
accept or refuse an edit, in any process, without the agent's types. `restore_value` returns an object of the type that
the agent proposed. `format_value` and `diff_value` show values exactly.

The question's codec says how the value was converted. "pandas" and "polars": to a table (see `values/tables.py`). Any
other codec: to the JSON of the value itself; `values/typed_values.py` describes the parts that are not plain JSON. The
differences between kinds are in the other modules of this package. A `schema` applies to the whole value; for a table,
to each row as an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import Parameter
from typing import Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.changes.model import NO_CHANGES, Changes
from hitl_nb.kinds.changes.words import code_changes
from hitl_nb.kinds.interface import Kind, ListsChanges
from hitl_nb.kinds.registry import DEFAULT_KIND, detect_kind, find_kind
from hitl_nb.kinds.tool_call import build_call_type
from hitl_nb.records import ACTIONS, Action, EvidenceBlock, Question, canonical_json
from hitl_nb.values.checks.bounded_checks import time_limit
from hitl_nb.values.json_values import json_size, short_json, to_json
from hitl_nb.values.schemas import resolve_schema
from hitl_nb.values.type_schemas import type_schema, without_schemas
from hitl_nb.values.typed_values import encode_value

MAX_TITLE_CHARS = 200
"""Maximum length of a title, in characters."""


def build_question(
    value: Any,
    *,
    title: str,
    kind: str | None = None,
    context: Any = None,
    evidence: tuple[EvidenceBlock, ...] = (),
    schema: Any = None,
    options: Any = None,
    allow: Iterable[Action] = ACTIONS,
    reasons: Iterable[str] = (),
    arguments: Mapping[str, Parameter] | None = None,
) -> Question:
    """Build the question (the stored form of a proposal) that `checkpoint()` asks people.

    Args:
        value: The proposed Python value, as for `hitl_nb.checkpoint`, like the following arguments.
        title: Name of the proposal, one line.
        kind: How the value is shown and edited; None: chosen by the value's type.
        context: Information for the reviewer: markdown, or a mapping of values. They must be JSON here:
            `evidence.context.convert_context` converts other values before.
        evidence: The blocks of `context`, if `convert_context` made some.
        schema: JSON Schema, pydantic model or type that an edited value must satisfy.
        options: For kind "choice", the values to choose from.
        allow: Actions that a reviewer may take.
        reasons: Reasons that a reviewer may choose instead of writing one.
        arguments: Parameters of the tool, if the value is a call of a tool; their annotations give the types. None
            (default): no tool.

    Raises:
        TypeError, ValueError: An argument is not accepted. The message is one sentence with the argument's name,
            the given value and the accepted values.
    """
    found = _choose_kind(value, kind, options)
    codec, encoded, types = found.encode(value)
    if arguments is not None:
        types = build_call_type(value, encoded, types, arguments)
    json_size(encoded, "value")
    choices = _check_options(options, found)
    question = Question(
        title=_check_title(title),
        kind=found.name,
        value=encoded,
        type_name=type(value).__name__,
        codec=codec,
        types=types if schema is not None else without_schemas(types),
        schema=resolve_schema(schema) if schema is not None else None if found.takes_options else type_schema(types),
        options=choices,
        context=_check_context(context),
        evidence=evidence,
        allow=_check_allow(allow),
        reasons=_check_reasons(reasons),
    )
    try:
        found.check(question, encoded)
    except InvalidEdit as error:
        path, message = next(iter(error.fields.items()))
        raise ValueError(f"value does not fit kind={found.name!r}: {path + ' ' if path else ''}{message}") from None
    return question


def encode_as_kind(value: Any, kind: str) -> Any:
    """Return the JSON of a value that is proposed as this kind.

    Raises:
        TypeError, ValueError: The kind does not accept the value (any more).
    """
    return find_kind(kind).encode(value)[1]


def check_edit(question: Question, value: Any) -> Any:
    """Check an edited JSON value, and return the normal form that is stored.

    An edit must keep the proposed types at any depth, and must follow the rules of its kind and the schema. Plain JSON
    keeps its JSON type (see `values/json_types.py`). For example, "3" is not a valid edit of 2.5, unless the schema
    names a type for this part.

    Args:
        question: The question.
        value: The edited JSON value.

    Raises:
        InvalidEdit: The edit is not valid; one message per field path.
    """
    try:
        value = to_json(value)
        size = json_size(value, "the edit")
    except (TypeError, ValueError) as error:
        raise InvalidEdit({"": str(error)}) from None
    with time_limit(size):
        return _check_edit(question, value)


def _check_edit(question: Question, value: Any) -> Any:
    kind = find_kind(question.kind)
    value = kind.check(question, kind.keep_types(question, value))
    if question.schema is not None:
        wrong = kind.find_schema_errors(question.schema, value)
        if wrong:
            raise InvalidEdit(wrong)
    return value


def restore_value(
    question: Question,
    value: Any,
    original: Any,
    schema: Any = None,
    options: Sequence[Any] | None = None,
    adapters: Mapping[str, Any] = {},
) -> Any:
    """Convert an edited JSON value to an object of the proposed type.

    Args:
        question: The question.
        value: The edited JSON value.
        original: The proposed object itself; returned if the edit does not change the value.
        schema: The agent's own argument `schema`. If it is a model or a type, its validation must accept the value too.
        options: The agent's own argument `options`.
        adapters: Pydantic adapters of arguments with annotations, by their path.

    Raises:
        InvalidEdit: The edit is not valid; one message per path.
    """
    value, kind = check_edit(question, value), find_kind(question.kind)
    if schema is not None and not isinstance(schema, dict):
        kind.build_model(schema, value)
    if canonical_json(value) == canonical_json(question.value):
        return original
    return kind.restore(question, value, original, options, adapters)


def parse_edit(question: Question, text: str) -> Any:
    """Parse and check an edit that was written as text, and return its normal form.

    For text, Markdown and code, the text itself is the value. For a table, it is CSV or JSON; for other kinds, JSON. A
    choice, a date, a decimal and similar values may be written without JSON's quotes.

    Raises:
        InvalidEdit: The text is not a valid edit.
    """
    return find_kind(question.kind).parse_text(question, text, lambda value: check_edit(question, value))


def format_value(question_or_kind: Question | str, value: Any) -> str:
    """Return a JSON value as exact text: unchanged for a text kind, CSV for a table, indented JSON otherwise.

    `parse_edit(question, format_value(question, value)) == value`. The draft of a table may be a text that is not a
    valid table yet. Such a text is returned unchanged.

    Args:
        question_or_kind: The question, or the name of a kind.
        value: The JSON value.
    """
    return find_kind(question_or_kind if isinstance(question_or_kind, str) else question_or_kind.kind).format(value)


def format_beginning(question: Question, value: Any, length: int) -> str:
    """Return the first `length` characters of `format_value` without building the whole text."""
    return find_kind(question.kind).summarize(value, length)


def diff_value(question: Question, value: Any) -> str:
    """Return the unified diff from the proposed value to `value`, an edited JSON value.

    Hidden characters are made visible. "" if both are equal.
    """
    if canonical_json(question.value) == canonical_json(value):
        return ""
    return find_kind(question.kind).diff(question.value, value)


def list_changes(question: Question, value: Any) -> Changes:
    """Return what an edit changes, in the terms of the value: words, lines, fields, paths, cells or steps.

    The values of a kind of another package that does not say what its changes are, are compared by the lines of their
    text.

    Args:
        question: The question.
        value: The edited value; a checked edit, or a draft.
    """
    kind = find_kind(question.kind)
    if canonical_json(value) == canonical_json(question.value):
        return NO_CHANGES
    if isinstance(kind, ListsChanges):
        try:
            return kind.list_changes(question, value)
        except (TypeError, KeyError, ValueError, AttributeError):
            pass  # a draft that is not a value of this kind yet; its text can be compared
    try:
        return code_changes(kind.format(question.value), kind.format(value))
    except (TypeError, KeyError, ValueError, AttributeError):  # the same
        return code_changes(kind.format(question.value), DEFAULT_KIND.format(value))


# --- arguments of checkpoint ----------------------------------------------------------------------------------------


def _check_title(title: Any) -> str:
    if not isinstance(title, str):
        raise TypeError(f"title is a {type(title).__name__}; it must be a str, one line that says what is asked")
    if not title.strip() or len(title.splitlines()) != 1:
        raise ValueError(f"title is {title[:80]!r}; it must be one line of text that says what is asked")
    if len(title) > MAX_TITLE_CHARS:
        raise ValueError(
            f"title has {len(title)} characters, at most {MAX_TITLE_CHARS} are accepted; put the rest in context"
        )
    return to_json(str(title), "title")


def _choose_kind(value: Any, kind: Any, options: Any) -> Kind:
    if kind is None:
        return detect_kind(value, options)
    found = find_kind(kind)
    if options is not None and not found.takes_options:
        raise ValueError(f"options are given with kind={kind!r}; they belong to kind='choice'")
    return found


def _check_options(options: Any, kind: Kind) -> list[Any] | None:
    if not kind.takes_options:
        return None
    if not isinstance(options, (list, tuple)) or not options:
        raise TypeError(
            f"options is {options!r:.80}; kind={kind.name!r} takes a non-empty list of values to choose from"
        )
    choices = [encode_value(option, f"options[{i}]")[0] for i, option in enumerate(cast("list[Any]", options))]
    spelled = [canonical_json(choice) for choice in choices]
    twice = next((i for i, one in enumerate(spelled) if one in spelled[:i]), None)
    if twice is not None:
        raise ValueError(f"options[{twice}] is {short_json(choices[twice])} again; each option may be given once")
    json_size(choices, "options")
    return choices


def _check_context(context: Any) -> Any:
    if context is not None and not isinstance(context, (str, Mapping)):
        raise TypeError(f"context is a {type(context).__name__}; it must be markdown (str) or a mapping")
    if isinstance(context, Mapping):
        context = dict(cast("Mapping[Any, Any]", context))
    context, _ = encode_value(context, "context")
    json_size(context, "context")
    return context


def _check_allow(allow: Any) -> tuple[Action, ...]:
    given: list[Any] = (
        [allow] if isinstance(allow, str) or not isinstance(allow, Iterable) else list(cast("Any", allow))
    )
    unknown = [action for action in given if action not in ACTIONS]
    if isinstance(allow, str) or unknown or not given:
        raise ValueError(f"allow is {allow!r}; it must be a non-empty tuple of {', '.join(map(repr, ACTIONS))}")
    return tuple(action for action in ACTIONS if action in given)


def _check_reasons(reasons: Any) -> tuple[str, ...]:
    listed = isinstance(reasons, Iterable) and not isinstance(reasons, str)
    given: list[Any] = list(cast("Iterable[Any]", reasons)) if listed else [None]
    if any(not isinstance(reason, str) or not reason.strip() for reason in given):
        raise TypeError(f"reasons is {reasons!r:.80}; it must be a list of texts that a reviewer may choose from")
    return tuple(to_json(reason.strip(), "reasons") for reason in given)
