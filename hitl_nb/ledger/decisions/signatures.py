"""Signatures of decisions, votes and comments by the server that received them. They are checked before each use.

A server has an Ed25519 key in Jupyter's data directory, outside the store. A signed decision that was changed, or
copied to another proposal, run or store, fails the check. Signatures do not protect against other processes of the same
user: these can read the key, or omit the signature. The assurance level in a decision ("A0") states this limit.

Kernels trust the public keys that their server passed to them in `HITL_NB_SERVER_KEY`. If the variable is not set, they
trust the public key next to the private key. The servers with these keys are the *known* servers below.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from hitl_nb import settings
from hitl_nb.errors import HitlError, Untrusted
from hitl_nb.records import AttestedRecord, Authn, DecisionRecord, Proposal, Surface, VoteRecord, canonical_json
from hitl_nb.storage import secret_file as secretfile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

V = TypeVar("V", bound=AttestedRecord)

SUPPORTED_ASSURANCES = frozenset({"A0"})
"""Assurance levels that a server of this version can give."""

_DECISION_CONTEXT = b"hitl/decision/v1\x00"
_VOTE_CONTEXT = b"hitl/vote/v2\x00"
_STATEMENT_CONTEXT = b"hitl/said/v1\x00"
_DERIVED_FIELDS = ("known", "state_known")
_KEY_FILE = Path("hitl_nb", "server_key")


class SigningKey:
    """The key pair with which a server signs decisions, votes and comments.

    Attributes:
        public: The public key, base64.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = base64.b64encode(private.public_key().public_bytes_raw()).decode()

    @classmethod
    def of_this_user(cls) -> SigningKey:
        """Return the server key of this user. At the first use, the key is created and stored in a file with mode 0600.

        Raises:
            HitlError: The key cannot be read or created.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = _key_path()
        try:
            fresh = Ed25519PrivateKey.generate().private_bytes_raw()
            key = cls(Ed25519PrivateKey.from_private_bytes(secretfile.read_or_create_secret(path, fresh)))
            if _published_key() != key.public:
                _public_key_path().unlink(missing_ok=True)
                secretfile.place_file(_public_key_path(), key.public.encode())
        except (OSError, ValueError, secretfile.UnsafeFile) as broken:
            raise HitlError(
                f"the server's signing key {path} cannot be read or made: {broken}; remove it to get a new one"
            ) from broken
        return key

    def sign(self, message: bytes) -> str:
        """Return the signature of `message`, base64."""
        return base64.b64encode(self._private.sign(message)).decode()


@dataclass(frozen=True)
class ReviewerAttestation:
    """The statement of a server how it identified a person, and the key with which it signs what the person submits.

    Attributes:
        key: The server's key.
        reviewer_name: Display name of the person.
        authn: How the server identified the person: "login", "token" or "anonymous".
        assurance: How strong this evidence is; one of `SUPPORTED_ASSURANCES`.
        surface: Kind of browser page in which the person acted (see `Surface`). Default: "shared".
    """

    key: SigningKey
    reviewer_name: str
    authn: Authn
    assurance: str
    surface: Surface = "shared"


def decision_message(store_id: str, proposal: Proposal, decision: DecisionRecord, revision: int) -> bytes:
    """Return the bytes that a server signs for a decision.

    They contain the ids of the store, the proposal and the run, and the version of the question that was shown. So the
    signature is valid only for this decision in this place.

    Args:
        store_id: Id of the store.
        proposal: The proposal.
        decision: The decision.
        revision: Revision of the proposal that the reviewer saw.
    """
    outcome = proposal.value if decision.action == "approve" else decision.value
    return _DECISION_CONTEXT + canonical_json(
        [
            *(store_id, proposal.id, proposal.run, proposal.fingerprint, revision),
            *(decision.action, hashlib.sha256(canonical_json(outcome)).hexdigest(), decision.reason),
            *(decision.reviewer, decision.reviewer_name, decision.by, decision.authn, decision.assurance),
            decision.decided_at.isoformat(),
            *([] if decision.surface is None else [decision.surface]),
        ]
    )


def check_signature(store_id: str, proposal: Proposal, decision: DecisionRecord) -> None:
    """Check the signature of a decision. A decision without a signature passes, unless `HITL_NB_SIGNED_ONLY` is on.

    Raises:
        Untrusted: The signature is not of a known server, or is missing although it is required.
    """
    if decision.signature is None:
        if is_signed_only():
            raise Untrusted(
                f"the decision on proposal {proposal.id} ({proposal.title}) was not taken through a server, and "
                f"{settings.SIGNED_ONLY.name}=1 asks "
                "for that; run the agent again with --restart and decide in JupyterLab"
            )
        return
    if not is_decision_signed(store_id, proposal, decision):
        raise Untrusted(
            f"the decision on proposal {proposal.id} ({proposal.title}) is not signed by a server that this kernel "
            "knows; it was changed, or taken by a server of another user "
            f"({settings.SERVER_KEY.name} names the keys that are trusted)"
        )


def is_decision_signed(store_id: str, proposal: Proposal, decision: DecisionRecord) -> bool:
    """Return whether a known server signed the decision, and a person made it.

    The assurance level must also be one of `SUPPORTED_ASSURANCES`.
    """
    if decision.signature is None or decision.assurance not in SUPPORTED_ASSURANCES or decision.by != "person":
        return False
    said = decision_message(store_id, proposal, decision, proposal.revision - 1)
    return is_signature_valid(decision.signature, said)


def sign_vote(store_id: str, proposal: Proposal, vote: VoteRecord, attestation: ReviewerAttestation) -> VoteRecord:
    """Return a copy of the vote with the identity of the voter and the server's signature.

    Args:
        store_id: Id of the store, which the signature contains.
        proposal: The proposal.
        vote: The vote. All of its other fields must be set, because the signature covers them.
        attestation: How the server identified the voter, and the key that signs.
    """
    vote = msgspec.structs.replace(
        vote,
        reviewer_name=attestation.reviewer_name,
        authn=attestation.authn,
        assurance=attestation.assurance,
        surface=attestation.surface,
    )
    return msgspec.structs.replace(vote, signature=attestation.key.sign(_vote_message(store_id, proposal, vote)))


def is_vote_signed(store_id: str, proposal: Proposal, vote: VoteRecord) -> bool:
    """Return whether a known server signed the vote, and a person gave it.

    The assurance level must also be one of `SUPPORTED_ASSURANCES`.
    """
    if vote.signature is None or vote.assurance not in SUPPORTED_ASSURANCES or vote.by != "person":
        return False
    said = _vote_message(store_id, proposal, vote)
    return is_signature_valid(vote.signature, said)


def check_votes(store_id: str, proposal: Proposal, counted: Iterable[VoteRecord]) -> None:
    """Check the signatures of the votes on a proposal.

    Args:
        store_id: Id of the store.
        proposal: The proposal; every signature of its votes is checked.
        counted: The votes that count for the decision. If `HITL_NB_SIGNED_ONLY` is on, each of them must have a
            signature.

    Raises:
        Untrusted: A signature is not of a known server, or is missing although it is required.
    """
    for one in counted:
        if one.signature is None and is_signed_only():
            raise Untrusted(
                f"the vote of {one.reviewer} on proposal {proposal.id} ({proposal.title}) was not taken through a "
                f"server, and {settings.SIGNED_ONLY.name}=1 asks for that; run the agent again with --restart and "
                "decide in JupyterLab"
            )
    for one in proposal.votes:
        if one.signature is not None and not is_vote_signed(store_id, proposal, one):
            raise Untrusted(
                f"the vote of {one.reviewer} on proposal {proposal.id} ({proposal.title}) is not signed by a server "
                "that this "
                f"kernel knows; it was changed, or taken by a server of another user ({settings.SERVER_KEY.name} names "
                "the trusted keys)"
            )


def _vote_message(store_id: str, proposal: Proposal, vote: VoteRecord) -> bytes:
    """Return the bytes that a server signs for a vote.

    They contain the ids of the store, the proposal and the run, the shown version of the question, and the terms' hash.
    """
    return _VOTE_CONTEXT + canonical_json(
        [
            *(store_id, proposal.id, proposal.run, proposal.fingerprint, vote.revision),
            *(vote.action, vote.value_sha256, vote.reason),
            *(vote.reviewer, vote.reviewer_name, vote.authn, vote.assurance, vote.surface),
            *(vote.at.isoformat(), vote.terms_sha256),
        ]
    )


def sign_statement(store_id: str, document: str, said: V, attestation: ReviewerAttestation) -> V:
    """Return a copy of a comment, or of a change of a comment's state, with the server's signature.

    Args:
        store_id: Id of the store, which the signature contains.
        document: Id of the document, which the signature contains.
        said: The comment or the state change.
        attestation: How the server identified the author, and the key that signs.
    """
    known = {"authn": attestation.authn, "assurance": attestation.assurance, "surface": attestation.surface}
    said = msgspec.structs.replace(said, **known, signature=None)
    return msgspec.structs.replace(said, signature=attestation.key.sign(_statement_message(store_id, document, said)))


def is_statement_signed(store_id: str, document: str, said: AttestedRecord) -> bool:
    """Return whether a known server signed a comment on this document, or a change of a comment's state.

    The assurance level must also be one of `SUPPORTED_ASSURANCES`.
    """
    if said.signature is None or said.assurance not in SUPPORTED_ASSURANCES:
        return False
    message = _statement_message(store_id, document, msgspec.structs.replace(said, signature=None))
    return is_signature_valid(said.signature, message)


def _statement_message(store_id: str, document: str, said: AttestedRecord) -> bytes:
    """Return the bytes that a server signs for a comment or a state change.

    Empty fields are left out, so that old signatures stay valid when a new field is added to the records.
    """
    told: dict[str, Any] = msgspec.to_builtins(said)
    fields = {name: item for name, item in told.items() if name not in _DERIVED_FIELDS and (item or item is False)}
    return _STATEMENT_CONTEXT + canonical_json([store_id, type(said).__name__, document, fields])


def is_signed_only() -> bool:
    """Return whether this process uses only decisions that a server has signed (`HITL_NB_SIGNED_ONLY=1`)."""
    return settings.SIGNED_ONLY.is_on()


def logins_are_possible() -> bool:
    """Return False if the server that started this process has no logins; True otherwise, also without a server."""
    return settings.SERVER_LOGINS.read() != "0"


def is_signature_valid(signature: str, said: bytes) -> bool:
    """Return whether a known server has signed a message.

    Args:
        signature: The signature, base64.
        said: The message.
    """
    return any(_is_valid_for(public, signature, said) for public in _known_keys())


def _is_valid_for(public: str, signature: str, said: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(base64.b64decode(signature), said)
    except (InvalidSignature, ValueError):
        return False
    return True


def _known_keys() -> list[str]:
    pinned = settings.SERVER_KEY.read()
    if pinned:
        return [key.strip() for key in pinned.split(",") if key.strip()]
    found = _published_key()
    return [] if found is None else [found]


def _published_key() -> str | None:
    try:
        return _public_key_path().read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _key_path() -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / _KEY_FILE


def _public_key_path() -> Path:
    return _key_path().with_suffix(".pub")
