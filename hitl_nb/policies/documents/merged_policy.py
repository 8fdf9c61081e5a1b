"""The merged policy: one policy made from all policy documents that apply to a notebook or call.

A document is a policy file, or a mapping that a call passes. Merging replaces group names such as "@finance" by people.
A rule uses the groups, time zone, office (working hours), identity and fallback of its own document. If that document
does not define a group, time zone or office, the other documents' definition is used, but only if they agree. The order
of the documents has no effect.

A document of the organisation (a file that `HITL_NB_POLICY` names) can be `exclusive`. Other documents can then only
make the policy stricter. Three things in them are ignored:

- rules and defaults that pass questions
- timeline steps by which the clock approves
- people whom they add to those who may decide, by escalation or fallback
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from hitl_nb.errors import PolicyError, StoreCorrupt
from hitl_nb.policies.documents.conditions import Condition, compile_condition
from hitl_nb.policies.documents.documents import VERDICTS, PolicyDocument, UnresolvedRule
from hitl_nb.policies.documents.grammar import UnresolvedNeed, UnresolvedStep
from hitl_nb.records import (
    Action,
    Identity,
    Need,
    Office,
    PolicyVerdict,
    Record,
    ShownInNotices,
    TimelineStep,
    canonical_json,
)
from hitl_nb.structs import prepare_structs

T = TypeVar("T")


class Rule(Record, frozen=True, kw_only=True):
    """A rule of the merged policy: the verdict ("pass", "ask" or "block") on the questions that it matches.

    The fields that are not listed below are the keys of the rule in its document. Group names are replaced by user
    names.

    Attributes:
        source: Name of the document that has the rule.
        tool, agent, notebook, kind, title: Scope of the rule: a pattern in which `*` matches any characters. None: any.
        when: The condition of the rule, as text. "": the rule applies to every question in its scope.
        identity, timezone, office, fallback: Settings of the rule's document.
    """

    id: str
    source: str
    tool: str | None = None
    agent: str | None = None
    notebook: str | None = None
    kind: str | None = None
    title: str | None = None
    when: str = ""
    do: PolicyVerdict
    needs: tuple[Need, ...] = ()
    four_eyes: bool = False
    timeline: tuple[TimelineStep, ...] = ()
    fresh: float | None = None
    undo: float | None = None
    batch: int | None = None
    blind: bool = False
    allow: tuple[Action, ...] | None = None
    show: ShownInNotices = "title"
    assign: bool = False
    identity: Identity = "login"
    timezone: str = "UTC"
    office: Office | None = None
    fallback: tuple[str, ...] = ()


class Group(Record, frozen=True, kw_only=True):
    """A named group of people, kept in the merged policy for calls that name reviewers, such as "@finance".

    `people` is empty if documents define the group differently; a call that names such a group is refused.
    """

    name: str
    people: tuple[str, ...] = ()


class MergedPolicy(Record, frozen=True, kw_only=True, dict=True):
    """One policy made from all policy documents (files and mappings) that apply.

    Attributes:
        sources: Names of the documents, sorted.
        default: Verdict for a question that no rule matches: the strictest default of the documents.
        exclusive: Whether a document of the organisation is exclusive: other documents could only make the policy
            stricter.
        identity, fallback: Settings for questions that are asked, but not because of a rule.
        groups, rules: All groups, sorted by name, and all rules, sorted by id.
        ignored: Parts of documents that were ignored because of `exclusive`, as phrases such as "a.toml: fallback".
    """

    version: int = 1
    sources: tuple[str, ...] = ()
    default: PolicyVerdict = "ask"
    exclusive: bool = False
    identity: Identity = "login"
    fallback: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    rules: tuple[Rule, ...] = ()
    ignored: tuple[str, ...] = ()

    def json(self) -> bytes:
        """Return the policy as canonical JSON (sorted keys, no spaces), which the store keeps and `sha256` hashes."""
        return canonical_json(msgspec.to_builtins(self))

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 (hex) of the policy's canonical JSON, as `json()` returns it."""
        return hashlib.sha256(self.json()).hexdigest()

    @functools.cached_property
    def compiled_rules(self) -> list[tuple[Rule, int, Condition | None]]:
        """All rules, each with the index of its scope in `scopes` and its compiled condition (None: no condition)."""
        numbers = {scope: n for n, scope in enumerate(self.scopes)}
        return [(r, numbers[_scope_of(r)], compile_condition(r.when) if r.when else None) for r in self.rules]

    @functools.cached_property
    def scopes(self) -> tuple[tuple[str | None, ...], ...]:
        """The different scopes of the rules: tuples of the patterns for tool, agent, notebook, kind and title.

        Each scope is listed once, so that it is compared with a question once. Most policies have only a few scopes.
        """
        return tuple(dict.fromkeys(_scope_of(rule) for rule in self.rules))


def _scope_of(rule: Rule) -> tuple[str | None, ...]:
    return rule.tool, rule.agent, rule.notebook, rule.kind, rule.title


def decode_merged_policy(raw: bytes) -> MergedPolicy:
    """Decode a merged policy from the JSON that the store keeps.

    Raises:
        StoreCorrupt: The bytes are not the JSON of a merged policy.
    """
    try:
        return msgspec.json.decode(raw, type=MergedPolicy)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored policy is damaged: {damage}") from damage


def merge_documents(documents: Iterable[PolicyDocument], errors: list[PolicyError] | None = None) -> MergedPolicy:
    """Merge policy documents into one policy.

    Args:
        documents: The documents, in any order.
        errors: A list that collects the errors of single rules. The returned policy is invalid if there are any. None:
            the first error is raised.

    Raises:
        PolicyError: A rule is impossible, for example because its group is unknown. Also if two rules have the same id,
            or different working hours in their timelines; these errors are raised even if `errors` is given.
    """
    all_of_them = sorted(documents, key=lambda d: (d.source, not d.organisation))
    _refuse_same_ids(all_of_them)
    exclusive = any(d.exclusive for d in all_of_them)
    merge = _DocumentMerge(all_of_them, exclusive, errors)
    rules = tuple(sorted((one for d in all_of_them for one in merge.rules_of(d)), key=lambda rule: rule.id))
    _refuse_two_offices(rules)
    return MergedPolicy(
        sources=tuple(d.source for d in all_of_them),
        default=merge.merge_default(),
        exclusive=exclusive,
        identity=strictest_identity(d.identity for d in all_of_them),
        fallback=tuple(sorted({name for d in all_of_them for name in merge.fallback_of(d)})),
        groups=merge.merge_groups(),
        rules=rules,
        ignored=tuple(sorted(merge.ignored)),
    )


def strictest_verdict(verdicts: Iterable[PolicyVerdict], otherwise: PolicyVerdict) -> PolicyVerdict:
    """Return the strictest verdict ("block" before "ask" before "pass"), or `otherwise` if `verdicts` is empty."""
    found: list[PolicyVerdict] = sorted(verdicts, key=VERDICTS.index)
    return found[-1] if found else otherwise


def strictest_identity(identities: Iterable[Identity]) -> Identity:
    """Return "local" if there are identities and all are "local", else "login".

    "local" also counts votes of the OS user, "login" only votes of people who logged in to a server.
    """
    found = set(identities)
    return "local" if found == {"local"} else "login"


class _DocumentMerge:
    """Helper that merges the documents: it resolves references between them, and applies `exclusive`.

    `ignored` collects phrases that name the ignored parts, because an exclusive document overrules them.
    """

    def __init__(
        self, documents: Sequence[PolicyDocument], exclusive: bool, errors: list[PolicyError] | None = None
    ) -> None:
        self.documents = documents
        self.errors = errors
        self.exclusive = exclusive
        self.ignored: set[str] = set()

    def is_limited(self, document: PolicyDocument) -> bool:
        """Return True if an exclusive document of the organisation exists and `document` is not the organisation's.

        Such a document can only make the policy stricter.
        """
        return self.exclusive and not document.organisation

    def merge_default(self) -> PolicyVerdict:
        """Return the strictest `default` of the documents. "pass" in a document that `exclusive` limits is ignored."""
        stated: list[PolicyVerdict] = []
        for d in self.documents:
            if d.default == "pass" and self.is_limited(d):
                self.ignored.add(f"{d.source}: default = 'pass'")
            else:
                stated.append(d.default)
        return strictest_verdict(stated, "ask")

    def fallback_of(self, document: PolicyDocument) -> tuple[str, ...]:
        """Return the fallback of a document: the user names of people who are asked if nobody else may decide.

        Empty if the document has no fallback. Also empty if `exclusive` limits the document; this is noted in
        `ignored`.
        """
        if document.fallback and self.is_limited(document):
            self.ignored.add(f"{document.source}: fallback")
            return ()
        return self.resolve_people(document, document.fallback, f"{document.source}: fallback")

    def merge_groups(self) -> tuple[Group, ...]:
        """Return all groups of all documents, sorted by name, each with its people.

        If documents define a group differently, the group has no people.
        """
        names = {name for d in self.documents for name in d.groups}
        return tuple(
            Group(name=name, people=self._find_common_people(name, self.documents) or ()) for name in sorted(names)
        )

    def sources_for(self, document: PolicyDocument) -> Sequence[PolicyDocument]:
        """Return the documents whose group, time zone and office are used if `document` does not define them itself.

        These are all documents. With `exclusive`, a document of the organisation uses only the organisation's
        documents.
        """
        if self.exclusive and document.organisation:
            return [d for d in self.documents if d.organisation]
        return self.documents

    def _find_common_people(self, name: str, among: Sequence[PolicyDocument]) -> tuple[str, ...] | None:
        """Return the people of the group `name` if all documents in `among` that define the group agree, else None.

        With `exclusive`, the definitions of the organisation's documents are used in place of the others.
        """
        own = [d for d in among if d.organisation and name in d.groups] if self.exclusive else []
        return _only_one(tuple(sorted(d.groups[name])) for d in own or among if name in d.groups)

    def resolve_people(self, document: PolicyDocument, names: Iterable[str], where: str) -> tuple[str, ...]:
        """Replace group names by the user names of their people. The result is sorted and has each name once.

        Args:
            document: The document that has the names.
            names: User names and group names such as "@finance".
            where: Place of the names, for error messages.

        Raises:
            PolicyError: A group is unknown, or other documents define it differently.
        """
        found: set[str] = set()
        for name in names:
            found.update(self._resolve_group(document, name[1:], where) if name.startswith("@") else (name,))
        return tuple(sorted(found))

    def _resolve_group(self, document: PolicyDocument, name: str, where: str) -> tuple[str, ...]:
        if name in document.groups:
            return document.groups[name]
        found = self._find_common_people(name, self.sources_for(document))
        if found is None:
            others = {other for d in self.documents for other in d.groups}
            if name in others:
                raise PolicyError(
                    f"{where}: files disagree about the group @{name}; define it in {document.source} too"
                )
            known = ", ".join(f"@{one}" for one in sorted(others)) or "none"
            raise PolicyError(f"{where}: the group @{name} is unknown; known are {known}; add it to [groups]")
        return found

    def rules_of(self, document: PolicyDocument) -> Iterable[Rule]:
        """Yield the rules of a document, with group names replaced by people and settings added.

        Rules that pass questions are left out, and noted in `ignored`, if `exclusive` limits the document. The error of
        an impossible rule is collected if this merge collects errors; otherwise it is raised.
        """
        others = self.sources_for(document)
        timezone = document.timezone or _only_one(d.timezone for d in others if d.timezone) or "UTC"
        office = document.office or _only_one(d.office for d in others if d.office)
        for raw in document.rules:
            if raw.do == "pass" and self.is_limited(document):
                self.ignored.add(f"{document.source}: rule {raw.id}, since it passes")
                continue
            try:
                yield self._resolve_rule(document, raw, timezone, office)
            except PolicyError as error:
                if self.errors is None:
                    raise
                self.errors.append(error)

    def _resolve_rule(
        self, document: PolicyDocument, raw: UnresolvedRule, timezone: str, office: Office | None
    ) -> Rule:
        needs = tuple(self._resolve_need(document, raw, need) for need in raw.needs)
        timeline = tuple(self._resolve_step(document, raw, step) for step in raw.timeline)
        if self.is_limited(document):
            timeline = self._limit_timeline(f"{document.source}: rule {raw.id}", timeline)
        reads_office = raw.condition is not None and "now.office" in raw.condition.text
        if office is None and (reads_office or any(step.working for step in timeline)):
            raise PolicyError(f"{raw.where}: it counts working hours; add [office] with days and hours to the file")
        return Rule(
            id=raw.id,
            source=document.source,
            **dict(raw.scopes),
            when=raw.condition.text if raw.condition else "",
            do=raw.do,
            needs=needs,
            timeline=timeline,
            identity=document.identity,
            timezone=timezone,
            office=office,
            fallback=self.fallback_of(document),
            **{name: getattr(raw, name) for name in _KEPT_FIELDS},
        )

    def _limit_timeline(self, rule: str, timeline: tuple[TimelineStep, ...]) -> tuple[TimelineStep, ...]:
        """Return a rule's timeline (the clock's actions if nobody decides) without steps that loosen the policy.

        The rule is in a document that `exclusive` limits. A step by which the clock approves is removed. A step that
        adds people who may decide is changed: it only reminds these people.
        """
        kept: list[TimelineStep] = []
        for step in timeline:
            if step.does == "approve":
                self.ignored.add(f"{rule}, that it approves by itself")
            elif step.does == "escalate":
                self.ignored.add(f"{rule}, that more people may decide: they are reminded only")
                kept.append(
                    msgspec.structs.replace(step, does="remind", text=step.text.replace("escalate", "remind", 1))
                )
            else:
                kept.append(step)
        return tuple(kept)

    def _resolve_need(self, document: PolicyDocument, raw: UnresolvedRule, need: UnresolvedNeed) -> Need:
        people = self.resolve_people(document, need.names, raw.where)
        able = len(people) - raw.four_eyes
        if people and need.count > able:
            less = " of whom one may have asked (four_eyes)" if raw.four_eyes else ""
            raise PolicyError(
                f"{raw.where}: '{need.text}' needs {need.count}, but names {len(people)}{less}; name more or need fewer"
            )
        return Need(count=need.count, people=people, text=need.text)

    def _resolve_step(self, document: PolicyDocument, raw: UnresolvedRule, step: UnresolvedStep) -> TimelineStep:
        names = step.names or (document.fallback if step.does == "escalate" else ())
        people = self.resolve_people(document, names, raw.where)
        if step.does == "escalate" and not people:
            raise PolicyError(f"{raw.where}: '{step.text}' names nobody; write '{step.text} @leads', or add fallback")
        return TimelineStep(does=step.does, seconds=step.seconds, working=step.working, people=people, text=step.text)


_KEPT_FIELDS = ("four_eyes", "fresh", "undo", "batch", "blind", "allow", "show", "assign")


def _only_one(found: Iterable[T]) -> T | None:
    """Return the value that all items of `found` equal. None if `found` is empty, or if two items differ."""
    different = {msgspec.json.encode(one): one for one in found}
    return next(iter(different.values())) if len(different) == 1 else None


def _refuse_same_ids(documents: Sequence[PolicyDocument]) -> None:
    seen: dict[str, UnresolvedRule] = {}
    for rule in (rule for d in documents for rule in d.rules):
        if rule.id in seen:
            raise PolicyError(f"{rule.where}: the id is used by another rule ({seen[rule.id].where}); change one")
        seen[rule.id] = rule


def _refuse_two_offices(rules: Iterable[Rule]) -> None:
    """Raise PolicyError if the timelines of two rules count different working hours.

    A timeline is the list of the clock's actions if nobody decides. Rules that apply together give a proposal one
    timeline, which has only one set of working hours.
    """
    first: Rule | None = None
    for rule in rules:
        if any(step.working for step in rule.timeline):
            if first is not None and first.office != rule.office:
                raise PolicyError(
                    f"{rule.source}: rule {rule.id} counts other working hours than rule {first.id} of {first.source}; "
                    "use one [office] and timezone for both"
                )
            first = first or rule


def resolve_named(names: Sequence[str], groups: Sequence[Group], fail: Callable[[str], PolicyError]) -> tuple[str, ...]:
    """Replace group names by their people, for reviewers that a call names. Return the user names, sorted.

    Args:
        names: User names and group names such as "@finance".
        groups: The groups of the merged policy.
        fail: Function that makes the error to raise from a sentence.

    Raises:
        PolicyError: The error that `fail` makes, if a group is unknown, or if the policy files define it differently.
    """
    known = {group.name: group.people for group in groups}
    found: set[str] = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        if name[1:] not in known:
            shown = ", ".join(f"@{one}" for one in known) or "none"
            raise fail(f"no policy file defines the group {name}; known are {shown}")
        if not known[name[1:]]:
            raise fail(f"policy files disagree about the group {name}; name the people")
        found.update(known[name[1:]])
    return tuple(sorted(found))


prepare_structs(globals())
