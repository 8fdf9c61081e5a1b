"""Find and read policies: the files that apply to a notebook, and policies that a call passes.

All files of `HITL_NB_POLICY` are merged with each `hitl-policy.toml` of the notebook's folder and its parents. The
search ends at the first folder with `.git`; without one, at the server's root or the home directory. A file is read
again when it has changed. A file that cannot be used raises PolicyError whenever a policy is needed: it is never left
out.
"""

# ruff: noqa: PTH109, PTH111, PTH112, PTH116, PTH117, PTH120
# Every checkpoint searches for files, and pathlib takes twice as long.

from __future__ import annotations

import functools
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from hitl_nb import settings
from hitl_nb.errors import PolicyError
from hitl_nb.pickled_names import name_in_package

if TYPE_CHECKING:  # imported when a policy is read: a process without policies does not import these modules
    from hitl_nb.policies.documents.documents import PolicyDocument
    from hitl_nb.policies.documents.merged_policy import MergedPolicy

FILE_NAME = "hitl-policy.toml"
MAX_BYTES = 1_000_000
"""Maximum size of a policy file."""
_MAX_CACHED = 64

_FileStamp = tuple[int, int, int, int]


@name_in_package
@dataclass(frozen=True)
class PolicyFile:
    """A policy file that applies.

    Attributes:
        path: Path of the file.
        organisation: Whether `HITL_NB_POLICY` names it.
    """

    path: Path
    organisation: bool = False


@name_in_package
@dataclass(frozen=True)
class Policy:
    """More rules for a call, made by `hitl.policy()`.

    Attributes:
        source: "file": `text` is the path of a file, which is read when it is used. "mapping": `text` is the rules
            as JSON.
        text: See `source`. Nothing else is stored, so that a run that holds a policy can be saved.
    """

    source: Literal["file", "mapping"]
    text: str


def policy(path_or_mapping: str | os.PathLike[str] | Mapping[str, Any]) -> Policy:
    """Make rules for single calls: `checkpoint(..., policy=hitl.policy({"rule": [...]}))`.

    They are merged with the policy files that apply: all rules count, and the strictest verdict wins.

    Args:
        path_or_mapping: A file, or a mapping with the same grammar. A file is read again when it has changed.

    Returns:
        The rules, for the argument `policy` of a call.

    Raises:
        PolicyError: The rules cannot be read or used; the message says where and how to correct them.
        TypeError: The argument is neither a path nor a mapping.
    """
    from hitl_nb.policies.documents.content import to_plain_content
    from hitl_nb.policies.documents.documents import MAPPING_SOURCE, read_policy_mapping

    if isinstance(path_or_mapping, Mapping):
        content = to_plain_content(path_or_mapping, MAPPING_SOURCE)
        read_policy_mapping(content)
        return Policy("mapping", msgspec.json.encode(content).decode())
    if not isinstance(path_or_mapping, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"policy is a {type(path_or_mapping).__name__}; it must be a path or a mapping")
    path = _expand_home(path_or_mapping).absolute()
    read_policy_file(PolicyFile(path))
    return Policy("file", str(path))


def load_policy(notebook: str, *more: Policy) -> MergedPolicy | None:
    """Return the policy that applies to a notebook, script or module; None if there is none.

    Args:
        notebook: Path of the notebook or script. For a name that is not a path, such as a module's, the current folder
            is used.
        more: Policies that a call passes.

    Raises:
        PolicyError: A file, or all of them together, cannot be used.
    """
    files = find_policy_files(notebook)
    for one in more:
        if one.source == "file" and all(found.path != Path(one.text) for found in files):
            files.append(PolicyFile(Path(one.text)))
    documents = [read_policy_file(found) for found in files]
    documents += [_read_json(one.text) for one in more if one.source == "mapping"]
    return _merge_cached(documents) if documents else None


def try_policy_file(notebook: str, path: Path) -> tuple[MergedPolicy, list[Path]]:
    """Return the policy that would apply to a notebook if another file applied, too.

    The file replaces itself, and files that have a rule with the same id: it is a changed copy of those.

    Args:
        notebook: Path of the notebook.
        path: Path of the file to try.

    Returns:
        The policy, and the files that it would replace.

    Raises:
        PolicyError: A file, or all of them together, cannot be used.
    """
    documents, replaced = _documents_with(notebook, path)
    return _merge_cached(documents), replaced


def find_errors_together(notebook: str, tried: Path | None) -> list[PolicyError]:
    """Return all errors of the files that apply to a notebook, merged with one to try if it is given.

    Errors inside single files are not included, except the first one, which prevents merging.

    Args:
        notebook: Path of the notebook.
        tried: Path of the file to try; None for none.
    """
    from hitl_nb.policies.documents.merged_policy import merge_documents

    errors: list[PolicyError] = []
    try:
        if tried is None:
            documents = [read_policy_file(found) for found in find_policy_files(notebook)]
        else:
            documents = _documents_with(notebook, tried)[0]
        merge_documents(documents, errors)
    except PolicyError as error:
        errors.append(error)
    return errors


def _documents_with(notebook: str, path: Path) -> tuple[list[PolicyDocument], list[Path]]:
    """Return the documents that would apply if a file applied, and the files that it would replace."""
    path = _expand_home(path).absolute()
    tried = read_policy_file(PolicyFile(path, organisation=True))
    ids = {rule.id for rule in tried.rules}
    documents: list[PolicyDocument] = []
    replaced: list[Path] = []
    organisation = tried.exclusive
    for found in find_policy_files(notebook):
        document = read_policy_file(found)
        is_itself = os.path.realpath(found.path) == os.path.realpath(path)
        if is_itself or ids & {rule.id for rule in document.rules}:
            organisation = organisation or found.organisation
            replaced += [] if is_itself else [found.path]
        else:
            documents.append(document)
    if not organisation:
        tried = read_policy_file(PolicyFile(path))
    return [*documents, tried], replaced


def find_policy_files(notebook: str) -> list[PolicyFile]:
    """Return the files that apply to a notebook: those of `HITL_NB_POLICY`, then its folders' files, nearest first."""
    found, start = list(_list_environment_files()), _folder_of(notebook)
    there = [path for folder in _folder_and_parents(start) if _exists(path := _path_inside(folder, FILE_NAME))]
    if not there:
        return found  # the usual case; it avoids searching for the end of the search
    for folder in _searched_folders(start):
        path = _path_inside(folder, FILE_NAME)
        if path in there and not any(os.path.realpath(one.path) == os.path.realpath(path) for one in found):
            found.append(_policy_file_in(path))
    return found


def _list_environment_files() -> tuple[PolicyFile, ...]:
    """Return the files of `HITL_NB_POLICY`."""
    names = settings.POLICY.read()
    if not names:
        return ()
    return _parse_file_names(names, os.path.expanduser("~") if "~" in names else "", _working_folder())


@functools.lru_cache(_MAX_CACHED)
def _parse_file_names(names: str, home: str, folder: str) -> tuple[PolicyFile, ...]:
    """Return each named file once. Names are relative to `folder`; `~` is `home`, which is here only for the cache."""
    found = [Path(folder, _expand_home(name)) for name in names.split(os.pathsep) if name]
    return tuple(dict.fromkeys(PolicyFile(path, organisation=True) for path in found))


def _expand_home(name: str | os.PathLike[str]) -> Path:
    """Return the path with `~` replaced by the home directory.

    Raises:
        PolicyError: The home directory is unknown.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise PolicyError(f"{os.fspath(name)}: the home directory is unknown; write the whole path") from None


@functools.lru_cache(_MAX_CACHED)
def _policy_file_in(path: str) -> PolicyFile:
    return PolicyFile(Path(path))


def read_policy_file(file: PolicyFile) -> PolicyDocument:
    """Return the document in a file, from the cache if the file has not changed.

    Raises:
        PolicyError: The file cannot be used.
    """
    from hitl_nb.policies.documents.documents import read_policy_document

    try:
        before = _documents.get(file)
        if before is not None and before[0] == _file_stamp(os.stat(file.path)):
            return before[1]
    except OSError as error:
        raise _unreadable_error(file, error) from None
    stamp, text = _read_stamped(file)
    document = read_policy_document(text, str(file.path), organisation=file.organisation)
    _documents[file] = (stamp, document)
    return document


def find_file_errors(file: PolicyFile) -> list[PolicyError]:
    """Return all errors inside a file, in its order. `read_policy_file` raises only the first."""
    from hitl_nb.policies.documents.documents import find_document_errors

    try:
        text = read_policy_text(file)
    except PolicyError as error:
        return [error]
    return find_document_errors(text, str(file.path), organisation=file.organisation)


def read_policy_text(file: PolicyFile) -> str:
    """Return the text of a file.

    Raises:
        PolicyError: The file cannot be read, is too large, or is not UTF-8.
    """
    return _read_stamped(file)[1]


def _read_stamped(file: PolicyFile) -> tuple[_FileStamp, str]:
    try:
        with file.path.open("rb") as opened:
            stamp = _file_stamp(os.fstat(opened.fileno()))
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable_error(file, error) from None
    if len(raw) > MAX_BYTES:
        raise PolicyError(f"{file.path}: the policy file is larger than {MAX_BYTES} bytes; split it")
    try:
        return stamp, raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError(f"{file.path}: the policy file is not UTF-8 (byte {error.start}); save it as UTF-8") from None


def _unreadable_error(file: PolicyFile, error: OSError) -> PolicyError:
    where = f"; {settings.POLICY.name} names it" if file.path in [one.path for one in _list_environment_files()] else ""
    return PolicyError(f"{file.path}: the policy file cannot be read: {error.strerror}{where}")


_documents: dict[PolicyFile, tuple[_FileStamp, PolicyDocument]] = {}
_mappings: OrderedDict[str, PolicyDocument] = OrderedDict()
_merged: OrderedDict[tuple[int, ...], tuple[list[PolicyDocument], MergedPolicy]] = OrderedDict()
"""By the identities of documents. The documents are stored with them, so that no other object can get the same id."""


def _merge_cached(documents: list[PolicyDocument]) -> MergedPolicy:
    key = tuple(id(document) for document in documents)
    before = _merged.get(key)
    if before is not None:
        return before[1]
    from hitl_nb.policies.documents.merged_policy import merge_documents

    merged = merge_documents(documents)
    _merged[key] = (documents, merged)
    _drop_oldest(_merged)
    return merged


def _read_json(text: str) -> PolicyDocument:
    found = _mappings.get(text)
    if found is None:
        from hitl_nb.policies.documents.documents import read_policy_mapping

        found = _mappings[text] = read_policy_mapping(msgspec.json.decode(text))
        _drop_oldest(_mappings)
    return found


def _drop_oldest(cache: OrderedDict[Any, Any]) -> None:
    while len(cache) > _MAX_CACHED:
        cache.popitem(last=False)


def _file_stamp(found: os.stat_result) -> _FileStamp:
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns


def _working_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # the folder was deleted; absolute names do not need it
        return ""


def _folder_of(notebook: str) -> str:
    if not os.path.isabs(notebook):
        return os.getcwd()
    return notebook if os.path.isdir(notebook) else os.path.dirname(notebook)


def _searched_folders(start: str) -> tuple[str, ...]:
    """Return the folder and its parents, up to the end of the search; outside of all limits, only the folder."""
    folders = _folder_and_parents(start)
    for n, folder in enumerate(folders, 1):
        if _exists(_path_inside(folder, ".git")):
            return folders[:n]
    for limit in (settings.ROOT.read(), os.path.expanduser("~")):
        if limit.rstrip(os.sep) in folders:
            return folders[: folders.index(limit.rstrip(os.sep)) + 1]
    return (start,)


@functools.lru_cache(_MAX_CACHED)
def _folder_and_parents(start: str) -> tuple[str, ...]:
    """Return the folder and all its parents, computed from the names only."""
    found = [start]
    while (above := os.path.dirname(found[-1])) != found[-1]:
        found.append(above)
    return tuple(found)


def _path_inside(folder: str, name: str) -> str:
    return f"{folder.rstrip(os.sep)}{os.sep}{name}"


def _exists(path: str) -> bool:
    """Return whether the path exists, also as a link to nothing."""
    if _CAN_ASK_ABOUT_LINKS:
        return os.access(path, os.F_OK, follow_symlinks=False)
    return os.path.lexists(path)  # slower: it creates an exception if there is nothing


_CAN_ASK_ABOUT_LINKS = os.access in os.supports_follow_symlinks
