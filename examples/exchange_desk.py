"""Helper functions of the exchange example: looking up the order, the customer, the policy and the stock.

The notebook `exchange.ipynb` imports this. The agent's proposals, questions and actions are in the notebook itself.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path


@dataclass
class Case:
    """One letter, with all facts about it from the shop's files."""

    received: date
    text: str
    order: str
    price: float
    delivered: date
    item: str
    size: str
    wanted: str
    wanted_size: str
    left: int
    customer: str
    name: str
    email: str
    tier: str
    since: date
    window: int
    goodwill: bool
    policy: str

    @property
    def expired(self) -> date:
        """Last day of the return window."""
        return self.delivered + timedelta(days=self.window)

    @property
    def late(self) -> int:
        """Days between the end of the window and the letter. 0 or less inside the window."""
        return (self.received - self.expired).days

    @property
    def years(self) -> int:
        """Whole years since the person became a customer."""
        return whole_years(self.since, self.received)

    def facts(self) -> dict[str, str]:
        """Return the facts that a person needs, one line each."""
        return {
            "order": f"{self.order}, {self.item}, size {self.size}, {self.price:.2f} EUR, delivered {self.delivered}",
            "return window": f"{self.window} days, over since {self.expired}: the letter came {self.late} days late",
            "customer": f"{self.name}, {self.tier}, with us for {self.years} years",
            "in stock": f"{self.left} of {self.item}, size {self.wanted_size}",
            "policy": self.policy,
        }


def read_case(folder: str | Path) -> Case:
    """Read the letter in `folder`, with its facts from the files beside it."""
    folder = Path(folder)
    letter = json.loads((folder / "letter.json").read_text(encoding="utf-8"))
    policy = json.loads((folder / "policy.json").read_text(encoding="utf-8"))
    order = _row(folder / "orders.csv", "order", letter["order"])
    customer = _row(folder / "customers.csv", "id", order["customer"])
    bought = _row(folder / "stock.csv", "sku", order["sku"])
    wanted = _row(folder / "stock.csv", "sku", letter["wanted"])
    window, goodwill = policy["return window"], policy["goodwill"]
    received, delivered = date.fromisoformat(letter["received"]), date.fromisoformat(order["delivered"])
    since = date.fromisoformat(customer["since"])
    return Case(
        received=received,
        text=letter["text"],
        order=order["order"],
        price=float(order["price"]),
        delivered=delivered,
        item=bought["item"],
        size=bought["size"],
        wanted=wanted["sku"],
        wanted_size=wanted["size"],
        left=int(wanted["left"]),
        customer=customer["id"],
        name=customer["name"],
        email=customer["email"],
        tier=customer["tier"],
        since=since,
        window=window["days"],
        goodwill=customer["tier"] == goodwill["tier"]
        and whole_years(since, received) >= goodwill["years"]
        and (received - delivered).days <= window["days"] + goodwill["days"],
        policy=f"{window['says']} {goodwill['says']}",
    )


def whole_years(start: date, end: date) -> int:
    """Return the full years between two days, as in an age."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def _row(path: Path, column: str, value: str) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row[column] == value:
                return row
    raise LookupError(f"{path.name} has no row whose {column} is {value!r}")
