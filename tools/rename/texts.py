"""What a rename leaves behind in text: backticked names in comments and docstrings, dotted paths in strings, CSS classes."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections import defaultdict
from pathlib import Path

from pyindex import PythonIndex
from pyrename import Row

IMPORT_IN_STRING = re.compile(r"from\s+(hitl_nb[\w.]*|tests[\w.]*)\s+import\s+\(?([\w, ]+)\)?")
DOTTED = re.compile(r"\bhitl_nb(?:\.\w+)+(?::\w+(?:\.\w+)*)?")


def tracked(root: Path, *patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    return [one for one in listed if one and (root / one).is_file() and "node_modules" not in one]


class TextRenamer:
    """Works on the old index (names before) and on the files as they are after the edits."""

    def __init__(self, root: Path, index: PythonIndex, rows: list[Row]) -> None:
        self.root, self.index = root, index
        self.rows = [row for row in rows if row.state == "applied"]
        self.reports: list[str] = []
        self.top = {(row.found, row.qualified): row for row in self.rows if row.qualified and not row.is_local}
        classes = {row.bare: row.new for row in self.rows if not row.is_local and "." not in row.old}
        dotted: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row.is_member:
                owner, member = row.old.rsplit(".", 1)
                owner = owner.split(".")[-1]
                if owner[:1].isupper() or owner[:2].startswith("_"):
                    dotted[f"{owner}.{member}"].add(f"{classes.get(owner, owner)}.{row.new}")
        self.dotted = {old: news.pop() for old, news in dotted.items() if len(news) == 1}
        self.by_file: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        everywhere: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row.is_local:
                continue
            for file in row.edits:
                if not self._is_local_too(file, row.bare):
                    self.by_file[file][row.bare].add(row.new)
            if not row.is_member and (re.search(r"[a-z][A-Z]|_", row.bare.strip("_")) or row.bare[:1].isupper()):
                everywhere[row.bare].add(row.new)
        self.everywhere = {
            old: news.pop() for old, news in everywhere.items() if len(news) == 1 and len(index.by_name.get(old, [])) <= 1
        }

    def _is_local_too(self, file: str, name: str) -> bool:
        """Whether a plain word is a parameter or local as well, so that its backticks may mean that."""
        index = self.index.files[file]
        return name.isalpha() and name.islower() and any(
            name in names and index.kinds.get(scope) in ("function", "method") for scope, names in index.scopes.items()
        )

    def python(self, path: str, text: str) -> str:
        """Comments, docstrings and strings of one file, after its symbols were renamed."""
        lines = text.split("\n")
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
            tree = ast.parse(text)
        except (SyntaxError, tokenize.TokenError):
            self.reports.append(f"{path}: cannot be read after the renames")
            return text
        documents = {
            node.value.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        }
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        pieces, last = [], 0
        for token in tokens:
            if token.type not in (tokenize.COMMENT, tokenize.STRING):
                continue
            begin = starts[token.start[0] - 1] + token.start[1]
            end = starts[token.end[0] - 1] + token.end[1]
            old = text[begin:end]
            if token.type == tokenize.COMMENT or token.start[0] in documents:
                new = self.prose(path, old)
            else:
                new = self.strings(old)
            pieces += [text[last:begin], new]
            last = end
        return "".join([*pieces, text[last:]])

    def prose(self, path: str, text: str) -> str:
        text = self.paths(text)
        for old, new in self.dotted.items():
            if old in text:
                text = re.sub(rf"(?<![\w.]){re.escape(old)}\b", new, text)
        names = self.by_file.get(path, {})

        def quoted(found: re.Match[str]) -> str:
            def word(one: re.Match[str]) -> str:
                name = one[0]
                if one.start() and found[1][one.start() - 1] == "." and name not in names:
                    return name
                if name in names and len(names[name]) == 1:
                    return next(iter(names[name]))
                return self.everywhere.get(name, name)

            return "`" + re.sub(r"[A-Za-z_]\w*", word, found[1]) + "`" if "\n" not in found[1] else found[0]

        return re.sub(r"(?<!`)`([^`\n]{1,80})`(?!`)", quoted, text)

    def strings(self, text: str) -> str:
        if "hitl_nb" not in text and "import" not in text:
            return text
        for found in list(IMPORT_IN_STRING.finditer(text)):
            for name in found[2].split(","):
                name = name.strip().split(" as ")[0].strip()
                target = self.index.resolve_dotted(f"{found[1]}.{name}") if name else None
                row = self.top.get(target) if isinstance(target, tuple) else None
                if row:
                    text = re.sub(rf"(?<![\w.]){re.escape(name)}\b", row.new, text)
        return self.paths(text)

    def paths(self, text: str) -> str:
        """`hitl_nb.store.claims.Claims.take` and `hitl_nb.cli:main`, wherever they stand."""

        def renamed(found: re.Match[str]) -> str:
            whole = found[0]
            flat = whole.replace(":", ".")
            target = self.index.resolve_dotted(flat)
            if not isinstance(target, tuple) or not target[1]:
                return whole
            path, name = target
            parts = name.split(".")
            fresh = [
                self.top[path, ".".join(parts[: i + 1])].new if (path, ".".join(parts[: i + 1])) in self.top else part
                for i, part in enumerate(parts)
            ]
            if fresh == parts:
                return whole
            head = whole[: len(whole) - len(name)]
            return head + ".".join(fresh)

        return DOTTED.sub(renamed, text)

    def plain(self, path: str, text: str) -> str:
        """Markdown, TOML, JSON: dotted paths; `Class.member`; backticked long names."""
        text = self.paths(text)
        return self.prose(path, text) if path.endswith(".md") else text


def rename_css(root: Path, rows: list[dict[str, str]]) -> list[str]:
    """`jp-hitl-OLD` and `jp-hitl-OLD-x` become `jp-hitl-NEW`, `jp-hitl-NEW-x`. Longer names win, so that chains do not arise."""
    if not rows:
        return []
    table = {row["css"].removeprefix("jp-hitl-").strip("-"): row["new"].removeprefix("jp-hitl-").strip("-") for row in rows}
    table = {old: new for old, new in table.items() if old != new}
    names = "|".join(re.escape(one) for one in sorted(table, key=len, reverse=True))
    # `-m` (modifier) classes are `jp-hitl-mod-x`, and a name that only starts alike (`-here` and `-hereafter`) is another
    expression = re.compile(rf"jp-hitl-({names})(?=-[a-z$]|[^\w-]|-?$|--)", re.MULTILINE)
    folders = ["extension/style", "extension/src", "extension/tests", "tests", "docs", "hitl_nb", "benchmarks", "examples"]
    changed = []
    for path in tracked(root, *folders):
        if not path.endswith((".css", ".ts", ".tsx", ".py", ".md", ".html", ".json", ".mjs")):
            continue
        text = (root / path).read_text(encoding="utf-8")
        if "jp-hitl-" not in text:
            continue
        fresh = expression.sub(lambda found: "jp-hitl-" + table[found[1]], text)
        if fresh != text:
            (root / path).write_text(fresh, encoding="utf-8")
            changed.append(path)
    return changed


def typescript_comments(text: str, names: dict[str, str]) -> str:
    """Backticked names in comments."""
    if not names:
        return text

    def comment(found: re.Match[str]) -> str:
        def quoted(one: re.Match[str]) -> str:
            return "`" + re.sub(r"[A-Za-z_]\w*", lambda word: names.get(word[0], word[0]), one[1]) + "`"

        return re.sub(r"`([^`\n]{1,80})`", quoted, found[0])

    return re.sub(r"/\*.*?\*/|(?<![:'\"`])//[^\n]*", comment, text, flags=re.DOTALL)
