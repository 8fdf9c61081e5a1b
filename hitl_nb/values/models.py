"""Convert pydantic models and dataclasses to JSON and back, without loss.

Pydantic's `TypeAdapter` converts an object. The JSON is then decoded, and the result is compared with the object. If
they differ, the object is converted field by field, each field by its own value. This happens for bytes that are not
text, NaN, numpy values, and values in a field of any type. Pydantic is imported only when such an object occurs.

The *type* of a value (`TypeInfo`) is JSON that describes how the value's JSON is checked and converted back, see
`typed_values.py`. An *adapter* is a `pydantic.TypeAdapter`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.values.json_values import to_json, with_article

if TYPE_CHECKING:
    from pydantic import TypeAdapter

TypeInfo = dict[str, Any]
EncodeFunction = Callable[[Any, str, int], tuple[Any, TypeInfo | None]]


def is_model(value: Any) -> bool:
    """Return True if `value` is an instance of a pydantic model or of a dataclass."""
    kind = cast("type[Any]", type(value))
    return dataclasses.is_dataclass(kind) or hasattr(kind, "__pydantic_core_schema__")


def encode_model(value: Any, path: str, depth: int, encode: EncodeFunction) -> tuple[Any, TypeInfo]:
    """Convert a model or dataclass to JSON.

    Args:
        value: The object.
        path: Path of the object, for messages.
        depth: Nesting level of the object.
        encode: Converts a value of any other class; called as `encode(value, path, depth)`, returns (JSON, type).

    Returns:
        The JSON, and the type: JSON that says how an edit is checked and converted back.

    Raises:
        TypeError: A part is not supported. The message has the part's path.
        ValueError: The JSON would not restore the object. The message has the path.
    """
    kind = cast("type[Any]", type(value))
    try:
        if _has_renamed_field(value):
            raise ValueError(f"{path} writes a field by another name than it reads")
        data = _dump_model(value, path, depth)
    except (TypeError, ValueError) as error:
        try:
            return _encode_fields(value, path, depth, encode)
        except (TypeError, ValueError):
            raise error from None
    return data, {"is": "model", "class": kind.__name__, "schema": model_schema(kind)}


def build_model(kind: Any, value: Any) -> Any:
    """Make an object of the type `kind` from the JSON `value`.

    Raises:
        InvalidEdit: The JSON does not fit the type. One message per field.
    """
    return _validate(type_adapter(kind, "value").validate_json, json.dumps(value))


def build_edited_model(like: Any, value: Any, before: Any) -> Any:
    """Make an object of the class of `like` from the edited JSON `value`.

    Args:
        like: An object of the class.
        value: The edited JSON.
        before: The proposed JSON.

    Raises:
        InvalidEdit: The JSON does not fit the class, or changes a field that the class sets itself.
    """
    kind = cast("type[Any]", type(like))
    if dataclasses.is_dataclass(kind) and isinstance(value, dict) and isinstance(before, dict):
        given, known = cast("dict[str, Any]", value), cast("dict[str, Any]", before)
        for field in dataclasses.fields(kind):
            if not field.init and field.name in given and given[field.name] != known.get(field.name):
                raise InvalidEdit({field.name: f"cannot be changed: {kind.__name__} sets it itself"})
    return build_model(kind, value)


def validate_json(made: Any, value: Any) -> Any:
    """Convert the JSON `value` to an object with the adapter `made`.

    Raises:
        InvalidEdit: The JSON does not fit the type. One message per field.
    """
    return _validate(made.validate_json, json.dumps(value))


def build_model_from_fields(like: Any, fields: dict[str, Any], *, called: bool = False) -> Any:
    """Make an object of the class of `like` from fields that are Python values.

    Args:
        like: An object of the class.
        fields: Values by field name.
        called: True: call the class itself, which does not check its annotations. False: use pydantic.

    Raises:
        InvalidEdit: The fields do not fit the class.
    """
    if called:
        return type(like)(**fields)
    return _validate(_fields_adapter(cast(Any, type(like))).validate_python, fields)


@functools.lru_cache(maxsize=64)
def model_schema(kind: Any) -> dict[str, Any] | None:
    """Return the JSON Schema of a type; None if pydantic cannot make one.

    In this schema, objects may have no fields except those of their class. Pydantic would drop other fields without a
    message. The result is one shared object for all values of a type: do not change it.
    """
    from pydantic.errors import PydanticInvalidForJsonSchema

    try:
        return adapter_schema(type_adapter(kind, "value"), closed=True)
    except PydanticInvalidForJsonSchema:
        return None


def find_fitting_adapter(annotation: Any, shown: Any) -> TypeAdapter[Any] | None:
    """Return pydantic's adapter of an annotation.

    None if pydantic does not know it, or if the JSON `shown` does not fit.
    """
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    try:
        made = TypeAdapter[Any](annotation)
        made.validate_json(json.dumps(shown))
    except (PydanticUserError, PydanticUndefinedAnnotation, ValidationError):
        return None
    return made


def describe_annotation(annotation: Any, value: Any, shown: Any, described: TypeInfo | None) -> TypeInfo | None:
    """Return the type of an argument or field: JSON that says how an edit of it is checked.

    It is made from the annotation if the value fits the annotation.

    Args:
        annotation: The annotation.
        value: The Python value.
        shown: The JSON of `value`.
        described: The type of `value` itself; None for plain JSON. It is returned where it says more than the
            annotation, as for Decimals in a parameter of type `dict`.
    """
    from pydantic.errors import PydanticInvalidForJsonSchema

    if annotation is Any or annotation is inspect.Parameter.empty:
        return described
    if described is not None and "null" not in described and not is_model(value):
        if annotation is type(value):
            return described
        if set(get_args(annotation)) == {type(value), type(None)} and get_origin(annotation) in (Union, UnionType):
            return {**described, "null": True}
    made = find_fitting_adapter(annotation, shown)
    if made is None or (described is not None and _find_difference(value, validate_json(made, shown), "")):
        return described
    try:
        schema = adapter_schema(made, closed=True)
    except PydanticInvalidForJsonSchema:
        return described
    return {"is": "schema", "schema": schema} if schema else described


def adapter_schema(made: TypeAdapter[Any], *, closed: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of a type.

    A Decimal has the format "decimal" in it, because pydantic's own pattern is not readable for people.

    Args:
        made: The adapter of the type.
        closed: True: objects may have only the fields of their class, unless the class keeps other fields. Pydantic
            would drop other fields without a message.
    """
    from pydantic.json_schema import GenerateJsonSchema

    def close(found: dict[str, Any]) -> dict[str, Any]:
        if closed and "properties" in found:
            found.setdefault("additionalProperties", False)
        return found

    class Generator(GenerateJsonSchema):
        """pydantic's generator of JSON Schemas, changed: objects may be closed, and a Decimal has the format `decimal`.

        A *closed* object may have no fields other than those in its schema.
        """

        def model_schema(self, schema: Any) -> dict[str, Any]:
            """Return the schema of a pydantic model. If `closed` is True, the object may have no other fields."""
            return close(super().model_schema(schema))

        def dataclass_schema(self, schema: Any) -> dict[str, Any]:
            """Return the schema of a dataclass. If `closed` is True, the object may have no other fields."""
            return close(super().dataclass_schema(schema))

        def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
            """Return the schema of a TypedDict. If `closed` is True, the object may have no other fields."""
            return close(super().typed_dict_schema(schema))

        def decimal_schema(self, schema: Any) -> dict[str, Any]:
            """Return pydantic's schema of a Decimal, with a format instead of the pattern for text."""
            found = super().decimal_schema(schema)
            for one in found.get("anyOf", ()):
                if one.get("type") == "string":
                    one.pop("pattern", None)
                    one["format"] = "decimal"
            return found

    return made.json_schema(schema_generator=Generator)


def type_adapter(kind: Any, path: str, value: Any = None) -> TypeAdapter[Any]:
    """Return pydantic's adapter of a type.

    Args:
        kind: The type.
        path: Path of `value`, for the message.
        value: A value of the type, in which the unsupported part is searched.

    Raises:
        TypeError: Pydantic does not know the type. The message names the part of `value`.
    """
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    try:
        return _make_adapter(kind)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        where, culprit = _find_unsupported(value, path) or (path, kind)
        name = getattr(culprit, "__name__", None) or repr(culprit)
        reason = error.message.split("\n")[0]
        raise TypeError(f"{where} is {with_article(name)}, which pydantic cannot check ({reason})") from None


class ModelField(NamedTuple):
    """A field from which an object is restored.

    Attributes:
        attribute: Name of the object's attribute.
        annotation: The field's annotation, or Any.
        required: True if the field has no default.
    """

    attribute: str
    annotation: Any
    required: bool = False


def list_fields(value: Any) -> dict[str, ModelField]:
    """Return the fields from which a model or dataclass is restored, by their names in JSON."""
    kind = cast(Any, type(value))
    found: dict[str, ModelField] = {}
    if dataclasses.is_dataclass(value):
        try:
            hints = get_type_hints(kind, include_extras=True)
        except (NameError, TypeError):  # a name defined inside a function, or for type checkers only
            hints = {}
        for field in dataclasses.fields(kind):
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if field.init:
                found[field.name] = ModelField(field.name, hints.get(field.name, Any), required)
        return found
    for name, field in kind.model_fields.items():
        alias = field.validation_alias if isinstance(field.validation_alias, str) else name
        annotated = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        found[alias] = ModelField(name, annotated, field.is_required())
    extra: dict[str, Any] = getattr(value, "__pydantic_extra__", None) or {}
    return found | {name: ModelField(name, Any) for name in extra}


def _validate(validate: Callable[[Any], Any], given: Any) -> Any:
    from pydantic import ValidationError

    try:
        return validate(given)
    except ValidationError as error:
        fields: dict[str, str] = {}
        for one in error.errors(include_url=False):
            fields.setdefault("/".join(str(part) for part in one["loc"]), one["msg"])
        raise InvalidEdit(fields) from None


def _make_adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(kind)
    except TypeError:  # an unhashable annotation
        from pydantic import TypeAdapter

        return TypeAdapter(kind)


@functools.lru_cache(maxsize=64)
def _cached_adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@functools.lru_cache(maxsize=64)
def _fields_adapter(kind: Any) -> TypeAdapter[Any]:
    """Return an adapter for fields that are already Python values. Classes that pydantic does not know are allowed."""
    from pydantic import ConfigDict, TypeAdapter

    if not dataclasses.is_dataclass(kind) or hasattr(kind, "__pydantic_core_schema__"):
        return TypeAdapter(cast(Any, kind))
    # Pydantic takes no settings for a dataclass itself. So it is put into a tuple type, whose settings it inherits.
    held: Any = tuple.__class_getitem__(kind)
    made = TypeAdapter[Any](held, config=ConfigDict(arbitrary_types_allowed=True))
    return cast("TypeAdapter[Any]", _FieldsFirst(made))


class _FieldsFirst:
    def __init__(self, made: Any) -> None:
        self._made = made

    def validate_python(self, fields: Any) -> Any:
        return self._made.validate_python((fields,))[0]


def _has_renamed_field(value: Any) -> bool:
    """Return True if a model in `value` writes a field to JSON under another name than it reads it from JSON.

    An edit of the field would be lost.
    """
    kind = cast(Any, type(value))
    if is_model(value) and not dataclasses.is_dataclass(value):
        for name, field in kind.model_fields.items():
            if field.serialization_alias not in (None, field.validation_alias or name):
                return True
    return any(_has_renamed_field(part) for _, part in _list_children(value, "") or ())


def _dump_model(value: Any, path: str, depth: int) -> Any:
    """Return the JSON of a model as pydantic writes it.

    Args:
        value: The model.
        path: Path of the model, for messages.
        depth: Nesting level of the model.

    Raises:
        TypeError: Pydantic cannot write a part.
        ValueError: The JSON does not restore an equal model.
    """
    from pydantic import ValidationError
    from pydantic_core import PydanticSerializationError

    checks = type_adapter(type(value), path, value)
    try:
        # round_trip leaves out computed fields, because validation would refuse them.
        data = checks.dump_python(value, mode="json", by_alias=True, round_trip=True, warnings=False)
    except PydanticSerializationError as error:
        where, kind = _find_unsupported(value, path) or (path, type(value))
        raise TypeError(
            f"{where} is {with_article(kind.__name__)}, which cannot be written as JSON ({error})"
        ) from None
    if type(data) is dict:
        fields = cast("dict[str, Any]", data)
        data = {key: to_json(item, f"{path}.{key}", depth + 1) for key, item in fields.items()}
    else:
        data = to_json(data, path, depth + 1)
    try:
        back = checks.validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([path, *(str(part) for part in first["loc"])])
        raise ValueError(f"{where} cannot be restored from JSON: {first['msg']}") from None
    _require_equal(value, back, path)
    return data


def _encode_fields(value: Any, path: str, depth: int, encode: EncodeFunction) -> tuple[Any, TypeInfo]:
    """Return the JSON and the type of a model, with each field converted by its own value.

    Args:
        value: The model.
        path: Path of the model, for messages.
        depth: Nesting level of the model.
        encode: Converts the value of a field; called as `encode(value, path, depth)`, returns (JSON, type).

    Raises:
        ValueError: An equal object cannot be made from the fields.
    """
    fields = list_fields(value)
    present = {name: getattr(value, field.attribute) for name, field in fields.items()}
    shown: dict[str, Any] = {}
    types: dict[str, Any] = {}
    for name, item in present.items():
        shown[name], one = encode(item, f"{path}.{fields[name].attribute}", depth + 1)
        one = one or describe_annotation(fields[name].annotation, item, shown[name], None)
        if one:
            types[name] = one
    called = not _comes_back(value, present, path)
    if called:
        if not dataclasses.is_dataclass(value):
            raise ValueError(f"{path} cannot be made again from its fields")
        _require_equal(value, build_model_from_fields(value, present, called=True), path)
    described: TypeInfo = {
        "is": "fields",
        "class": type(value).__name__,
        "names": list(fields),
        "required": [name for name, field in fields.items() if field.required],
        "fields": types,
        "attributes": {name: field.attribute for name, field in fields.items()},
    }
    return shown, described | ({"called": True} if called else {})


def _comes_back(value: Any, fields: dict[str, Any], path: str) -> bool:
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    try:
        return not _find_difference(value, build_model_from_fields(value, fields), path)
    except (InvalidEdit, PydanticUserError, PydanticUndefinedAnnotation):
        return False  # a field may hold a value that its annotation does not allow


def _require_equal(before: Any, after: Any, path: str) -> None:
    lost = _find_difference(before, after, path)
    if lost:
        where, old, new = lost
        raise ValueError(f"{where} is {old!r:.80}, but JSON would restore it as {new!r:.80}")


def _list_children(value: Any, path: str) -> list[tuple[str, Any]] | None:
    """Return the parts of a container or object as pairs (path, part). None for a single value."""
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value)
        return [(f"{path}[{key!r}]", item) for key, item in pairs.items()]
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        return [(f"{path}[{i}]", item) for i, item in enumerate(items)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f"{path}.{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    if is_model(value):
        inside: dict[str, Any] = {**vars(value), **(getattr(value, "__pydantic_extra__", None) or {})}
        return [(f"{path}.{name}", item) for name, item in inside.items()]
    return None


def _find_unsupported(value: Any, path: str) -> tuple[str, type] | None:
    """Return path and class of the first part of `value` whose class pydantic does not know; None if there is none."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    parts = _list_children(value, path)
    if parts is None:
        kind = cast("type[Any]", type(value))
        try:
            TypeAdapter(kind)
        except PydanticUserError:
            return path, kind
        return None
    return next(filter(None, (_find_unsupported(item, where) for where, item in parts)), None)


def _find_difference(before: Any, after: Any, path: str) -> tuple[str, Any, Any] | None:
    """Return the first difference in type or value of two structures as (path, before, after); None if they are equal.

    Objects without `__eq__` are compared by their fields.
    """
    if type(before) is not type(after):
        return path, before, after
    old, new = _list_children(before, path), _list_children(after, path)
    if old is None or new is None:
        return None if before is after or before == after else (path, before, after)
    if len(old) != len(new):
        return path, before, after
    parts = dict(new)
    for where, item in old:
        if where not in parts:
            return path, before, after
        lost = _find_difference(item, parts[where], where)
        if lost:
            return lost
    return None
