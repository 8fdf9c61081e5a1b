"""What an agent proposes, as JSON for people, and what people made of it, as Python for the agent.

`build_question` turns a Python value into a `Question`; `check_edit` and `parse_edit` accept or refuse an edit,
anywhere, without
the agent's types; `restore_value` gives the agent an object of the type that it proposed. `format_value`, `diff_value`
and `show_hidden_characters`
show values exactly.

The JSON by codec: "pandas" and "polars" a table (see `values/tables.py`); any other the value itself, with what is no
plain JSON in it as `values/typed_values.py` says. The kind adds: text, markdown and code are a str;
tool_call is `{"name": str, "arguments": {...}}`; plan is a list of steps, each a str or an object; choice is one of
`options`. A `schema` is about the whole value; for a table, about each row as an object.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from inspect import Parameter
from typing import Any, cast

import msgspec

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.records import ACTIONS, KINDS, TEXT_KINDS, Action, Kind, Question, canonical_json
from hitl_nb.values.checks.bounded_checks import time_limit
from hitl_nb.values.dataframes import dataframe_library, frame_from_table, table_from_frame
from hitl_nb.values.json_types import JsonKinds
from hitl_nb.values.json_values import json_size, match_number_types, short_json, to_json
from hitl_nb.values.models import build_model, describe_annotation, is_model
from hitl_nb.values.numpy_scalars import is_science
from hitl_nb.values.rebuilt_values import rebuild_value
from hitl_nb.values.scalars import is_scalar
from hitl_nb.values.schemas import resolve_schema, row_schema_errors, schema_errors
from hitl_nb.values.tables import check_table, diff_csv, format_csv, parse_csv, rows_as_objects
from hitl_nb.values.text_diff import unified_diff
from hitl_nb.values.type_schemas import type_schema, without_schemas
from hitl_nb.values.typed_values import TypeInfo, check_cells, check_value, encode_value

MAX_TITLE_CHARS = 200
"""Longest title, in characters."""

_VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def build_question(
    value: Any,
    *,
    title: str,
    kind: Kind | None = None,
    context: Any = None,
    schema: Any = None,
    options: Any = None,
    allow: Iterable[Action] = ACTIONS,
    reasons: Iterable[str] = (),
    arguments: Mapping[str, Parameter] | None = None,
) -> Question:
    """The question that `checkpoint()` puts to people (see API.md for the arguments).

    `arguments` are the parameters of the tool that a call is proposed of; their annotations are types.

    Raises TypeError or ValueError: one sentence that names the argument, what was given and what is accepted.
    """
    kind = _detect_kind(value, kind, options)
    codec, encoded, types = _encode_value(value, kind)
    if arguments is not None:
        types = _build_call_type(value, encoded, types, arguments)
    json_size(encoded, "value")
    choices = _check_options(options, kind)
    question = Question(
        title=_check_title(title),
        kind=kind,
        value=encoded,
        type_name=type(value).__name__,
        codec=codec,
        types=types if schema is not None else without_schemas(types),
        schema=resolve_schema(schema) if schema is not None else None if kind == "choice" else type_schema(types),
        options=choices,
        context=_check_context(context),
        allow=_check_allow(allow),
        reasons=_check_reasons(reasons),
    )
    try:
        check_kind(question, encoded)
    except InvalidEdit as error:
        path, message = next(iter(error.fields.items()))
        raise ValueError(f"value does not fit kind={kind!r}: {path + ' ' if path else ''}{message}") from None
    return question


def encode_as_kind(value: Any, kind: Kind) -> Any:
    """The JSON of a value that is proposed as this kind. Raises TypeError or ValueError if it is none any more."""
    _detect_kind(value, kind, None)
    return _encode_value(value, kind)[1]


def check_edit(question: Question, value: Any) -> Any:
    """The edited JSON, normalised as it is to be stored. Raises InvalidEdit with one message per field path.

    An edit keeps the types of what was proposed at any depth, the rules of its kind, and the schema. What is plain JSON
    keeps its JSON type (see `values/json_types.py`): "3" is no edit of 2.5, unless the schema names the type there.
    """
    try:
        value = to_json(value)
        size = json_size(value, "the edit")
    except (TypeError, ValueError) as error:
        raise InvalidEdit({"": str(error)}) from None
    with time_limit(size):
        return _check_edit(question, value)


def _check_edit(question: Question, value: Any) -> Any:
    if question.kind not in ("table", "choice"):
        value = _keep_types(question, match_number_types(question.value, value))
    value = check_kind(question, value)
    if question.schema is not None:
        if question.kind == "table":
            wrong = row_schema_errors(question.schema, rows_as_objects(value))
        else:
            wrong = schema_errors(question.schema, value)
        if wrong:
            raise InvalidEdit(wrong)
    return value


def _keep_types(question: Question, value: Any) -> Any:
    """The edit in its normal form. Raises InvalidEdit for what is not of the type that was proposed."""
    kinds = JsonKinds(question.value)
    if question.kind == "plan" and kinds.items:
        kinds.items.free = True  # a step may be a text or an object
    checked, wrong = check_value(question.types, value, question.value, kinds)
    if wrong and question.schema is not None:
        kinds.release_to_schemas([question.schema], question.schema)
        checked, wrong = check_value(question.types, value, question.value, kinds)
    if wrong:
        raise InvalidEdit(wrong)
    return checked


def restore_value(
    question: Question,
    value: Any,
    original: Any,
    schema: Any = None,
    options: Sequence[Any] | None = None,
    adapters: Mapping[str, Any] = {},
) -> Any:
    """The edited JSON as an object of the type that was proposed.

    Args:
        original: the proposed object itself.
        schema: the live argument: where it is a model or a type, its own validation counts too.
        options: the live argument.
        adapters: pydantic's adapters of arguments that their annotations describe, by their path.

    Raises:
        InvalidEdit: one message per path.
    """
    value = check_edit(question, value)
    if schema is not None and not isinstance(schema, dict):
        if question.kind == "table":
            build_model(list[schema], rows_as_objects(value))
        else:
            build_model(schema, value)
    if canonical_json(value) == canonical_json(question.value):
        return original
    if question.codec in ("pandas", "polars"):
        return frame_from_table(value, original, question.value, "pandas" if question.codec == "pandas" else "polars")
    if question.kind == "choice" and options is not None:
        at = [canonical_json(option) for option in question.options or []].index(canonical_json(value))
        return options[at] if at < len(options) else value
    return rebuild_value(question.types, value, question.value, original, adapters)


def parse_edit(question: Question, text: str) -> Any:
    """The checked edit meant by a text: as it is for text, markdown and code; JSON otherwise; CSV too for a table.

    A choice, a date, a decimal and the like may be written without JSON's quotes. Raises InvalidEdit.
    """
    if question.kind in TEXT_KINDS:
        return check_edit(question, text)
    if question.kind == "table" and not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return check_edit(question, parse_csv(question.value, text))
    if _is_text_scalar(question) and not text.lstrip().startswith('"'):
        return check_edit(question, text)  # as it is: 12.50 is not 12.5
    try:
        return check_edit(question, _parse_json(text))
    except InvalidEdit:
        if question.kind != "choice":
            raise
        return check_edit(question, text.strip())


def _is_text_scalar(question: Question) -> bool:
    """Whether the value is a single one that is written as a text: a date, a decimal, a path."""
    types = question.types
    single = types is not None and (is_scalar(types) or is_science(types)) and types["is"] not in ("enum", "float")
    return single and isinstance(question.value, str) and question.kind == "json"


def format_value(question_or_kind: Question | str, value: Any) -> str:
    """`value` (JSON) as exact text: itself for a text kind, CSV for a table, indented JSON otherwise.

    `parse_edit(question, format_value(question, value)) == value`. A table's draft that is no table yet is its text
    already.
    """
    kind = question_or_kind if isinstance(question_or_kind, str) else question_or_kind.kind
    if kind in TEXT_KINDS or (kind == "table" and isinstance(value, str)):
        return value
    if kind == "table":
        return format_csv(value)
    return _indent_json(value)


def format_beginning(question: Question, value: Any, length: int) -> str:
    """The first characters of `format_value`, without making the whole of it."""
    if question.kind == "table" and isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return format_csv({**table, "rows": table["rows"][:5]})[:length]
    if question.kind in TEXT_KINDS or isinstance(value, str):
        return format_value(question, value)[:length]
    text = ""
    for piece in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
        text += piece
        if len(text) >= length:
            break
    return text[:length]


def _indent_json(value: Any) -> str:
    """What `json.dumps(value, indent=2, ensure_ascii=False)` gives, which is slow: it is written in Python."""
    try:
        return msgspec.json.format(json.dumps(value, ensure_ascii=False), indent=2)
    except (UnicodeEncodeError, msgspec.DecodeError):  # half a character, NaN: Python's alone
        return json.dumps(value, indent=2, ensure_ascii=False)


def diff_value(question: Question, value: Any) -> str:
    """Unified diff from the agent's version to the edit, hidden characters made visible; "" when equal."""
    if canonical_json(question.value) == canonical_json(value):
        return ""
    if question.kind == "table" and isinstance(value, dict):
        return show_hidden_characters(diff_csv(question.value, cast("dict[str, Any]", value)))
    before, after = (show_hidden_characters(format_value(question, one)).split("\n") for one in (question.value, value))
    return "\n".join(unified_diff(before, after, "proposed", "edited")) + "\n"


def show_hidden_characters(text: str) -> str:
    """`text` with bidi, zero-width and control characters spelled out as ⟨U+202E⟩; newline and tab stay."""
    # By pieces: other threads wait while one is translated.
    return "".join(
        text[at : at + _PIECE_CHARS].translate(_SHOWN_CHARACTERS) for at in range(0, len(text), _PIECE_CHARS)
    )


class _ShownCharacters(dict[int, str]):
    """How characters are shown, found out when one turns up."""

    def __missing__(self, code: int) -> str:
        shown = chr(code) if code in (9, 10) else _show_character(chr(code))
        self[code] = shown
        return shown


_SHOWN_CHARACTERS = _ShownCharacters()
_PIECE_CHARS = 100_000


def _show_character(character: str) -> str:
    # Hangul fillers, the grapheme joiner and variation selectors hide text too; U+FE0F alone only picks emoji style.
    blank = character in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0" or "\ufe00" <= character <= "\ufe0e"
    hidden = blank or "\U000e0100" <= character <= "\U000e01ef"
    if hidden or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character


# --- arguments of ask -----------------------------------------------------------------------------------------------


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


def _detect_kind(value: Any, kind: Any, options: Any) -> Kind:
    if kind is None:
        if options is not None:
            return "choice"
        return "text" if type(value) is str else "table" if dataframe_library(value) else "json"
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; accepted are {', '.join(KINDS)}")
    if options is not None and kind != "choice":
        raise ValueError(f"options are given with kind={kind!r}; they belong to kind='choice'")
    name = type(value).__name__
    if kind in TEXT_KINDS and type(value) is not str:
        raise TypeError(f"value is a {name}; kind={kind!r} takes a str")
    if (kind == "table") is not (dataframe_library(value) is not None):
        wanted = (
            "takes a DataFrame, Series or Index of pandas or polars"
            if kind == "table"
            else "does not take one; use kind='table'"
        )
        raise TypeError(f"value is a {name}; kind={kind!r} {wanted}")
    return kind


def _encode_value(value: Any, kind: Kind) -> tuple[str, Any, TypeInfo | None]:
    library = dataframe_library(value)
    if library:
        return library, table_from_frame(value, library), None
    encoded, types = encode_value(value)
    codec = "bytes" if type(value) is bytes else "model" if is_model(value) else "json"
    return codec, encoded, types


def _build_call_type(call: Any, encoded: Any, types: TypeInfo | None, parameters: Mapping[str, Parameter]) -> TypeInfo:
    """The type of a call of a tool: of its arguments by their annotations, where these say more than the values."""
    own: TypeInfo = (types or {}).get("fields", {}).get("arguments") or {}
    given: dict[str, TypeInfo] = own.get("fields", {})
    fields: dict[str, Any] = {}
    for name, shown in encoded["arguments"].items():
        annotation = parameters[name].annotation if name in parameters else Parameter.empty
        if one := describe_annotation(annotation, call["arguments"][name], shown, given.get(name)):
            fields[name] = one
    required = [
        name
        for name, proposal in parameters.items()
        if proposal.default is Parameter.empty and proposal.kind not in _VARIADIC
    ]
    arguments: TypeInfo = {"is": "dict", "fields": fields, "names": list(parameters), "required": required}
    named: TypeInfo = {"is": "schema", "schema": {"const": encoded["name"]}}
    return {"is": "dict", "fields": {"name": named, "arguments": arguments}, "required": ["name", "arguments"]}


def _check_options(options: Any, kind: Kind) -> list[Any] | None:
    if kind != "choice":
        return None
    if not isinstance(options, (list, tuple)) or not options:
        raise TypeError(f"options is {options!r:.80}; kind='choice' takes a non-empty list of values to choose from")
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


# --- edits ----------------------------------------------------------------------------------------------------------


def check_kind(question: Question, value: Any) -> Any:
    """`value` by the rules of the question's kind. Raises InvalidEdit."""
    kind = question.kind
    if kind == "table":
        table = check_table(question.value, value)
        wrong = check_cells(table["columns"], table["rows"])
        if wrong:
            raise InvalidEdit(wrong)
        return table
    if kind == "choice":
        for option in question.options or []:
            if canonical_json(match_number_types(option, value)) == canonical_json(option):
                return option
        raise InvalidEdit({"": f"must be one of {short_json(question.options, 200)}, not {short_json(value)}"})
    if kind == "tool_call":
        _check_tool_call(value)
    elif kind == "plan":
        _check_plan(value)
    return value


def _check_tool_call(value: Any) -> None:
    call = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    name = call.get("name")
    if set(call) != {"name", "arguments"}:
        raise InvalidEdit({"": 'must be an object with "name" and "arguments", and nothing else'})
    if not isinstance(name, str) or not name:
        raise InvalidEdit({"name": f"must be the name of a tool, not {short_json(name)}"})
    if not isinstance(call["arguments"], dict):
        raise InvalidEdit({"arguments": f"must be an object, not {short_json(call['arguments'])}"})


def _check_plan(value: Any) -> None:
    if not isinstance(value, list):
        raise InvalidEdit({"": "must be a list of steps"})
    steps = enumerate(cast("list[Any]", value))
    wrong = {str(i): "must be a text or an object" for i, step in steps if not isinstance(step, (str, dict))}
    if wrong:
        raise InvalidEdit(wrong)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_build_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidEdit({"": f"must be JSON: {error}"}) from None


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
