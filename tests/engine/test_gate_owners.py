"""The object whose method a gated call is: shown in the context, and not among the arguments that people edit."""

from __future__ import annotations

from typing import Any

import pytest
from desk import Desk

CLASSES = """
import dataclasses, pydantic

class Plain:
    def __init__(self): self.host, self.password = "a", "b"
    @hitl.gate
    def send(self, to): return to

@dataclasses.dataclass
class Mailer:
    host: str
    port: int = 25
    api_key: str = "hush"
    session: object = dataclasses.field(default="quiet", repr=False)
    @hitl.gate(context={"why": "due"})
    def send(self, to): return (self.host, to)

class Account(pydantic.BaseModel):
    model_config = {"ignored_types": (type(hitl.gate(lambda x: x)),)}
    owner: str
    tier: int = 2
    @hitl.gate(context="For *Ann*.")
    def send(self, to): return to

class Locked(Account):
    pin: pydantic.SecretStr = pydantic.SecretStr("1234")

class Static:
    @classmethod
    @hitl.gate
    def send(cls, to): return to

@dataclasses.dataclass
class Open:
    handle: object
    @hitl.gate(context={"self": "mine"})
    def send(self, to): return to

@dataclasses.dataclass
class Odd:
    handle: object
    @hitl.gate
    def send(self, to): return to
"""


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        ("Plain()", {"self": "Plain"}),
        ("Mailer('smtp')", {"self": 'Mailer(host="smtp", port=25, api_key=…)', "why": "due"}),
        ("Account(owner='ann')", 'For *Ann*.\n\nself: `Account(owner="ann", tier=2)`'),
        ("Locked(owner='ann')", "For *Ann*.\n\nself: `Locked`"),
        ("Open(1)", {"self": "mine"}),
        ("Odd(object())", {"self": "Odd"}),
        ("Static", {"cls": "Static"}),
    ],
)
def test_the_object_is_shown_and_not_edited(made: str, shown: Any) -> None:
    desk = Desk()
    desk.cell(CLASSES)
    (p,) = desk.run(f"done = {made}.send('bo')").proposals
    assert p.context == shown
    assert p.value["arguments"] == {"to": "bo"}
    desk.answer("edit", {"name": "send", "arguments": {"to": "cy"}})
    assert desk.run(f"done = {made}.send('bo')").status == "finished"
    assert "cy" in str(desk.ns["done"])


def test_a_long_one_is_cut() -> None:
    desk = Desk()
    desk.cell(CLASSES)
    (p,) = desk.run("Mailer('x' * 1000).send('bo')").proposals
    assert len(p.context["self"]) == 300
