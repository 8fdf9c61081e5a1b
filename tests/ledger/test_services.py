"""The shape of the ledger: it is made of services, and no service inherits from another class."""

from __future__ import annotations

import inspect

import pytest

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage.memory import MemoryStore

SERVICES = {
    "audit",
    "claims",
    "comments",
    "held",
    "notebooks",
    "notices",
    "policies",
    "proposals",
    "remote_clients",
    "reviewers",
    "run_facts",
    "runs",
    "steps",
    "timers",
    "watchers",
    "workspaces",
}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore())


def test_the_ledger_is_made_of_these_services(ledger: Ledger) -> None:
    assert set(vars(ledger)) == {"store", "store_id"} | SERVICES


def test_no_service_has_a_base_class(ledger: Ledger) -> None:
    classes = [Ledger, *(type(getattr(ledger, name)) for name in SERVICES)]
    assert {one.__name__: one.__bases__ for one in classes if one.__bases__ != (object,)} == {}


def test_the_ledger_does_not_repeat_the_methods_of_its_services() -> None:
    own = {name for name, _ in inspect.getmembers(Ledger, callable) if not name.startswith("_")}
    assert own == {"now"}


def test_a_service_declares_no_field_that_it_does_not_set(ledger: Ledger) -> None:
    declared = {
        f"{name}.{field}"
        for name in SERVICES
        for field in inspect.get_annotations(type(getattr(ledger, name)))
        if field not in vars(getattr(ledger, name))
    }
    assert declared == set()


def test_a_service_is_given_everything_that_it_needs(ledger: Ledger) -> None:
    store = {name: vars(getattr(ledger, name)).get("_store") for name in SERVICES}
    assert all(one is ledger.store for one in store.values()), store
    claims = [vars(getattr(ledger, name))["_claims"] for name in SERVICES if "_claims" in vars(getattr(ledger, name))]
    assert claims
    assert all(one is ledger.claims for one in claims)
