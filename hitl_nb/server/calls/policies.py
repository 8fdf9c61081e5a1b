"""API call about policies: show the policy files and the rules that apply to a notebook."""

from __future__ import annotations

from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.merged_policy import MergedPolicy
from hitl_nb.review.policy_files.policy_files import find_policy_files, load_policy
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import PolicyQuery
from hitl_nb.server.messages.response_types.policies import AppliedPolicy, PolicyFileInfo, PolicyRule


def get_policy(request: ApiRequest) -> AppliedPolicy:
    """Return the policy that now applies to the notebook or folder in the query.

    If a policy file cannot be used, the response says so in `problem`; the call does not fail.
    """
    wanted: PolicyQuery = request.query
    notebook = request.context.notebook_file(wanted.path)
    files = [PolicyFileInfo(path=str(one.path), organisation=one.organisation) for one in find_policy_files(notebook)]
    try:
        found = load_policy(notebook)
    except PolicyError as error:
        return _without_rules(files, str(error))
    if found is None:
        return _without_rules(files, None)
    return AppliedPolicy(
        files=files,
        problem=None,
        sha256=found.sha256,
        default=found.default,
        rules=_rule_infos(found),
        ignored=[*found.ignored],
    )


def _without_rules(files: list[PolicyFileInfo], problem: str | None) -> AppliedPolicy:
    return AppliedPolicy(files=files, problem=problem, sha256=None, default=None, rules=[], ignored=[])


def _rule_infos(found: MergedPolicy) -> list[PolicyRule]:
    return [
        PolicyRule(
            id=one.id,
            source=one.source,
            scope={
                name: getattr(one, name)
                for name in ("tool", "agent", "notebook", "kind", "title")
                if getattr(one, name) is not None
            },
            when=one.when,
            do=one.do,
            needs=[need.text for need in one.needs],
            four_eyes=one.four_eyes,
            timeline=[step.text for step in one.timeline],
        )
        for one in found.rules
    ]
