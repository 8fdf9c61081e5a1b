"""Policy files of a script that writes a workspace through a server: they are merged with the server's files.

The script runs in its own process, perhaps on another computer. It sends the text of its files, because the server
cannot read them. The server evaluates them. If the server's organisation has an exclusive file, the script's files can
only make the policy stricter. This applies to files of the script's own organisation, too.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from hitl_nb.review.policy_files.policy_files import MAX_BYTES, find_policy_files, read_policy_file, read_policy_text
from hitl_nb.structs import prepare_structs

if TYPE_CHECKING:  # a process without policies does not import these modules
    from hitl_nb.policies.documents.documents import PolicyDocument
    from hitl_nb.policies.documents.merged_policy import MergedPolicy


class PolicyText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy file as a script sends it to the server.

    Attributes:
        path: Path of the file, for error messages.
        text: Content of the file.
        organisation: True if the environment variable `HITL_NB_POLICY` of the script names the file.
    """

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    text: Annotated[str, msgspec.Meta(max_length=MAX_BYTES)]
    organisation: bool = False


def read_script_policies() -> list[PolicyText]:
    """Read the policy files that apply to the script of this process, for sending to a server.

    These are the files of `HITL_NB_POLICY`, and those of the current folder, of the script's folder, and of their
    parents.

    Raises:
        PolicyError: A file cannot be used.
    """
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    places = [Path.cwd(), *([Path(file).resolve().parent] if file else [])]
    found = list({str(one.path): one for place in places for one in find_policy_files(str(place))}.values())
    for one in found:
        read_policy_file(one)  # an invalid file is an error in this process, where the user can correct it
    return [PolicyText(str(one.path), read_policy_text(one), one.organisation) for one in found]


def merge_script_policies(folder: str, script: str, sent: Sequence[PolicyText]) -> MergedPolicy | None:
    """Merge the policy files that a script has sent with the server's own policy files.

    Args:
        folder: Folder whose policy files the server applies.
        script: Name of the script, for error messages.
        sent: The script's files. A file with the same text as one of the server's is used once, as the server's.

    Returns:
        The merged policy. None if neither side has a policy file.

    Raises:
        PolicyError: A file cannot be used, or the files contradict each other.
    """
    files = find_policy_files(folder)
    if not files and not sent:
        return None
    from hitl_nb.policies.documents.merged_policy import merge_documents

    documents = [read_policy_file(one) for one in files]
    known = {read_policy_text(one) for one in files} if sent else set[str]()
    is_limited = any(one.exclusive for one in documents)
    documents += [_read_policy_text(script, one, is_limited=is_limited) for one in sent if one.text not in known]
    return merge_documents(documents)


def _read_policy_text(script: str, sent: PolicyText, *, is_limited: bool) -> PolicyDocument:
    from hitl_nb.policies.documents.documents import read_policy_document

    document = read_policy_document(sent.text, f"{script}: {sent.path}", organisation=sent.organisation)
    return dataclasses.replace(document, organisation=False, exclusive=False) if is_limited else document


prepare_structs(globals())
