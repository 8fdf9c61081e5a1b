"""A policy of 1,000 rules: what one question costs, from the facts to the plan.

judged   `make_plan()` on a tool call, the policy merged and its conditions compiled. None of the rules is left out by
its
         scope; one in ten asks, the others are false.
unknown  the same where one condition in ten cannot be decided, and the reason is found for each.
found    looking whether the files have changed, with the merged policy in memory: what every checkpoint pays first.
read     reading, checking and merging the file, for information: once after it has changed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import Line, below, interleaved, known, milliseconds
from hitl_nb.policies.rules.rules import make_plan
from hitl_nb.records import Facts, Question
from hitl_nb.review.policy_files.policy_files import FILE_NAME, load_policy

RULES = 1000
CONDITIONS = (
    "arguments.amount > {n} and arguments.country not in ['DE', 'FR', 'IT']",
    "lower(arguments.name) == 'customer {n}' or 'vip' in tags and arguments.amount > {n}",
    "len(arguments.items) > {n} + 3",
    "like(arguments.name, '*customer {n}*')",
    "confidence < 0.{n:04d} and now.hour >= 18",
    "any_of(tags, ['a{n}', 'b{n}'])",
    "1000 < arguments.amount < {n} + 1000",
    "labels.model == 'm-{n}' and guardrails.iban == 'escalate'",
    "not (arguments.express == False) or arguments.items[0] == 'sku {n}'",
)
MATCHING = "arguments.amount >= 150 and '{n}' != arguments.name"
UNKNOWN = "arguments.missing > {n}"


def file_text(tenth: str) -> str:
    """A policy file in which every tenth rule has another condition."""
    rules: list[str] = []
    for n in range(RULES):
        condition = tenth if n % 10 == 0 else CONDITIONS[n % len(CONDITIONS)]
        when = condition.format(n=n)
        rules.append(f'[[rule]]\nid = "r{n}"\ntool = "ref*"\nwhen = "{when}"\ndo = "ask"\nneeds = ["1 of @g"]\n')
    return '[groups]\ng = ["ada", "bo"]\n' + "\n".join(rules)


def measure(folder: Path, rounds: int = 200) -> list[Line]:
    arguments = {"amount": 150, "country": "DE", "name": "Ms Doe", "items": ["sku"], "express": False}
    question = Question(
        title="Refund 150 EUR",
        kind="tool_call",
        value={"name": "refund", "arguments": arguments},
        tags=("new",),
        confidence=0.9,
    )
    facts = Facts(now=datetime(2026, 1, 5, 9, tzinfo=UTC), labels={"model": "m"})
    notebooks: list[str] = []
    for name, tenth in (("matching", MATCHING), ("unknown", UNKNOWN)):
        (folder / name / ".git").mkdir(parents=True)
        (folder / name / FILE_NAME).write_text(file_text(tenth))
        notebooks.append(str(folder / name / "desk.ipynb"))
    read = [milliseconds(lambda notebook=notebook: load_policy(notebook)) for notebook in notebooks]
    policies = [load_policy(notebook) for notebook in notebooks]

    def judge(n: int) -> None:
        found = make_plan(policies[n], question, facts, agent="refunds", notebook=notebooks[n])
        assert found.verdict == "ask"
        assert len(found.rules) == RULES // 10

    sides = [lambda: milliseconds(lambda: judge(0)), lambda: milliseconds(lambda: judge(1))]
    matching, unknown, found = interleaved(rounds, *sides, lambda: milliseconds(lambda: load_policy(notebooks[0])))
    return [
        below(f"policy of {RULES:,} rules: a question judged", matching, 5),
        below(f"policy of {RULES:,} rules: the same, 1 in 10 unknown", unknown, 5),
        known("policy files looked at, unchanged", found),
        known(f"policy of {RULES:,} rules read and merged", read),
    ]
