"""Helper functions of the refund desk: reading the data that customers typed into the form.

The notebook `refunds.ipynb` imports this. All actions and questions of the agent are in the notebook itself.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

EUR_PER_UNIT = {
    "EUR": 1.0, "USD": 0.92, "GBP": 1.17, "JPY": 0.0061, "CHF": 1.05,
    "PLN": 0.23, "SEK": 0.088, "NOK": 0.087, "DKK": 0.134, "CZK": 0.04,
}  # fmt: skip
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "zł": "PLN", "kr": "SEK", "Kč": "CZK"}


@dataclass
class Request:
    """One row of the form, cleaned. None where the row has no usable value."""

    id: str
    received: date
    customer: str
    email: str
    tier: str
    order: str | None
    purchased: date | None
    amount: float | None
    currency: str | None
    message: str

    @property
    def euros(self) -> float:
        """Amount in euros, by the desk's own rates. 0 if the row has no amount."""
        return round((self.amount or 0) * EUR_PER_UNIT[self.currency or "EUR"], 2)

    @property
    def age(self) -> int:
        """Days between the purchase and the request. 0 if the row has no date of purchase."""
        return (self.received - self.purchased).days if self.purchased else 0


def read_requests(path: str | Path) -> list[Request]:
    """Read the rows of the CSV file, in its order."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return [_request(row) for row in csv.DictReader(file)]


def _request(row: dict[str, str]) -> Request:
    amount, currency = parse_amount(row["amount"])
    return Request(
        id=row["id"],
        received=date.fromisoformat(row["received"]),
        customer=row["customer"].strip(),
        email=row["email"],
        tier=row["tier"],
        order=parse_order(row["order"]),
        purchased=date.fromisoformat(row["purchased"]) if row["purchased"] else None,
        amount=amount,
        currency=currency,
        message=row["message"],
    )


def parse_order(text: str) -> str | None:
    """Return the five digits of an order number ("#40355", "ORDER 40405"), or None ("403", "4O437", "")."""
    found = re.search(r"(?<!\w)\d{5}(?!\w)", text)
    return found.group() if found else None


def parse_amount(text: str) -> tuple[float | None, str | None]:
    """Parse an amount and its currency as people write them ("1.299,00 €", "GBP 18.50", "¥3,200", "€ 58,-").

    Return (None, None) if they are not certain: "free", "$1O.00" with a letter O, no currency.
    """
    currency = next((code for code in EUR_PER_UNIT if code in text), None)
    currency = currency or next((code for sign, code in _SIGNS.items() if sign in text), None)
    rest = text
    for word in (*EUR_PER_UNIT, *_SIGNS):
        rest = rest.replace(word, "")
    rest = rest.strip().removesuffix(",-").removesuffix(".-")
    if currency is None or not re.fullmatch(r"\d+([.,]\d+)*", rest):
        return None, None
    return _number(rest), currency


def names_amount(text: str, amount: float) -> bool:
    """Return whether the text has the amount, in any form ("1199", "1,199.00", "1.199,00")."""
    return any(_number(found) == amount for found in re.findall(r"\d+(?:[.,]\d+)*", text))


def _number(text: str) -> float:
    """Parse a number. The last separator is the decimal point if one or two digits follow; others group thousands."""
    whole, cents = re.fullmatch(r"(.*?)(?:[.,](\d{1,2}))?", text).groups()  # type: ignore[union-attr]
    return float(f"{re.sub(r'[.,]', '', whole)}.{cents or 0}")
