"""Helper functions of the release example: a small real package in a real git repository, its tests, and its build.

The notebook `release.ipynb` imports this. The questions and the deployments are in the notebook itself. Each git call
has all its settings as arguments, so that the result does not depend on this machine's configuration.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

COMMITS = {
    "1": "Slugs for headlines",
    "2": "Take accents off instead of dropping the letter",
    "3": "Say how to use it",
}
"""Folders of files, in the order in which they are committed. The first one is version 1.0.0."""


def need_git() -> None:
    """Check that git is installed.

    Raises:
        RuntimeError: It is not installed.
    """
    if shutil.which("git") is None:
        raise RuntimeError("this notebook makes a real git repository and found no git: install it and run this again")


def git(repository: Path, *words: str, text: str | None = None) -> str:
    """Run a git command, and return its output."""
    command = ["git", "-c", "user.name=Release agent", "-c", "user.email=release@example.org", *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C"}
    return _run(command, repository, text=text, env=environment).stdout.strip()


def make_repository(home: Path, commits: Path) -> None:
    """Make `home/repository` with its history, and empty `home/staging` and `home/production`.

    An incomplete repository is replaced.
    """
    shutil.rmtree(home, ignore_errors=True)
    repository = home / "repository"
    for folder in (repository, home / "staging", home / "production"):
        folder.mkdir(parents=True)
    git(repository, "init", "--quiet", "--template=")
    for folder, message in COMMITS.items():
        shutil.copytree(commits / folder, repository, dirs_exist_ok=True)
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message", message)
        if folder == "1":
            git(repository, "tag", "--annotate", "v1.0.0", "--message", "The first one")


def changes(repository: Path) -> list[str]:
    """Return the subjects of the commits since the last tag, oldest first."""
    return git(repository, "log", "--reverse", "--format=%s", f"{last_tag(repository)}..HEAD").splitlines()


def last_tag(repository: Path) -> str:
    """Return the last tag of the branch."""
    return git(repository, "describe", "--tags", "--abbrev=0")


def run_tests(repository: Path) -> tuple[bool, str]:
    """Run the package's own tests. Return whether they pass, and their number or, on failure, their output."""
    done = _run(
        [sys.executable, "-B", "-m", "unittest", "discover", "--pattern", "check_*.py"], repository, check=False
    )
    count = re.search(r"Ran (\d+) tests?", done.stderr)
    if done.returncode or count is None:
        return False, done.stderr.strip()
    return True, f"{count[1]} tests passed"


def prepare(repository: Path, version: str, changed: list[str]) -> None:
    """Commit the version and its list of changes. Do nothing if this was done before.

    Raises:
        ValueError: The version is released already.
    """
    if git(repository, "tag", "--list", f"v{version}"):
        raise ValueError(f"version {version} is out already")
    package = repository / "slug" / "__init__.py"
    text = package.read_text(encoding="utf-8")
    package.write_text(re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', text), encoding="utf-8")
    listed = "".join(f"- {change}\n" for change in changed)
    (repository / "CHANGES.md").write_text(f"# {version}\n\n{listed}", encoding="utf-8")
    if git(repository, "status", "--porcelain"):
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message", f"Release {version}")


def build(repository: Path) -> Path:
    """Build the package as one file that Python runs."""
    target = repository.parent / "slug.pyz"

    def belongs(path: Path) -> bool:
        return path.parts[0] == "slug" and "__pycache__" not in path.parts

    zipapp.create_archive(repository, target, main="slug.__main__:main", filter=belongs)
    return target


def run_app(app: Path, *words: str) -> str:
    """Return the output of a built package."""
    return _run([sys.executable, "-B", str(app), *words], app.parent).stdout.strip()


def tag(repository: Path, version: str, notes: str) -> None:
    """Tag the release. The notes are the tag's message."""
    git(repository, "tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--file=-", text=notes)


def _run(
    command: list[str], folder: Path, *, text: str | None = None, env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    env = {**(env or os.environ), "PYTHONUTF8": "1"}
    done = subprocess.run(command, cwd=folder, input=text, env=env, capture_output=True, encoding="utf-8", check=False)
    if check and done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done
