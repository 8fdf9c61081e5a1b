"""The policy files of a script, and those of the server that it writes through, applied together.

The script's process sends the text of its files, since the server cannot read them; the server judges. Where a file of
its organisation is exclusive, the files of the script only make it stricter, also those of the script's organisation.
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

if TYPE_CHECKING:  # a process without policies needs none of it
    from hitl_nb.policies.documents.documents import PolicyDocument
    from hitl_nb.policies.documents.merged_policy import MergedPolicy


class PolicyText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy file as it is sent.

    Attributes:
        organisation: whether it is one of `HITL_NB_POLICY` where the script runs.
    """

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    text: Annotated[str, msgspec.Meta(max_length=MAX_BYTES)]
    organisation: bool = False


def read_script_policies() -> list[PolicyText]:
    """The files that apply to the script that this process runs: those of the current folder, and of its own.

    Raises PolicyError for one that cannot be used.
    """
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    places = [Path.cwd(), *([Path(file).resolve().parent] if file else [])]
    found = list({str(one.path): one for place in places for one in find_policy_files(str(place))}.values())
    for one in found:
        read_policy_file(one)  # raises here, where the file can be mended
    return [PolicyText(str(one.path), read_policy_text(one), one.organisation) for one in found]


def merge_script_policies(folder: str, script: str, sent: Sequence[PolicyText]) -> MergedPolicy | None:
    """The policy of a script: the server's files for `folder`, and what the script has sent; None if there is none.

    A file that both have counts once, as the server's. Raises PolicyError.
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
