"""Conditions of policy rules, such as `value.amount > 100 and "vip" in tags`.

A condition is one Python expression over facts: recorded data about a question, such as its value and title. Its result
is True, False or Unknown. `ast` parses the expression. Functions that this module makes for the allowed syntax evaluate
it; no part of it is executed as Python. Attributes and indexes look up keys of JSON objects and items of lists. They
never read attributes of Python objects, so `value.items` is the field with that name.

Kleene logic: a result that cannot be decided is Unknown. Examples are a missing field, a comparison of text with a
number, and a division by zero. `True or Unknown` is True, `False and Unknown` is False. Every other combination with
Unknown is Unknown.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.kleene import (
    ARITHMETIC,
    COMPARISONS,
    FUNCTIONS,
    MAX_DEPTH,
    UNKNOWN,
    Evaluate,
    is_number,
    look_up_field,
    make_and,
    make_or,
    name_kind,
    negate,
)

MAX_CONDITION_CHARS = 1000
"""Maximum length of a condition, in characters."""
FACT_NAMES = (
    *("value", "kind", "title", "tags", "confidence", "agent", "notebook", "context", "guardrails", "labels"),
    *("now", "tool", "arguments"),
)
NOW_FIELDS = ("hour", "weekday", "date", "office")


@dataclass(frozen=True, slots=True)
class _ConditionNode:
    """A compiled part of a condition, such as `value.amount` in `value.amount > 100`.

    `run` evaluates the part for a mapping of facts. `syntax` and `parts` (the parts inside it) are kept for
    explanations.
    """

    run: Evaluate
    syntax: ast.expr
    parts: tuple[_ConditionNode, ...] = ()


@dataclass(frozen=True)
class Condition:
    """A compiled condition of a policy rule.

    Attributes:
        text: The condition as the rule has it, a Python expression.
        names: Names of the facts that the condition reads, such as "value" and "title".
    """

    text: str
    names: frozenset[str]
    _root: _ConditionNode

    def evaluate(self, facts: Mapping[str, Any]) -> bool | None:
        """Evaluate the condition for a mapping of fact names to JSON values.

        Returns:
            True or False. None if the result is Unknown, for example because a field is missing, or is not a truth
            value.
        """
        found = self._root.run(facts)
        return found if found is True or found is False else None

    def explain(self, facts: Mapping[str, Any]) -> str:
        """Explain why `evaluate` returns None for these facts.

        The text can end a sentence: "value.country is missing".
        """
        return (
            _explain_node(self._root, facts) or f"{self.text} is {name_kind(self._root.run(facts))}, not true or false"
        )


@functools.lru_cache(maxsize=8192)
def compile_condition(text: str) -> Condition:
    """Parse and check the text of a condition, such as `value.amount > 100`, and make it ready for evaluation.

    Raises:
        PolicyError: The text is not a valid condition. The message is one sentence that names the error and the correct
            form.
    """
    if len(text) > MAX_CONDITION_CHARS:
        raise PolicyError(
            f"the condition has {len(text)} characters, at most {MAX_CONDITION_CHARS} are accepted; split the rule"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply or has a null character"
        raise PolicyError(
            f"the condition is not one Python expression: {why}; equality is written ==, "
            'conditions are joined by and, or, and fields whose names are Python keywords are written value["from"]'
        ) from None
    compiler = _Compiler()
    root = compiler.compile_node(tree.body, 0)
    return Condition(text.strip(), frozenset(compiler.names), root)


def suggest_word(word: str, known: Iterable[str]) -> str:
    """Return the second half of an error message about an unknown word, such as "did you mean title? accepted are ...".

    A similar word is suggested only if `known`, the accepted words, has one. The accepted words are always listed.
    """
    import difflib

    names = list(known)
    near = difflib.get_close_matches(word, names, 1)
    accepted = ", ".join(names) or "none"
    return f"did you mean {near[0]}? accepted are {accepted}" if near else f"accepted are {accepted}"


# --- from syntax to functions ---------------------------------------------------------------------------------------


class _Compiler:
    """Compiler of one condition: it turns the parsed expression into functions that evaluate it.

    While it compiles, `names` collects the names of the facts that the condition reads.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def compile_node(self, syntax: ast.expr, depth: int) -> _ConditionNode:
        """Compile one part of a condition's syntax tree, with the parts inside it.

        Args:
            syntax: The part, as `ast` parsed it.
            depth: Number of parts that enclose it.

        Raises:
            PolicyError: A condition must not contain this part, or it is nested more than `MAX_DEPTH` levels deep.
        """
        if depth > MAX_DEPTH:
            raise PolicyError(f"the condition is nested more than {MAX_DEPTH} levels deep; split the rule")
        make = _NODE_COMPILERS.get(type(syntax))
        if make is None:
            raise PolicyError(
                f"`{_shorten(syntax)}` is not accepted in a condition ({type(syntax).__name__}); accepted are and, or, "
                f"not, comparisons, in, + - * /, fields, literals, lists and the functions {', '.join(FUNCTIONS)}"
            )
        return make(self, syntax, depth + 1)

    def compile_parts(self, syntaxes: Iterable[ast.expr], depth: int) -> tuple[_ConditionNode, ...]:
        """Compile each of several parts of a condition, in order.

        Args:
            syntaxes: The parts, as `ast` parsed them.
            depth: Number of parts that enclose them.

        Raises:
            PolicyError: A condition must not contain one of the parts, or it is nested too deeply.
        """
        return tuple(self.compile_node(one, depth) for one in syntaxes)

    def compile_literal(self, syntax: ast.Constant, depth: int) -> _ConditionNode:
        """Compile a literal of a condition: a text, a number, True, False or None. Refuse any other literal.

        Args:
            syntax: The literal, as `ast` parsed it.
            depth: Number of parts of the condition that enclose it.
        """
        value: Any = syntax.value
        if not (value is None or type(value) in (str, bool, int, float)):
            raise PolicyError(f"`{_shorten(syntax)}` is not accepted in a condition; literals are text, numbers, lists")
        if type(value) is float and not math.isfinite(value):
            raise PolicyError("a number in the condition is too large; use one below 1e308")
        return _ConditionNode(lambda facts: value, syntax)

    def compile_name(self, syntax: ast.Name, depth: int) -> _ConditionNode:
        """Compile the name of a fact, such as `title`.

        Its value is looked up at evaluation; it is Unknown if it is missing.

        Args:
            syntax: The name, as `ast` parsed it.
            depth: Number of parts of the condition that enclose it.

        Raises:
            PolicyError: No fact has this name.
        """
        name = syntax.id
        if name in FUNCTIONS:
            raise PolicyError(f"{name} is a function; write {name}(...)")
        if name not in FACT_NAMES:
            raise PolicyError(f"the condition reads {name!r}, which is not a fact; {suggest_word(name, FACT_NAMES)}")
        self.names.add(name)
        return _ConditionNode(lambda facts: facts.get(name, UNKNOWN), syntax)

    def compile_attribute(self, syntax: ast.Attribute, depth: int) -> _ConditionNode:
        """Compile a field that is written with a dot, such as `value.amount`."""
        key = syntax.attr
        self.check_now_field(syntax.value, key)
        whole = self.compile_node(syntax.value, depth)
        if isinstance(syntax.value, ast.Name):
            return _ConditionNode(_make_field_lookup(syntax.value.id, key), syntax, (whole,))
        read = whole.run
        return _ConditionNode(lambda facts: look_up_field(read(facts), key), syntax, (whole,))

    def compile_index(self, syntax: ast.Subscript, depth: int) -> _ConditionNode:
        """Compile a field or item that is written with brackets: `value["amount"]` and `items[0]`. Refuse slices."""
        if isinstance(syntax.slice, ast.Constant):
            self.check_now_field(syntax.value, syntax.slice.value)
        if isinstance(syntax.slice, ast.Slice):
            raise PolicyError(f"`{_shorten(syntax)}` is not accepted in a condition: an index is one key or number")
        whole, key = self.compile_node(syntax.value, depth), self.compile_node(syntax.slice, depth)
        return _ConditionNode(lambda facts: look_up_field(whole.run(facts), key.run(facts)), syntax, (whole, key))

    def check_now_field(self, whole: ast.expr, key: object) -> None:
        """Refuse a field of the fact `now` that does not exist, such as `now.minute`. Other facts are not checked.

        Args:
            whole: Syntax of the part before the field.
            key: Name of the field.

        Raises:
            PolicyError: `whole` is `now`, which has no field `key`.
        """
        if isinstance(whole, ast.Name) and whole.id == "now" and key not in NOW_FIELDS:
            raise PolicyError(f"now has no field {key!r}; {suggest_word(str(key), NOW_FIELDS)}")

    def compile_logic(self, syntax: ast.BoolOp, depth: int) -> _ConditionNode:
        """Compile several parts that are joined by `and`, or by `or`."""
        parts = self.compile_parts(syntax.values, depth)
        runs = tuple(part.run for part in parts)
        return _ConditionNode(make_and(runs) if isinstance(syntax.op, ast.And) else make_or(runs), syntax, parts)

    def compile_unary(self, syntax: ast.UnaryOp, depth: int) -> _ConditionNode:
        """Compile `not x`, `-x` and `+x`. Refuse `~x`."""
        part = self.compile_node(syntax.operand, depth)
        read = part.run
        if isinstance(syntax.op, ast.Not):
            return _ConditionNode(lambda facts: negate(read(facts)), syntax, (part,))
        if isinstance(syntax.op, ast.Invert):
            raise PolicyError(f"`{_shorten(syntax)}` is not accepted in a condition; write not")
        sign = -1 if isinstance(syntax.op, ast.USub) else 1
        times = ARITHMETIC[ast.Mult]
        return _ConditionNode(lambda facts: times(read(facts), sign), syntax, (part,))

    def compile_comparison(self, syntax: ast.Compare, depth: int) -> _ConditionNode:
        """Compile a comparison such as `a < b`, or a chain such as `a < b <= c`. Refuse `is` and `is not`."""
        parts = self.compile_parts([syntax.left, *syntax.comparators], depth)
        compares: list[Callable[[Any, Any], Any]] = []
        for op in syntax.ops:
            compare = COMPARISONS.get(type(op))
            if compare is None:
                raise PolicyError(f"`{_shorten(syntax)}` is not accepted in a condition; write == or != in place of is")
            compares.append(compare)
        pairs = zip(compares, parts[:-1], parts[1:], strict=True)
        runs = tuple(_make_comparison(compare, left, right) for compare, left, right in pairs)
        return _ConditionNode(runs[0] if len(runs) == 1 else make_and(runs), syntax, parts)

    def compile_calculation(self, syntax: ast.BinOp, depth: int) -> _ConditionNode:
        """Compile a calculation with `+`, `-`, `*` or `/` of two numbers. Refuse other operators and other literals."""
        compute = ARITHMETIC.get(type(syntax.op))
        if compute is None:
            raise PolicyError(f"`{_shorten(syntax)}` is not accepted in a condition; the operators are + - * /")
        for side in (syntax.left, syntax.right):
            if isinstance(side, ast.List) or (isinstance(side, ast.Constant) and not is_number(side.value)):
                raise PolicyError(f"`{_shorten(syntax)}` cannot be computed: + - * / take numbers only")
        left, right = self.compile_node(syntax.left, depth), self.compile_node(syntax.right, depth)
        return _ConditionNode(lambda facts: compute(left.run(facts), right.run(facts)), syntax, (left, right))

    def compile_list(self, syntax: ast.List, depth: int) -> _ConditionNode:
        """Compile a list such as `["a", value.b]`. A list of literals is made once, other lists at each evaluation."""
        parts = self.compile_parts(syntax.elts, depth)
        if all(isinstance(part.syntax, ast.Constant) for part in parts):
            fixed = [part.run({}) for part in parts]
            return _ConditionNode(lambda facts: fixed, syntax, parts)
        return _ConditionNode(_make_list([part.run for part in parts]), syntax, parts)

    def compile_call(self, syntax: ast.Call, depth: int) -> _ConditionNode:
        """Compile a call of one of the functions that conditions have, such as `len(value.rows)`.

        Args:
            syntax: The call, as `ast` parsed it.
            depth: Number of parts of the condition that enclose it.

        Raises:
            PolicyError: The function is unknown, or the call has the wrong number of arguments.
        """
        name = syntax.func.id if isinstance(syntax.func, ast.Name) else ""
        if name not in FUNCTIONS:
            raise PolicyError(
                f"`{_shorten(syntax)}` calls no function of conditions; {suggest_word(name, FUNCTIONS)}; "
                "a text's pattern is like(title, 'release/*'), anything else is for a guardrail"
            )
        function, count, takes = FUNCTIONS[name]
        if syntax.keywords or len(syntax.args) != count:
            raise PolicyError(f"`{_shorten(syntax)}`: {name} takes {takes} ({count} argument{'s'[: count - 1]})")
        parts = self.compile_parts(syntax.args, depth)
        first = parts[0].run
        if count == 1:
            return _ConditionNode(lambda facts: function(first(facts)), syntax, parts)
        second = parts[1].run
        return _ConditionNode(lambda facts: function(first(facts), second(facts)), syntax, parts)


def _make_comparison(compare: Callable[[Any, Any], Any], left: _ConditionNode, right: _ConditionNode) -> Evaluate:
    read, other = left.run, right.run
    if isinstance(right.syntax, ast.Constant):
        value = other({})
        return lambda facts: compare(read(facts), value)
    return lambda facts: compare(read(facts), other(facts))


def _make_field_lookup(name: str, key: str) -> Evaluate:
    """Make the function that looks up the field `key` of the fact `name`, as in `value.amount`.

    Such a lookup is the most frequent part of conditions, so it is evaluated by a single call.
    """

    def run(facts: Mapping[str, Any]) -> Any:
        found = facts.get(name)
        return found.get(key, UNKNOWN) if type(found) is dict else look_up_field(found, key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # `cast` is a call

    return run


def _make_list(runs: list[Evaluate]) -> Evaluate:
    def run(facts: Mapping[str, Any]) -> Any:
        items = [one(facts) for one in runs]
        return UNKNOWN if any(item is UNKNOWN for item in items) else items

    return run


_NODE_COMPILERS: dict[type[ast.expr], Callable[[_Compiler, Any, int], _ConditionNode]] = {
    ast.Constant: _Compiler.compile_literal,
    ast.Name: _Compiler.compile_name,
    ast.Attribute: _Compiler.compile_attribute,
    ast.Subscript: _Compiler.compile_index,
    ast.BoolOp: _Compiler.compile_logic,
    ast.UnaryOp: _Compiler.compile_unary,
    ast.Compare: _Compiler.compile_comparison,
    ast.BinOp: _Compiler.compile_calculation,
    ast.List: _Compiler.compile_list,
    ast.Call: _Compiler.compile_call,
}


# --- explanations ---------------------------------------------------------------------------------------------------


def _explain_node(node: _ConditionNode, facts: Mapping[str, Any]) -> str:
    """Explain why a part of a condition is Unknown for these facts, such as "value.country is missing".

    The innermost Unknown part is explained, because it causes the others. Returns "" if the part is not Unknown.
    """
    logical = isinstance(node.syntax, ast.BoolOp) or (
        isinstance(node.syntax, ast.UnaryOp) and isinstance(node.syntax.op, ast.Not)
    )
    if node.run(facts) is not UNKNOWN:
        return ""
    for part in node.parts:
        if found := _explain_node(part, facts):
            return found
        if logical and type(value := part.run(facts)) is not bool:
            return f"{_shorten(part.syntax)} is {name_kind(value)}, not true or false"
    shown = _shorten(node.syntax)
    if isinstance(node.syntax, (ast.Name, ast.Attribute, ast.Subscript)):
        return f"{shown} is missing"
    values = [(part, part.run(facts)) for part in node.parts]
    for part, value in values:
        if value is None and not isinstance(part.syntax, ast.Constant):
            return f"{_shorten(part.syntax)} is not given"
    if isinstance(node.syntax, ast.Call):
        name = cast("ast.Name", node.syntax.func).id
        return f"{shown} takes {FUNCTIONS[name][2]}, not {' and '.join(name_kind(value) for _, value in values)}"
    if isinstance(node.syntax, ast.Compare):
        kinds = " and ".join(name_kind(value) for _, value in values)
        return f"{shown} compares {kinds}"
    return f"{shown} has no number as its result"


def _shorten(syntax: ast.expr) -> str:
    try:
        text = ast.unparse(syntax)
    except RecursionError:
        return type(syntax).__name__
    return text if len(text) <= 80 else f"{text[:77]}..."
