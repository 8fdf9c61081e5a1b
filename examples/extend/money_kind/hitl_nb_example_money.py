"""The kind "money": an amount with a currency. Reviewers may change the amount, and not the currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.json import JsonKind
from hitl_nb.records import Question


@dataclass(frozen=True)
class Money:
    """An amount of money, as agents use it."""

    amount: Decimal
    currency: str


class MoneyKind(JsonKind):
    """The kind of a `Money`. In the store and in front ends its JSON is `{"amount": "12.50", "currency": "EUR"}`."""

    name = "money"

    def encode(self, value: Any) -> tuple[str, Any, None]:
        """See `Kind.encode`."""
        if not isinstance(value, Money):
            raise TypeError(f"value is a {type(value).__name__}; kind='money' takes a Money")
        return "money", {"amount": str(value.amount), "currency": value.currency}, None

    def check(self, question: Question, value: Any) -> Any:
        """See `Kind.check`. Each message belongs to a field, so that a form can show it there."""
        if not isinstance(value, dict) or set(value) != {"amount", "currency"}:
            raise InvalidEdit({"": 'must be an object with "amount" and "currency"'})
        if value["currency"] != question.value["currency"]:
            raise InvalidEdit({"currency": "cannot be changed"})
        try:
            amount = Decimal(value["amount"])
        except (InvalidOperation, TypeError):
            raise InvalidEdit({"amount": "must be a number, as text"}) from None
        if not amount.is_finite() or amount <= 0:
            raise InvalidEdit({"amount": "must be above 0"})
        return {"amount": str(amount), "currency": value["currency"]}

    def restore(
        self,
        question: Question,
        value: Any,
        original: Any,
        options: Sequence[Any] | None,
        adapters: Mapping[str, Any],
    ) -> Money:
        """See `Kind.restore`."""
        return Money(Decimal(value["amount"]), value["currency"])

    def summarize(self, value: Any, length: int) -> str:
        """See `Kind.summarize`: the text in lists."""
        return f"{value['amount']} {value['currency']}"[:length]

    def to_html(self, question: Question) -> str:
        """See `Kind.to_html`: the text in a notebook's output. Text of an agent is escaped."""
        return f"<strong>{escape(self.summarize(question.value, 100))}</strong>"
