"""Search for and reading of policies: the files that apply to a notebook, and policies that a call passes.

All files that the environment variable `HITL_NB_POLICY` names are merged with each `hitl-policy.toml` of the notebook's
folder and its parent folders. The search in the parents ends at the first folder with `.git`; without one, at the
server's root or the home directory. A file is read again when it has changed. A file that cannot be used raises
PolicyError whenever a policy is needed; it is never ignored.
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
"""Maximum size of a policy file, in bytes."""
_MAX_CACHED = 64

_FileStamp = tuple[int, int, int, int]


@name_in_package
@dataclass(frozen=True)
class PolicyFile:
    """A policy file that applies to a notebook or script.

    Attributes:
        path: Path of the file.
        organisation: True if the environment variable `HITL_NB_POLICY` names the file.
    """

    path: Path
    organisation: bool = False


@name_in_package
@dataclass(frozen=True)
class Policy:
    """Policy rules for single calls, made by `hitl.policy()`. They are added to those of the policy files.

    Attributes:
        source: "file": `text` is the path of a policy file, which is read when a call uses it. "mapping": `text` is the
            rules as JSON.
        text: See `source`. Nothing else is stored, so that a run that holds a policy can be saved.
    """

    source: Literal["file", "mapping"]
    text: str


def policy(path_or_mapping: str | os.PathLike[str] | Mapping[str, Any]) -> Policy:
    """Make policy rules for single calls: `checkpoint(..., policy=hitl.policy({"rule": [...]}))`.

    A call merges these rules with the policy files that apply: all rules count, and the strictest verdict wins.

    Args:
        path_or_mapping: Path of a policy file, or a mapping with the same keys. A file is read again when it has
            changed.

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
    if not isinstance(path_or_mapping, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise TypeError(f"policy is a {type(path_or_mapping).__name__}; it must be a path or a mapping")
    path = _expand_home(path_or_mapping).absolute()
    read_policy_file(PolicyFile(path))
    return Policy("file", str(path))


def load_policy(notebook: str, *more: Policy) -> MergedPolicy | None:
    """Find, read and merge the policies that apply to a notebook, script or module.

    Args:
        notebook: Path of the notebook or script. For a name that is not an absolute path, such as a module's, the
            current folder is used.
        more: Policies that a call passes.

    Returns:
        The merged policy. None if no file applies and the call passes no policy.

    Raises:
        PolicyError: A file cannot be used, or the policies contradict each other.
    """
    files = find_policy_files(notebook)
    for one in more:
        if one.source == "file" and all(found.path != Path(one.text) for found in files):
            files.append(PolicyFile(Path(one.text)))
    documents = [read_policy_file(found) for found in files]
    documents += [_read_json(one.text) for one in more if one.source == "mapping"]
    return _merge_cached(documents) if documents else None


def try_policy_file(notebook: str, path: Path) -> tuple[MergedPolicy, list[Path]]:
    """Merge the policy that would apply to a notebook if one more file applied.

    The new file is seen as a changed copy of files that have a rule with the same id. It takes their place, and the
    place of itself if it applies already.

    Args:
        notebook: Path of the notebook.
        path: Path of the file to try.

    Returns:
        The merged policy, and the paths of the other files that it would replace.

    Raises:
        PolicyError: A file cannot be used, or the policies contradict each other.
    """
    documents, replaced = _documents_with(notebook, path)
    return _merge_cached(documents), replaced


def find_errors_together(notebook: str, tried: Path | None) -> list[PolicyError]:
    """List the errors of merging the files that apply to a notebook, with one more file to try if it is given.

    If a single file cannot be read or used, merging is not possible: then only the first error of that file is
    returned.

    Args:
        notebook: Path of the notebook.
        tried: Path of the file to try; None: only the files that apply already.

    Returns:
        The errors. Empty: the files can be merged.
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
    """Read the policy documents that would apply to a notebook if the file at `path` applied, too.

    Returns:
        The documents, with that file's document last, and the paths of the files whose place it takes.
    """
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
    """List the policy files that apply to a notebook: those of `HITL_NB_POLICY`, then those of its folder and parents.

    The files of the folders are listed nearest first. A file that `HITL_NB_POLICY` names, too, is listed once.
    """
    found, start = list(_list_environment_files()), _folder_of(notebook)
    there = [path for folder in _folder_and_parents(start) if _exists(path := _path_inside(folder, FILE_NAME))]
    if not there:
        return found  # the usual case: without a file, the folder that ends the search does not matter
    for folder in _searched_folders(start):
        path = _path_inside(folder, FILE_NAME)
        if path in there and not any(os.path.realpath(one.path) == os.path.realpath(path) for one in found):
            found.append(_policy_file_in(path))
    return found


def _list_environment_files() -> tuple[PolicyFile, ...]:
    """List the files that the environment variable `HITL_NB_POLICY` names."""
    names = settings.POLICY.read()
    if not names:
        return ()
    return _parse_file_names(names, os.path.expanduser("~") if "~" in names else "", _working_folder())


@functools.lru_cache(_MAX_CACHED)
def _parse_file_names(names: str, home: str, folder: str) -> tuple[PolicyFile, ...]:
    """Return the files in a list of names as `HITL_NB_POLICY` has it, each once.

    Args:
        names: Names, separated by `os.pathsep`.
        home: The home directory that replaces `~`. It is an argument only so that the cache depends on it.
        folder: Folder to which relative names belong.
    """
    found = [Path(folder, _expand_home(name)) for name in names.split(os.pathsep) if name]
    return tuple(dict.fromkeys(PolicyFile(path, organisation=True) for path in found))


def _expand_home(name: str | os.PathLike[str]) -> Path:
    """Return the path with `~` replaced by the home directory.

    Raises:
        PolicyError: The path begins with `~`, and the home directory is unknown.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise PolicyError(f"{os.fspath(name)}: the home directory is unknown; write the whole path") from None


@functools.lru_cache(_MAX_CACHED)
def _policy_file_in(path: str) -> PolicyFile:
    return PolicyFile(Path(path))


def read_policy_file(file: PolicyFile) -> PolicyDocument:
    """Read and check a policy file. The result is cached until the file changes.

    Raises:
        PolicyError: The file cannot be read, or is not a valid policy document.
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
    """List all errors inside a policy file, in the order in which they were found. Empty: the file is valid.

    `read_policy_file` raises only the first of these errors. If the file cannot be read, that is the only error.
    """
    from hitl_nb.policies.documents.documents import find_document_errors

    try:
        text = read_policy_text(file)
    except PolicyError as error:
        return [error]
    return find_document_errors(text, str(file.path), organisation=file.organisation)


def read_policy_text(file: PolicyFile) -> str:
    """Read the text of a policy file.

    Raises:
        PolicyError: The file cannot be read, is larger than `MAX_BYTES`, or is not UTF-8.
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
"""Cache of merged policies. The keys are the ids of the document objects.

The documents are stored with the policy, so that no other object can get the same id while the entry exists.
"""


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
    """Return the folders that are searched for policy files: the folder `start` and its parents, nearest first.

    The search ends at a folder with `.git`, or else at the server's root or the home directory. If `start` is outside
    of all of these, only `start` is searched.
    """
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
    """Return the folder `start` and all its parents, nearest first, computed from the path without reading the disk."""
    found = [start]
    while (above := os.path.dirname(found[-1])) != found[-1]:
        found.append(above)
    return tuple(found)


def _path_inside(folder: str, name: str) -> str:
    return f"{folder.rstrip(os.sep)}{os.sep}{name}"


def _exists(path: str) -> bool:
    """Return whether something exists at the path, including a symbolic link whose target does not exist."""
    if _CAN_ASK_ABOUT_LINKS:
        return os.access(path, os.F_OK, follow_symlinks=False)
    return os.path.lexists(path)  # slower: internally it catches an exception if nothing exists


_CAN_ASK_ABOUT_LINKS = os.access in os.supports_follow_symlinks
