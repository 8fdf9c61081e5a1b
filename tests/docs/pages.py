"""The pages of the documentation as tests read them: their blocks of code, and what each block is for.

| block | meaning |
|---|---|
| `python` | a cell of the page's notebook, in order |
| `python FILE` | a file in the same folder, for a command of the page |
| `text` | what the last cell before it prints |
| `toml` | the policy file beside the notebook |
| `toml channels` | a file of channels |
| `json` | the decisions file of the notebook |
| `console` | commands: lines with `$ ` are executed, and their output follows; other commands must exist |

Any other block, and one that cannot be executed, has a comment above it: `<!-- not run: the reason -->`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
NOTEBOOK = re.compile(r"^<!-- notebook: (\S+) -->$", re.MULTILINE)

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n+)?^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
        language: the first word behind the fence.
        more: the words behind it: the name of a file, say.
        reason: why it is not executed; "" for a block that is.
        line: its number in the page.
    """

    language: str
    more: str
    text: str
    reason: str
    line: int


@dataclass(frozen=True)
class Page:
    """One page."""

    name: str
    text: str

    @property
    def blocks(self) -> list[Block]:
        """Its blocks, in order."""
        found: list[Block] = []
        for match in _BLOCK.finditer(self.text):
            language, _, more = match["info"].strip().partition(" ")
            if language.startswith("{"):
                continue  # a directive
            line = self.text.count("\n", 0, match.start("fence")) + 1
            found.append(Block(language, more.strip(), match["text"], match["reason"] or "", line))
        return found

    def executed_blocks(self, language: str, more: str = "") -> list[str]:
        """The texts of its executed blocks of a language."""
        return [b.text for b in self.blocks if (b.language, b.more, b.reason) == (language, more, "")]

    @property
    def cells(self) -> list[str]:
        """The cells of its notebook."""
        return self.executed_blocks("python")

    @property
    def notebook(self) -> str:
        """The name of its notebook."""
        found = NOTEBOOK.search(self.text)
        return found[1] if found else "story.ipynb"

    @property
    def files(self) -> dict[str, str]:
        """The files that it shows, by name."""
        return {b.more: b.text for b in self.blocks if b.language == "python" and b.more and not b.reason}

    @property
    def session(self) -> list[tuple[str, str]]:
        """Its executed commands, each with the output that the page shows."""
        found: list[tuple[str, str]] = []
        for text in self.executed_blocks("console"):
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append((command, output))
        return found

    @property
    def outputs(self) -> list[tuple[int, str]]:
        """What cells print, each with the number of its cell from 0."""
        index, found = -1, list[tuple[int, str]]()
        for block in self.blocks:
            if block.reason or block.more:
                continue
            index += block.language == "python"
            if block.language == "text":
                found.append((index, block.text))
        return found


def read_pages() -> dict[str, Page]:
    """All pages under docs/, by their path, and those of the repository's root."""
    files = [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]
    names = {file: str(file.relative_to(DOCS if DOCS in file.parents else ROOT)) for file in files}
    return {
        name: Page(name, file.read_text(encoding="utf-8"))
        for file, name in sorted(names.items(), key=lambda pair: pair[1])
        if "_build" not in name
    }
