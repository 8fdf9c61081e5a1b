"""Options that several commands of `hitl-nb` share, and a function that opens the store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

Store = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The store: diskcache:///path. Default: HITL_NB_STORE, else your own."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Limit = Annotated[int, typer.Option(min=1, help="Most entries to show.")]


@contextmanager
def bad_url_is_bad_usage() -> Generator[None]:
    """Convert the ValueError of a store's URL to a usage error of `--store`."""
    try:
        yield
    except ValueError as e:
        raise typer.BadParameter(str(e), param_hint="--store") from None


def open_ledger(store: str | None) -> Ledger:
    """Open the store of a URL, and return its ledger.

    Args:
        store: The argument of `--store`; None for the default store.

    Raises:
        typer.BadParameter: The URL names no store.
    """
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.storage import open_store

    with bad_url_is_bad_usage():
        place = open_store(store)
    return Ledger(place)
