"""Reading of one policy document: a `hitl-policy.toml` file, or a mapping with the same keys that a call passes.

A document has rules. A rule has a scope and a condition, a verdict ("pass", "ask" or "block"), and terms: how people
are asked. This module checks one document. `merged_policy.py` then combines all documents and replaces group names by
people, because a file may use groups that another file defines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast, get_args

from hitl_nb.errors import PolicyError
from hitl_nb.kinds.registry import KINDS
from hitl_nb.policies.documents.conditions import Condition, compile_condition, suggest_word
from hitl_nb.policies.documents.content import to_plain_content
from hitl_nb.policies.documents.grammar import (
    UnresolvedNeed,
    UnresolvedStep,
    check_name,
    find_timezone,
    parse_duration,
    parse_need,
    parse_office,
    parse_timeline,
)
from hitl_nb.policies.documents.key_lines import find_rule_lines, find_top_lines
from hitl_nb.records import ACTIONS, Action, Identity, Office, PolicyVerdict, ShownInNotices

T = TypeVar("T")

VERDICTS: tuple[PolicyVerdict, ...] = get_args(PolicyVerdict)
SCOPES = ("tool", "agent", "notebook", "kind", "title")
MAPPING_SOURCE = "hitl.policy"
"""Name that error messages use for a document that a call passes as a mapping, as it has no file path."""
_UNBUILT_KEYS = ("limit", "earn", "double")
_MISPLACED_KEYS = {
    **dict.fromkeys(("permit", "allow", "approve", "accept"), "pass"),
    **dict.fromkeys(("deny", "forbid", "reject", "refuse"), "block"),
    **dict.fromkeys(("review", "escalate", "require_approval"), "ask"),
}
"""Words for a verdict in other policy languages. Maps each word to the hitl_nb verdict that an error message suggests.
"""
_TOP_KEYS = ("version", "default", "identity", "exclusive", "timezone", "fallback", "groups", "office", "rule")
_OFFICE_KEYS = ("days", "hours", "holidays")
_TERMS_KEYS = ("needs", "four_eyes", "timeline", "fresh", "undo", "batch", "blind", "allow", "show", "assign")
_RULE_KEYS = ("id", *SCOPES, "when", "do", *_TERMS_KEYS)
_ID = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True)
class UnresolvedRule:
    """A rule of one policy document, checked; group names such as "@finance" are not yet replaced by people.

    The fields are the keys of the rule in the file. A missing key has the default of its field.

    Attributes:
        where: File, line and rule id, for error messages.
        scopes: Pairs of a scope key ("tool", "agent" ...) and its pattern, only for the keys that the rule has.
    """

    id: str
    where: str
    scopes: tuple[tuple[str, str], ...]
    condition: Condition | None
    do: PolicyVerdict
    needs: tuple[UnresolvedNeed, ...] = ()
    four_eyes: bool = False
    timeline: tuple[UnresolvedStep, ...] = ()
    fresh: float | None = None
    undo: float | None = None
    batch: int | None = None
    blind: bool = False
    allow: tuple[Action, ...] | None = None
    show: ShownInNotices = "title"
    assign: bool = False


@dataclass(frozen=True)
class PolicyDocument:
    """Checked content of one policy document: a policy file, or a mapping that a call passes.

    The fields that are not listed below are the keys of the document.

    Attributes:
        source: Name of the document in error messages: the file's path, or "hitl.policy" for a mapping.
        organisation: True if the document is a file that the environment variable `HITL_NB_POLICY` names.
        timezone: IANA name. None: the document has no such key.
        office: Working hours. None: the document has no such key.
    """

    source: str
    organisation: bool = False
    default: PolicyVerdict = "ask"
    identity: Identity = "login"
    exclusive: bool = False
    timezone: str | None = None
    office: Office | None = None
    fallback: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    rules: tuple[UnresolvedRule, ...] = ()


def read_policy_document(text: str, source: str, *, organisation: bool = False) -> PolicyDocument:
    """Read and check a policy document from the text of a file.

    Args:
        text: Content of the file, in TOML.
        source: Name of the document in error messages.
        organisation: True for a file that the environment variable `HITL_NB_POLICY` names.

    Raises:
        PolicyError: The text is not TOML, or breaks the grammar of policy documents. Only the first error is raised.
    """
    return _DocumentReader(source, text, organisation).read_document(_read_toml(text, source))


def find_document_errors(text: str, source: str, *, organisation: bool = False) -> list[PolicyError]:
    """List all errors in the text of a policy file, in the order in which they were found. Empty: the file is valid.

    `read_policy_document` raises only the first of these errors.

    Args:
        text: Content of the file, in TOML.
        source: Name of the document in error messages.
        organisation: True for a file that the environment variable `HITL_NB_POLICY` names.
    """
    reader = _DocumentReader(source, text, organisation, collected := [])
    try:
        reader.read_document(_read_toml(text, source))
    except PolicyError as error:
        collected.append(error)
    return collected


def _read_toml(text: str, source: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for a number with too many digits for Python
        raise PolicyError(f"{source}: this is not TOML: {error}") from None


def read_policy_mapping(content: Mapping[str, Any], source: str = MAPPING_SOURCE) -> PolicyDocument:
    """Read and check a policy document from a mapping. Its keys and values are those of a policy file.

    Args:
        content: The mapping, such as `{"rule": [{"id": "large", "when": "value > 100", "do": "ask"}]}`.
        source: Name of the document in error messages.

    Raises:
        PolicyError: The mapping breaks the grammar of policy documents.
    """
    return _DocumentReader(source, "", organisation=False).read_document(content)


class _DocumentReader:
    """Reader of one policy document. Error messages name the source, the line and the rule.

    Without `errors`, the first error is raised. With a list as `errors`, reading continues after an error, and the
    errors of all independent parts are appended to the list. The returned document is then invalid.
    """

    def __init__(self, source: str, text: str, organisation: bool, errors: list[PolicyError] | None = None) -> None:
        self.source = source
        self.lines = find_rule_lines(text)
        self.top_lines = find_top_lines(text)
        self.organisation = organisation
        self.errors = errors

    def _read_part(self, work: Callable[[], T], otherwise: T) -> T:
        """Return the result of `work()`.

        If `work` raises PolicyError and this reader collects errors, the error is collected and `otherwise` is
        returned.
        """
        try:
            return work()
        except PolicyError as error:
            if self.errors is None:
                raise
            self.errors.append(error)
            return otherwise

    def _check_keys(self, content: Mapping[str, Any], known: Sequence[str], at: Callable[[str], str]) -> None:
        for key in content:
            self._read_part(lambda key=key: _check_keys([key], known, at, ""), None)

    def read_document(self, content: Mapping[str, Any]) -> PolicyDocument:
        """Check the parsed content of a whole document (a mapping of its top-level keys), and return it as a record.

        Raises:
            PolicyError: The content breaks the grammar, and this reader does not collect errors.
        """
        where = self.source
        to_plain_content(where, ascii(where))  # the file's name is stored as well, so it is checked
        content = to_plain_content(content, where)
        at = self._top_place
        self._check_keys(content, _TOP_KEYS, at)
        self._read_part(lambda: _check_version(content, at("version")), None)
        timezone = self._read_part(lambda: _read_timezone(content, at("timezone")), None)
        none: dict[str, tuple[str, ...]] = {}
        return PolicyDocument(
            source=self.source,
            organisation=self.organisation,
            default=self._read_part(
                lambda: self._read_verdict(content.get("default", "ask"), at("default"), "default"), "ask"
            ),
            identity=self._read_part(lambda: _read_identity(content.get("identity", "login"), at("identity")), "login"),
            exclusive=self._read_part(lambda: self._read_exclusive(content, at("exclusive")), False),
            timezone=timezone,
            office=self._read_part(lambda: self._read_office(content, timezone or "UTC"), None),
            fallback=self._read_part(lambda: _read_names(content.get("fallback", []), at("fallback"), "fallback"), ()),
            groups=self._read_part(lambda: self._read_groups(content.get("groups", {})), none),
            rules=self._read_part(lambda: self._read_rules(content.get("rule", [])), ()),
        )

    def _read_exclusive(self, content: Mapping[str, Any], where: str) -> bool:
        exclusive = _read_flag(content, "exclusive", where)
        if exclusive and not self.organisation:
            raise PolicyError(f"{where}: exclusive counts only in a file of HITL_NB_POLICY; remove it here")
        return exclusive

    def _read_office(self, content: Mapping[str, Any], timezone: str) -> Office | None:
        table = content.get("office")
        if table is None:
            return None
        where = f"{self._top_place('office')}, [office]"
        return _with_place(where, lambda: parse_office(_read_table(table, where, _OFFICE_KEYS), timezone))

    def _read_groups(self, content: Any) -> dict[str, tuple[str, ...]]:
        where = f"{self._top_place('groups')}, [groups]"
        found: dict[str, tuple[str, ...]] = {}
        for name, people in _read_table(content, where).items():
            _with_place(where, lambda name=name: check_name(f"@{name}"))
            found[name] = _read_names(people, where, name)
            inner = [person for person in found[name] if person.startswith("@")]
            if inner or not found[name]:
                what = f"holds {inner[0]}; a group holds people, not groups" if inner else "is empty; name its people"
                raise PolicyError(f"{where}: the group {name} {what}")
        return found

    def _read_rules(self, content: Any) -> tuple[UnresolvedRule, ...]:
        if not isinstance(content, (list, tuple)):
            raise PolicyError(
                f"{self.source}: rule is {_name_kind(content)}; write [[rule]] with two brackets on each side"
            )
        found = [
            self._read_part(lambda x=x, n=n: self._read_rule(x, n), None)
            for n, x in enumerate(cast("list[Any]", content))
        ]
        return tuple(rule for rule in found if rule is not None)

    def _read_rule(self, content: Any, n: int) -> UnresolvedRule:
        where = self._rule_place(n, "", "")
        table = _read_table(content, where)
        identifier = table.get("id")
        if identifier is None:
            raise PolicyError(f"{where}: the id is missing; write 1 to 40 characters of a-z, 0-9 and -")
        if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
            raise PolicyError(f"{where}: id is {identifier!r}; write 1 to 40 characters of a-z, 0-9 and -")

        def at(key: str) -> str:
            return self._rule_place(n, identifier, key)

        if self.errors is not None:
            self._check_each(table, n, identifier, at)
        for key in table:
            _refuse_unbuilt(key, at)
        _check_keys(table, _RULE_KEYS, at, "")
        if "do" not in table:
            raise _missing_verdict_error(at)
        rule = UnresolvedRule(
            id=identifier,
            where=at("id"),
            scopes=tuple((key, self._read_scope(table[key], at(key), key)) for key in SCOPES if key in table),
            condition=_read_condition(table["when"], at("when")) if "when" in table else None,
            do=self._read_verdict(table["do"], at("do"), "do"),
            needs=tuple(
                _with_place(at("needs"), lambda x=x: parse_need(x)) for x in _read_list(table, "needs", at("needs"))
            ),
            four_eyes=_read_flag(table, "four_eyes", at("four_eyes")),
            timeline=_with_place(at("timeline"), lambda: parse_timeline(_read_list(table, "timeline", at("timeline")))),
            fresh=_read_duration(table, "fresh", at("fresh")),
            undo=_read_duration(table, "undo", at("undo")),
            batch=_read_batch(table, at("batch")),
            blind=_read_flag(table, "blind", at("blind")),
            allow=_read_allow(table, at("allow")),
            show=_read_choice(table.get("show", "title"), get_args(ShownInNotices), at("show"), "show"),
            assign=_read_choice(table.get("assign", ""), ("", "least-busy"), at("assign"), "assign") != "",
        )
        if rule.do == "pass":  # a "block" rule may have terms: if its condition is Unknown, it asks people under them
            for key in _TERMS_KEYS:
                if key in table:
                    raise PolicyError(
                        f"{at(key)}: {key} says how people are asked, and this rule never asks; "
                        f"remove {key}, or use do = 'ask'"
                    )
        _check_consistent(rule, at)
        return rule

    def _check_each(self, table: dict[str, Any], n: int, identifier: str, at: Callable[[str], str]) -> None:
        """Check each key of a rule alone, and collect the errors of all keys. The last error is raised, not collected.

        So the combination of the keys is checked only if each key is valid. Without an error, nothing happens.

        Args:
            table: The keys of the rule and their values.
            n: Number of the rule in the document.
            identifier: Id of the rule.
            at: Returns the place of a key, for error messages.
        """
        errors: list[PolicyError] = []
        for key, value in table.items():
            alone = _DocumentReader(self.source, "", self.organisation)
            alone.lines = self.lines
            rule = {"id": identifier, "do": "ask", key: value}
            try:
                alone._read_rule(rule, n)
            except PolicyError as error:
                errors.append(error)
        if errors and self.errors is not None:
            if "do" not in table:
                errors.append(_missing_verdict_error(at))
            self.errors += errors[:-1]
            raise errors[-1]

    def _read_scope(self, text: Any, where: str, key: str) -> str:
        if not isinstance(text, str) or not text:
            raise PolicyError(f"{where}: {key} is {text!r}; write a text, in which * matches any characters")
        if key == "kind" and "*" not in text and text not in KINDS:
            raise PolicyError(f"{where}: {text!r} is not a kind; {suggest_word(text, tuple(KINDS))}")
        return text

    def _read_verdict(self, verdict: Any, where: str, key: str) -> PolicyVerdict:
        if verdict == "earn":
            raise PolicyError(f"{where}: {key} = 'earn' is not built yet; use 'ask'")
        meant = _MISPLACED_KEYS.get(verdict) if isinstance(verdict, str) else None
        if meant is not None:
            raise PolicyError(f"{where}: {key} is {verdict!r}; accepted are {', '.join(VERDICTS)}: write '{meant}'")
        return _read_choice(verdict, VERDICTS, where, key)

    def _top_place(self, key: str) -> str:
        line = self.top_lines.get(key, 0)
        return f"{self.source}{f', line {line}' if line else ''}"

    def _rule_place(self, n: int, identifier: str, key: str) -> str:
        lines = self.lines[n] if n < len(self.lines) else {}
        line = lines.get(key, lines.get("", 0))
        shown = f", rule {identifier}" if identifier else f", rule {n + 1}"
        return f"{self.source}{f', line {line}' if line else ''}{shown}"


def _check_version(content: Mapping[str, Any], where: str) -> None:
    version: Any = content.get("version", 1)
    if type(version) is not int or version != 1:
        raise PolicyError(f"{where}: version is {version!r}; this hitl_nb reads version = 1")


def _read_timezone(content: Mapping[str, Any], where: str) -> str | None:
    timezone = content.get("timezone")
    if timezone is not None:
        _with_place(where, lambda: find_timezone(timezone))
    return timezone


def _missing_verdict_error(at: Callable[[str], str]) -> PolicyError:
    return PolicyError(f"{at('id')}: do is missing; write do = 'pass', 'ask' or 'block'")


def _refuse_unbuilt(key: str, at: Callable[[str], str]) -> None:
    if key in _UNBUILT_KEYS:
        raise PolicyError(f"{at(key)}: {key} is not built yet; remove it and use do = 'ask'")


def _check_consistent(rule: UnresolvedRule, at: Callable[[str], str]) -> None:
    """Raise PolicyError if two keys of a rule contradict each other.

    An example is a timeline by which the clock approves, with a need for two votes.
    """
    if any(step.does == "approve" for step in rule.timeline):
        what = "four_eyes" if rule.four_eyes else next((n.text for n in rule.needs if n.count > 1), "")
        if what:
            raise PolicyError(
                f"{at('timeline')}: the timeline approves by itself, but the rule asks for {what}; let it reject"
            )
        if rule.allow is not None and "approve" not in rule.allow:
            raise PolicyError(f"{at('timeline')}: the timeline approves by itself, but allow has no 'approve'")
    if any(step.does == "reject" for step in rule.timeline) and rule.allow is not None and "reject" not in rule.allow:
        raise PolicyError(f"{at('timeline')}: the timeline rejects, but allow has no 'reject'")


def _with_place(where: str, work: Callable[[], T]) -> T:
    """Return the result of `work()`. If it raises PolicyError, put `where` at the beginning of the error's message."""
    try:
        return work()
    except PolicyError as error:
        raise PolicyError(f"{where}: {error}") from None


def _read_condition(text: Any, where: str) -> Condition:
    if not isinstance(text, str):
        raise PolicyError(f"{where}: when is {_name_kind(text)}; write an expression as text")
    return _with_place(where, lambda: compile_condition(text))


def _read_table(content: Any, where: str, known: Sequence[str] | None = None) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise PolicyError(f"{where}: this is {_name_kind(content)}; write a table of keys and values")
    other = next((key for key in cast("Mapping[Any, Any]", content) if not isinstance(key, str)), None)
    if other is not None:
        raise PolicyError(f"{where}: the key {other!r} is {_name_kind(other)}; write keys as texts")
    table = dict(cast("Mapping[str, Any]", content))
    if known is not None:
        _check_keys(table, known, where, "")
    return table


def _check_keys(content: Iterable[str], known: Sequence[str], where: str | Callable[[str], str], prefix: str) -> None:
    for key in content:
        if key not in known:
            place = where if isinstance(where, str) else where(str(key))
            raise PolicyError(f"{place}: unknown key {prefix}{key!r}; {suggest_word(str(key), known)}")


def _read_choice(value: Any, accepted: Sequence[Any], where: str, key: str) -> Any:
    if not isinstance(value, str) or value not in accepted:
        raise PolicyError(f"{where}: {key} is {value!r}; {suggest_word(str(value), [one for one in accepted if one])}")
    return value


def _read_identity(value: Any, where: str) -> Identity:
    if value == "link":
        raise PolicyError(f"{where}: identity = 'link' is not built yet; use 'login' or 'local'")
    return _read_choice(value, get_args(Identity), where, "identity")


def _read_flag(content: Mapping[str, Any], key: str, where: str) -> bool:
    value = content.get(key, False)
    if not isinstance(value, bool):
        raise PolicyError(f"{where}: {key} is {value!r}; write true or false")
    return value


def _read_list(content: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = content.get(key, [])
    if not isinstance(value, (list, tuple)) or (key in content and not value):
        raise PolicyError(f"{where}: {key} is {value!r}; write a list with at least one text in [ ], or leave it out")
    return list(cast("list[Any]", value))


def _read_names(value: Any, where: str, key: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise PolicyError(f"{where}: {key} is {_name_kind(value)}; write a list of names, such as ['ada', '@leads']")
    return tuple(dict.fromkeys(_with_place(where, lambda x=x: check_name(x)) for x in cast("list[Any]", value)))


def _read_duration(content: Mapping[str, Any], key: str, where: str) -> float | None:
    return _with_place(where, lambda: parse_duration(content[key])[0]) if key in content else None


def _read_batch(content: Mapping[str, Any], where: str) -> int | None:
    value = content.get("batch")
    if value is not None and (type(value) is not int or value < 1):
        raise PolicyError(f"{where}: batch is {value!r}; write a whole number from 1 on")
    return value


def _read_allow(content: Mapping[str, Any], where: str) -> tuple[Action, ...] | None:
    if "allow" not in content:
        return None
    given = {_read_choice(one, ACTIONS, where, "allow") for one in _read_list(content, "allow", where)}
    return tuple(action for action in ACTIONS if action in given)


def _name_kind(value: Any) -> str:
    return "a table" if isinstance(value, Mapping) else f"a {type(value).__name__}"
