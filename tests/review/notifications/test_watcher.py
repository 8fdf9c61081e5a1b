"""A watcher's step: what is due is done, when it looks again, what it says, and its heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hitl_nb import settings
from hitl_nb.errors import StoreBusy
from hitl_nb.ledger.decisions.decisions import SubmittedDecision
from hitl_nb.ledger.decisions.notices import write_notice
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Need, Proposal, Question, Snapshot, Terms, TimelineStep, new_id
from hitl_nb.review.notifications import delivery
from hitl_nb.review.notifications.channels import Channel, ChannelsError, check_public_url
from hitl_nb.review.notifications.outbox import NoticeSender
from hitl_nb.review.notifications.watcher import MAX_WAIT, DeadlineWatcher
from hitl_nb.storage import open_store
from tests.policies.casework import T0

TERMS = Terms(needs=(Need(people=("ada",), text="1 of ada"),), timeline=(TimelineStep(does="remind", seconds=10),))


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger(open_store(f"memory:{new_id()}"))
    yield ledger
    ledger.store.close()


@pytest.fixture(autouse=True)
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The clock stands still at T0 until it is set to another time."""
    monkeypatch.setattr(judged, "now", lambda: T0)

    def set_to(at: datetime) -> None:
        monkeypatch.setenv(settings.CLOCK.name, at.isoformat())

    set_to(T0)
    return set_to


class World:
    """A watcher over a store, what it sent and said, and its channels."""

    def __init__(self, ledger: Ledger, **options: Any) -> None:
        self.ledger = ledger
        self.sent: list[str] = []
        self.said: list[str] = []
        self.channels: Any = {"ada": Channel("ada", ("json://a",))}

        def load() -> Any:
            if isinstance(self.channels, Exception):
                raise self.channels
            return self.channels

        def post(channel: Channel, services: Any, title: str, *rest: Any) -> dict[str, str]:
            self.sent.append(title)
            return dict.fromkeys(services, "")

        def sender(ledger: Ledger, owner: Any, goes_on: Any) -> NoticeSender:
            return NoticeSender(ledger, token=owner.token, actor=str(owner), load=load, post=post, goes_on=goes_on)

        self.watcher = DeadlineWatcher(
            lambda: self.ledger, label="watch", say=self.said.append, sender=sender, **options
        )


def ask(ledger: Ledger, terms: Terms | None = TERMS, agent: str = "refunds") -> Proposal:
    _, claim = ledger.runs.open(agent=agent, notebook="/a.ipynb")
    plans = None if terms is None else [Plan("ask", (), (), terms, ("approve", "reject"))]
    questions = [Question(title="Refund", kind="text", value="x", position="0")]
    return ledger.runs.pause(claim, Snapshot(envelope=b"s"), questions, plans=plans).proposals[0]


def test_a_step_lets_the_clock_act_and_tells_people(ledger: Ledger, set_clock: Any) -> None:
    world = World(ledger)
    ask(ledger)
    assert world.watcher.run_step() == 10
    assert world.sent == ["Waiting for a decision: Refund"]
    set_clock(T0 + timedelta(seconds=10))
    assert world.watcher.run_step() == MAX_WAIT.total_seconds()
    assert world.sent[1:] == ["Reminder, still waiting for a decision: Refund"]


def test_without_anything_to_do_it_looks_again_after_30_seconds(ledger: Ledger) -> None:
    assert World(ledger).watcher.run_step() == 30


def test_what_is_wrong_is_said_once_and_looked_at_again(ledger: Ledger) -> None:
    world = World(ledger)
    world.channels = ChannelsError("chmod 600 it")
    ask(ledger)
    for _ in range(3):
        assert world.watcher.run_step() <= 30
    assert world.said == ["chmod 600 it"]
    world.channels = {"ada": Channel("ada", ("json://a",))}
    world.watcher.run_step()
    assert len(world.sent) == 1


def test_a_notifier_that_is_not_installed_is_reported_and_holds_up_nobody_else(ledger: Ledger) -> None:
    world = World(ledger)
    world.channels["bo"] = Channel("bo", ("pager://secret@host",))
    ask(ledger)
    world.watcher.run_step()
    assert len(world.sent) == 1
    (said,) = world.said
    assert said.startswith("no notifier is installed for pager:// in channels.toml: messages to it fail; install")
    assert "secret" not in said


def test_without_apprise_what_to_install_is_reported_and_notices_wait(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(ledger)
    ask(ledger)
    with monkeypatch.context() as without:
        without.setattr(delivery, "_has_apprise", lambda: False)
        world.watcher.run_step()
    assert world.sent == []
    assert 'pip install "hitl_nb[notify]"' in world.said[0]
    world.watcher.run_step()
    assert len(world.sent) == 1


def test_news_that_could_not_be_sent_in_time_is_dropped(ledger: Ledger, set_clock: Any) -> None:
    """As where `channels.toml` was wrong for long: nobody is told what is not true any more, nor what is old."""
    world = World(ledger)
    world.channels = ChannelsError("chmod 600 it")
    old, new, waits = [ask(ledger, agent=name) for name in ("old", "new", "waits")]
    ledger.store.transact(lambda tx: write_notice(tx, kind="stuck", proposal=waits, at=T0))
    for p, hours in ((old, 0), (new, 1)):
        at = T0 + timedelta(hours=hours)
        set_clock(at)
        world.watcher.run_step()
        decided = ledger.proposals.submit_decision(
            p.id, SubmittedDecision(action="reject", reviewer="ada", by="script")
        ).proposal
        ledger.store.transact(partial(write_notice, kind="decided", proposal=decided, at=at))
    world.channels = {name: Channel(name, ("json://a",)) for name in ("ada", "requester")}
    set_clock(T0 + timedelta(hours=24))
    world.watcher.run_step()
    assert sorted(world.sent) == [
        "Rejected by the script ada: Refund",
        "Reminder, still waiting for a decision: Refund",
        "Waiting for a decision: Refund",
    ]
    assert ledger.store.scan("notice/", "notice0") == []


def test_a_store_that_is_busy_ends_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ledger)

    def busy(at: Any = None) -> int:
        raise StoreBusy("another process has it")

    monkeypatch.setattr(ledger.timers, "run_due_steps", busy)
    assert world.watcher.run_step() == 30
    assert world.said == ["another process has it"]


def test_it_says_that_it_watches_until_it_stops(ledger: Ledger) -> None:
    world = World(ledger)
    world.watcher.run_step()
    assert [one.label for one in ledger.watchers.list_running(T0)] == ["watch"]
    world.watcher.stop_watching()
    assert ledger.watchers.list_running(T0) == []


def test_a_server_writes_nothing_while_there_is_nothing_to_watch(ledger: Ledger) -> None:
    world = World(ledger, always=False)
    ask(ledger, terms=None)
    before = ledger.store.version()
    world.watcher.run_step()
    world.watcher.stop_watching()
    assert ledger.store.version() == before
    ask(ledger)
    world.watcher.run_step()
    assert len(ledger.watchers.list_running(T0)) == 1


def test_it_ends_between_two_notices(ledger: Ledger) -> None:
    world = World(ledger)
    ask(ledger)
    ask(ledger)
    left = [len(ledger.store.scan("notice/", "notice0"))]
    for _ in range(3):
        world.watcher.run_step(lambda: False)
        left.append(len(ledger.store.scan("notice/", "notice0")))
    assert left == [2, 1, 0, 0]


@pytest.mark.parametrize(
    "url", ["hub.example", "ftp://hub.example", "https://", "https://h/?x=1", "https://h/#t", "https://u:p@h/"]
)
def test_a_public_url_that_links_cannot_begin_with_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="public URL"):
        check_public_url(url)


def test_a_public_url_ends_without_a_slash() -> None:
    assert check_public_url("https://hub.example/user/ada/") == "https://hub.example/user/ada"
    assert check_public_url("") == ""


def test_an_absence_that_begins_by_itself_is_noticed(ledger: Ledger, set_clock: Callable[[datetime], None]) -> None:
    _, claim = ledger.runs.open(agent="refunds", notebook="/n.ipynb")
    asked = Terms(needs=(Need(people=("ada",), text="1 of ada"),), fallback=("lea",))
    question = Question(title="Refund", kind="json", value=1, position="0/0")
    plans = [Plan("ask", ("r",), (), asked, ("approve",))]
    (p,) = ledger.runs.pause(claim, Snapshot(envelope=b""), [question], plans=plans).proposals
    ledger.reviewers.set_away("ada", T0 + timedelta(hours=1), T0 + timedelta(hours=2))
    watcher = DeadlineWatcher(lambda: ledger, label="watch", say=lambda text: None)
    watcher.run_step()
    assert ledger.proposals.load(p.id).widened == ()
    set_clock(T0 + timedelta(hours=1))
    watcher.run_step()
    assert ledger.proposals.load(p.id).widened == ("lea",)
