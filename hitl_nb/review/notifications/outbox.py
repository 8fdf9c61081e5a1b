"""Sending of a store's notices (notifications about proposals) to people, through their channels.

A channel is an entry of `channels.toml`. It sends each notice immediately, or several notices together as a digest.
Several processes can send; one sender has a notice at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.notices import Notice
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.terms.timeline import next_due_time
from hitl_nb.records import Proposal
from hitl_nb.review.notifications import delivery
from hitl_nb.review.notifications.channels import Channel, load_channels
from hitl_nb.review.notifications.notice_text import NoticeContext, format_message
from hitl_nb.review.progress import voter_identities

UNCLAIMED_AFTER = timedelta(days=1)
"""Time for which a sender without channels leaves a notice alone, because another sender may have channels."""

STALE_AFTER = timedelta(days=1)
"""Age from which a notice that a proposal was decided or has expired is no longer sent."""

Post = Callable[[Channel, Sequence[str], str, str, str, Callable[[], bool]], dict[str, str]]


class NoticeSender:
    """Sends notices that are due.

    Args:
        ledger: Ledger with the notices.
        token: Names this sender in the store.
        actor: Names this sender for people, in events.
        public_url: URL of the server for links; "" if it has none.
        load: Reads the channels.
        post: Sends a message (see `delivery.post_message`).
        goes_on: Returns whether to wait for the services. If not, another sender repeats what they have not accepted.

    Attributes:
        problem: Services of the channels for which no package is installed, as a sentence; "" if there were none at the
            last message.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        token: str,
        actor: str,
        public_url: str = "",
        load: Callable[[], dict[str, Channel] | None] = load_channels,
        post: Post = delivery.post_message,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._ledger = ledger
        self._token = token
        self._actor = actor
        self._public_url = public_url
        self._load = load
        self._post = post
        self._goes_on = goes_on
        self.problem = ""

    def send_next(self, now: datetime) -> bool:
        """Handle the first notice that is due: send it, hold it for a digest, or drop it if it is outdated.

        Args:
            now: The current time.

        Returns:
            Whether a notice was due and handled.

        Raises:
            ChannelsError: `channels.toml` cannot be used.
        """
        due = self._ledger.notices.next_due()
        if due is None or due > now:
            return False
        channels = self._load()
        missing = None if channels is None else delivery.find_missing(channels.values())
        self.problem = "" if missing is None else f"{missing.problem}; {missing.fix}"
        if channels is None or (missing is not None and missing.stops_all):
            return self._drop_unclaimed(now)
        notice = self._ledger.notices.take_first(now, sender=self._token)
        if notice is None:
            return False
        channel, proposal = channels.get(notice.to), self._find_current_proposal(notice, now)
        if channel is None or proposal is None:
            self._ledger.notices.finish(notice, sent=(), actor=self._actor)
        elif channel.digest is not None and not notice.held and not _is_urgent(notice, proposal, now, channel.digest):
            self._ledger.notices.hold(notice, now + channel.digest)
        else:
            self._send(channel, [(notice, proposal), *(self._take_held(notice, now) if notice.held else ())], now)
        return True

    def _send(self, channel: Channel, told: list[tuple[Notice, Proposal]], now: datetime) -> None:
        told.sort(key=lambda one: (one[0].at, one[0].id))
        notices = [notice for notice, _ in told]
        store = self._ledger.store
        news = [
            NoticeContext(
                notice,
                proposal,
                load_people(store, proposal, now),
                self._ledger.reviewers.identify(proposal),
                voter_identities(self._ledger, proposal),
            )
            for notice, proposal in told
        ]
        title, body = format_message(news, self._public_url, now)
        known = channel.services()
        wanted = [one for one in notices[0].services if one in known] or known
        why = self._post(channel, wanted, title, body, ",".join(notice.id for notice in notices), self._goes_on)
        failed = [one for one in wanted if why[one]]
        if failed and not self._goes_on():
            return  # unknown whether the services accepted it: another sender tries after the lease
        sent = [_service_scheme(one) for one in wanted if not why[one]]
        for notice in notices:
            if failed:
                self._ledger.notices.fail(notice, now, services=failed, sent=sent, actor=self._actor)
            else:
                self._ledger.notices.finish(notice, sent=sent, actor=self._actor)

    def _take_held(self, like: Notice, now: datetime) -> list[tuple[Notice, Proposal]]:
        """Take the notices that are held for the same digest as `like`, each with its current proposal.

        Outdated notices are dropped.
        """
        found: list[tuple[Notice, Proposal]] = []
        for notice in self._ledger.notices.take_held(like, now, sender=self._token):
            proposal = self._find_current_proposal(notice, now)
            if proposal is None:
                self._ledger.notices.finish(notice, sent=(), actor=self._actor)
            else:
                found.append((notice, proposal))
        return found

    def _find_current_proposal(self, notice: Notice, now: datetime) -> Proposal | None:
        """Return the proposal that a notice is about, as it is now.

        None if it does not exist, or if the notice is outdated.
        """
        proposal = rows.load_proposal(self._ledger.store, notice.proposal)
        return proposal if proposal is not None and _is_news(notice, proposal, now) else None

    def _drop_unclaimed(self, now: datetime) -> bool:
        """Drop the notices that are older than `UNCLAIMED_AFTER`. Return whether there were any.

        This process cannot send, because it has no channels. Newer notices stay for another process that may have some.
        """
        return self._ledger.notices.drop_before(now - UNCLAIMED_AFTER)


def _is_news(notice: Notice, proposal: Proposal, now: datetime) -> bool:
    """Return whether a notice is still true and not too old, so that it should be sent.

    A notice about a decision that is held for a digest is always sent: its age was checked when it was new.

    Args:
        notice: The notice.
        proposal: The proposal that the notice is about, as it is now.
        now: The current time.
    """
    if not notice.is_for_deciders:
        return notice.held or now - notice.at < STALE_AFTER
    no_longer = (notice.kind == "stuck" and not proposal.stuck) or (notice.kind == "overdue" and not proposal.overdue)
    return proposal.status == "open" and not no_longer


def _is_urgent(notice: Notice, proposal: Proposal, now: datetime, interval: timedelta) -> bool:
    """Return whether a notice must be sent now and must not wait for a digest.

    That is so if the clock acts on its proposal before the digest is sent, or if sending failed before.

    Args:
        notice: The notice.
        proposal: The proposal that the notice is about.
        now: The current time.
        interval: Time until the digest is sent.
    """
    due = next_due_time(proposal)
    return notice.tries > 0 or (due is not None and due <= now + interval)


def _service_scheme(service: str) -> str:
    return service.partition(":")[2]
