"""Decisions and comments signed by the server that took them, and checked wherever one is used or shown.

A server has an Ed25519 key in Jupyter's data directory, outside the store. A signed decision that was changed, or
copied to another proposal, run or store, does not pass. It is no wall between processes of one user: they can read the
key, or leave the signature out. So the level that is recorded with a decision says what it is worth ("A0").

Kernels take the public keys that their server handed them in `HITL_NB_SERVER_KEY`, else the one beside the private key.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from hitl_nb.errors import HitlError, Untrusted
from hitl_nb.records import Authn, DecisionRecord, Proposal, Surface, Vote, Vouched, canonical
from hitl_nb.storage import secret_file as secretfile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

V = TypeVar("V", bound=Vouched)

PINNED = "HITL_NB_SERVER_KEY"
"""Public keys that kernels trust, base64, separated by commas."""
SIGNED_ONLY = "HITL_NB_SIGNED_ONLY"
"""Set to 1, decisions count only if a server signed them, whoever made them."""
LOGINS = "HITL_NB_SERVER_LOGINS"
"""Set to 0 by a server that lets nobody log in: no decision was made by somebody who had."""
GIVEN = frozenset({"A0"})
"""Assurances that a server of this version can give."""

_CONTEXT = b"hitl/decision/v1\x00"
_VOTE = b"hitl/vote/v2\x00"
_SAID = b"hitl/said/v1\x00"
_FOUND_OUT = ("known", "state_known")
_FILE = Path("hitl_nb", "server_key")


class SigningKey:
    """A server's key. `public` is its public half, base64."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = base64.b64encode(private.public_key().public_bytes_raw()).decode()

    @classmethod
    def of_this_user(cls) -> SigningKey:
        """This user's server key, made on first use, mode 0600. Raises HitlError if it cannot be read or made."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = _path()
        try:
            fresh = Ed25519PrivateKey.generate().private_bytes_raw()
            key = cls(Ed25519PrivateKey.from_private_bytes(secretfile.secret(path, fresh)))
            if _published() != key.public:
                _public_path().unlink(missing_ok=True)
                secretfile.place(_public_path(), key.public.encode())
        except (OSError, ValueError, secretfile.UnsafeFile) as broken:
            raise HitlError(
                f"the server's signing key {path} cannot be read or made: {broken}; remove it to get a new one"
            ) from broken
        return key

    def sign(self, message: bytes) -> str:
        """The signature of `message`, base64."""
        return base64.b64encode(self._private.sign(message)).decode()


@dataclass(frozen=True)
class Attest:
    """What a server says about a decision that it takes, and the key that it signs with."""

    key: SigningKey
    reviewer_name: str
    authn: Authn
    assurance: str
    surface: Surface = "shared"


def message(store_id: str, p: Proposal, decision: DecisionRecord, revision: int) -> bytes:
    """What is signed: the decision, bound to its place and to the question as it was shown (`revision`)."""
    outcome = p.value if decision.action == "approve" else decision.value
    return _CONTEXT + canonical(
        [
            *(store_id, p.id, p.run, p.fingerprint, revision),
            *(decision.action, hashlib.sha256(canonical(outcome)).hexdigest(), decision.reason),
            *(decision.reviewer, decision.reviewer_name, decision.by, decision.authn, decision.assurance),
            decision.decided_at.isoformat(),
            *([] if decision.surface is None else [decision.surface]),
        ]
    )


def check(store_id: str, p: Proposal, decision: DecisionRecord) -> None:
    """Raises Untrusted for a decision whose signature is not a known server's, or that must be signed and is not."""
    if decision.signature is None:
        if is_signed_only():
            raise Untrusted(
                f"the decision on proposal {p.id} ({p.title}) was not taken through a server, and {SIGNED_ONLY}=1 asks "
                "for that; run the agent again with --restart and decide in JupyterLab"
            )
        return
    if not is_signed(store_id, p, decision):
        raise Untrusted(
            f"the decision on proposal {p.id} ({p.title}) is not signed by a server that this kernel knows; it was "
            f"changed, or taken by a server of another user ({PINNED} names the keys that are trusted)"
        )


def is_signed(store_id: str, p: Proposal, decision: DecisionRecord) -> bool:
    """Whether a server that this process knows signed the decision on `p`, and says of it what a server can say."""
    if decision.signature is None or decision.assurance not in GIVEN or decision.by != "person":
        return False
    said = message(store_id, p, decision, p.revision - 1)
    return verifies(decision.signature, said)


def sign_vote(store_id: str, p: Proposal, vote: Vote, attest: Attest) -> Vote:
    """A vote on a proposal, which has all that it is bound to, signed as the server knows who gives it."""
    vote = msgspec.structs.replace(
        vote,
        reviewer_name=attest.reviewer_name,
        authn=attest.authn,
        assurance=attest.assurance,
        surface=attest.surface,
    )
    return msgspec.structs.replace(vote, signature=attest.key.sign(_vote_message(store_id, p, vote)))


def is_vote_signed(store_id: str, p: Proposal, vote: Vote) -> bool:
    """Whether a server that this process knows signed this vote on `p`, and says of it what a server can say."""
    if vote.signature is None or vote.assurance not in GIVEN or vote.by != "person":
        return False
    said = _vote_message(store_id, p, vote)
    return verifies(vote.signature, said)


def check_votes(store_id: str, p: Proposal, counted: Iterable[Vote]) -> None:
    """Raises Untrusted for a vote whose signature is not a known server's, or that must be signed and is not."""
    for one in counted:
        if one.signature is None and is_signed_only():
            raise Untrusted(
                f"the vote of {one.reviewer} on proposal {p.id} ({p.title}) was not taken through a server, and "
                f"{SIGNED_ONLY}=1 asks for that; run the agent again with --restart and decide in JupyterLab"
            )
    for one in p.votes:
        if one.signature is not None and not is_vote_signed(store_id, p, one):
            raise Untrusted(
                f"the vote of {one.reviewer} on proposal {p.id} ({p.title}) is not signed by a server that this "
                f"kernel knows; it was changed, or taken by a server of another user ({PINNED} names the trusted keys)"
            )


def _vote_message(store_id: str, p: Proposal, vote: Vote) -> bytes:
    """What is signed of a vote: bound to its place, to the question as it was shown, and to the terms then."""
    return _VOTE + canonical(
        [
            *(store_id, p.id, p.run, p.fingerprint, vote.revision),
            *(vote.action, vote.value_sha256, vote.reason),
            *(vote.reviewer, vote.reviewer_name, vote.authn, vote.assurance, vote.surface),
            *(vote.at.isoformat(), vote.terms_sha256),
        ]
    )


def sign_said(store_id: str, document: str, said: V, attest: Attest) -> V:
    """What somebody said about a document, or did with a comment on it, signed."""
    known = {"authn": attest.authn, "assurance": attest.assurance, "surface": attest.surface}
    said = msgspec.structs.replace(said, **known, signature=None)
    return msgspec.structs.replace(said, signature=attest.key.sign(_said(store_id, document, said)))


def is_said(store_id: str, document: str, said: Vouched) -> bool:
    """Whether a server that this process knows signed what was said about this document."""
    if said.signature is None or said.assurance not in GIVEN:
        return False
    message = _said(store_id, document, msgspec.structs.replace(said, signature=None))
    return verifies(said.signature, message)


def _said(store_id: str, document: str, said: Vouched) -> bytes:
    """What is signed of it: all fields that say anything, so that new ones do not make old signatures worthless."""
    told: dict[str, Any] = msgspec.to_builtins(said)
    fields = {name: item for name, item in told.items() if name not in _FOUND_OUT and (item or item is False)}
    return _SAID + canonical([store_id, type(said).__name__, document, fields])


def is_signed_only() -> bool:
    """Whether decisions count in this process only if a server signed them."""
    return os.environ.get(SIGNED_ONLY) == "1"


def logins_are_possible() -> bool:
    """Whether the server that started this process, if any, lets people log in."""
    return os.environ.get(LOGINS) != "0"


def verifies(signature: str, said: bytes) -> bool:
    """Whether a server that this process knows signed this."""
    return any(_verifies(public, signature, said) for public in _known())


def _verifies(public: str, signature: str, said: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(base64.b64decode(signature), said)
    except (InvalidSignature, ValueError):
        return False
    return True


def _known() -> list[str]:
    pinned = os.environ.get(PINNED)
    if pinned:
        return [key.strip() for key in pinned.split(",") if key.strip()]
    found = _published()
    return [] if found is None else [found]


def _published() -> str | None:
    try:
        return _public_path().read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _path() -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / _FILE


def _public_path() -> Path:
    return _path().with_suffix(".pub")
