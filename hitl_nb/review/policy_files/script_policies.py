"""Merge the policy files of a script with those of the server that it writes through.

The script's process sends the text of its files, because the server cannot read them. The server evaluates them. An
exclusive file of the server's organisation lets the script's files only make the policy stricter. This applies to
files of the script's own organisation, too.
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
    """A policy file as a script sends it.

    Attributes:
        path: Path of the file, for messages.
        text: Content of the file.
        organisation: Whether `HITL_NB_POLICY` names it where the script runs.
    """

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    text: Annotated[str, msgspec.Meta(max_length=MAX_BYTES)]
    organisation: bool = False


def read_script_policies() -> list[PolicyText]:
    """Read the policy files for the script of this process: of the current folder, and of the script's own.

    Raises:
        PolicyError: A file cannot be used.
    """
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    places = [Path.cwd(), *([Path(file).resolve().parent] if file else [])]
    found = list({str(one.path): one for place in places for one in find_policy_files(str(place))}.values())
    for one in found:
        read_policy_file(one)  # raises an error here, where the user can correct the file
    return [PolicyText(str(one.path), read_policy_text(one), one.organisation) for one in found]


def merge_script_policies(folder: str, script: str, sent: Sequence[PolicyText]) -> MergedPolicy | None:
    """Return the policy of a script; None if there are no files.

    Args:
        folder: Folder whose policy files the server applies.
        script: Name of the script, for messages.
        sent: The script's files. A file that the server also has counts once, as the server's.

    Raises:
        PolicyError: A file, or all of them together, cannot be used.
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
