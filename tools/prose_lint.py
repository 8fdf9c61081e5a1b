"""Check docstrings, comments, messages and pages against the language guide of CONTRIBUTING.md.

Usage: ``python tools/prose_lint.py [--count] [PATH ...]``. Prints one line per problem; exit code 1 if there are any.

Rules:
    phrase: No phrase of ``PHRASES``: idioms that readers with English as a second language have to guess.
    subject: No sentence has "what", "who" or "whoever" as its subject. Questions may begin with them.
    long: No sentence has more than ``MAX_WORDS`` words.

Not checked are text in backticks and in quotation marks, which is code or a quotation; and targets of links. Style
sheets, SQL and Python in strings, and keys of dictionaries are not prose either. A row of a table and a list of code
names do not count as one long sentence.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_WORDS = 25

PHRASES = {
    r"go(?:es|ing)? on|went on": "continue",
    r"stands?(?= (?:in|at|on|there|beside|for|behind|still|above|below|alone|before|as|where|here)\b)": "is",
    r"c[ao]mes? to(?! an?\b)": "say which value or state it is",
    r"(?:is|are) another(?= *[.;,:)]|$)": "differs",
    r"be it|be they": "whether",
    r"makes? it so": "say what it does",
    r"tells? of": "describes, reports",
    r"anew": "again",
    r"worth a word": "leave it out",
    r"whoever|whosoever": "name who",
    r"nobody can ask": "say what cannot be checked",
    r"no(?:thing|body) (?:that|who) (?:is|has|does) no\w*": "say it without a double negation",
    r"(?:room|feed|server|store|kernel|page) hears?": "receives",
    r"at hand": "current",
    r"in one go": "together",
    r"by and by": "gradually",
    r"ere|thereof|therein|wherein|whereof|hitherto|albeit|lest": "a present-day word",
}
_PHRASES = [(re.compile(rf"\b(?:{phrase})", re.IGNORECASE), advice) for phrase, advice in PHRASES.items()]
_SUBJECT = re.compile(r"^[*_(]*(?:What|Who|Whoever)\b(?!.*\?[!*_)]*(?: \([^()]*\))?$)", re.DOTALL)
_QUOTED = re.compile(
    r"`[^`]*`|(?<=\])\([^()\s]*\)|\"[^\"\n]*\"|(?<![\w\"])\"(?=\S)[^\"\n]*\n[^\"\n]*(?<=\S)\"(?!\w)|“[^”]*”"
    r"|(?<!\w)'[^'\n]{2,}'(?!\w)|<[^>\n]+>|https?://\S+"
)
_CODE_LIST = re.compile(r"\bX(?:(?:,|,? (?:and|or))\s+X\b)+")
_SENTENCE_END = re.compile(
    r"(?<=[.!?:;])[*_)]*\s+(?=[*_(\[]*[A-Z0-9`\"])"
    r"|\n\s*\n|\n\s*(?:[-*|]|\d+\.)\s|\n(?=\s+[*\w][\w, *]*: )|\f"
)
_TABLE_ROW = re.compile(r"^(?=.*\S {2,}\S| {24,}\S|[ │]*[├└]).+$", re.MULTILINE)
_STYLE_SHEET = re.compile(r"\s*<style|[^{}]*\{[^{}]*:[^{}]*;\s*\}")
_SQL = re.compile(r"^\s*(?:CREATE (?:TABLE|TRIGGER|INDEX)|SELECT|INSERT INTO|DELETE FROM)\b|\bON CONFLICT\(")
_TYPESCRIPT_TEXT = re.compile(
    r"/\*\*?(?P<block>.*?)\*/|(?<![:\\])//(?P<line>[^\n]*)|__\(\s*'(?P<ui>(?:[^'\\]|\\.)*)'", re.DOTALL
)


@dataclass(frozen=True)
class Text:
    """A piece of prose.

    Attributes:
        path: Path of its file, from the repository's root.
        line: Number of its first line.
        text: The text as written, without comment marks.
    """

    path: Path
    line: int
    text: str


@dataclass(frozen=True, order=True)
class ProseProblem:
    """A sentence that breaks a rule, with the path of its file and its line."""

    path: str
    line: int
    rule: str
    message: str


def python_texts(path: Path, source: str) -> Iterator[Text]:
    """Yield docstrings, comments, and other strings of three words or more that are no code."""
    nodes = list(ast.walk(ast.parse(source)))
    keys = {id(key) for node in nodes if isinstance(node, ast.Dict) for key in node.keys}
    for node in nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in keys:
            continue
        if node.value.count(" ") >= 2 and not _is_code(node.value):
            yield Text(path, node.lineno, node.value)
    comments: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if comments and not (
                token.start[0] == comments[-1].start[0] + 1 and token.start[1] == comments[-1].start[1]
            ):
                yield _join_comments(path, comments)
                comments = []
            comments.append(token)
    if comments:
        yield _join_comments(path, comments)


def _is_code(text: str) -> bool:
    """Return whether a string is a style sheet, SQL or Python."""
    if _STYLE_SHEET.match(text) or _SQL.search(text):
        return True
    try:
        return bool(ast.parse(text).body)
    except (SyntaxError, ValueError):
        return False


def _join_comments(path: Path, comments: list[tokenize.TokenInfo]) -> Text:
    return Text(path, comments[0].start[0], "\n".join(one.string.lstrip("#! ") for one in comments))


def typescript_texts(path: Path, source: str) -> Iterator[Text]:
    """Yield comments, and texts of the user interface."""
    for found in _TYPESCRIPT_TEXT.finditer(source):
        text = re.sub(r"^\s*\*", "", next(part for part in found.groups() if part is not None), flags=re.MULTILINE)
        yield Text(path, source.count("\n", 0, found.start()) + 1, text)


def markdown_texts(path: Path, source: str) -> Iterator[Text]:
    """Yield all paragraphs, without blocks of code."""
    plain = re.sub(
        r"^(```|~~~).*?^\1", lambda found: "\n" * found[0].count("\n"), source, flags=re.MULTILINE | re.DOTALL
    )
    line = 1
    for paragraph in re.split(r"(\n\s*\n)", plain):
        if paragraph.strip():
            yield Text(path, line, paragraph)
        line += paragraph.count("\n")


def check_text(text: Text) -> Iterator[ProseProblem]:
    """Yield the problems of one text, each with its line."""
    plain = _QUOTED.sub(lambda found: "X" + "\n" * found[0].count("\n"), text.text)
    plain = _CODE_LIST.sub(lambda found: "X" + "\n" * found[0].count("\n"), plain)
    plain = _TABLE_ROW.sub(lambda found: f"\f{found[0]}\f", plain)
    for pattern, advice in _PHRASES:
        for found in pattern.finditer(plain):
            line = text.line + plain.count("\n", 0, found.start())
            yield ProseProblem(str(text.path), line, "phrase", f"{found[0]!r}: {advice}")
    at = 0
    for sentence in _SENTENCE_END.split(plain):
        at = plain.find(sentence, at)
        line, words = text.line + plain.count("\n", 0, at), re.findall(r"[\w'-]+", sentence)
        if _SUBJECT.match(sentence.strip()):
            yield ProseProblem(str(text.path), line, "subject", f"{sentence.strip()[:50]!r}: name the subject")
        if len(words) > MAX_WORDS and "|" not in sentence:
            yield ProseProblem(str(text.path), line, "long", f"{len(words)} words: {sentence.strip()[:40]!r} ...")


READERS = {".py": python_texts, ".ts": typescript_texts, ".tsx": typescript_texts, ".md": markdown_texts}
FOLDERS = ("hitl_nb", "extension/src", "docs", "tools", "examples")
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASE.md")


def find_problems(root: Path, paths: list[str]) -> list[ProseProblem]:
    """Find the problems of the files below `root` that git knows, sorted by place.

    Args:
        root: Root of the repository.
        paths: Beginnings of the files' names. Empty: `FOLDERS` and `PAGES`.
    """
    known = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split()
    wanted = tuple(paths or (*FOLDERS, *PAGES))
    problems: list[ProseProblem] = []
    for name in known:
        path = Path(name)
        if path.suffix in READERS and name.startswith(wanted) and (root / path).exists():
            source = (root / path).read_text("utf-8")
            for text in READERS[path.suffix](path, source):
                problems += check_text(text)
    return sorted(set(problems))


def main(arguments: list[str]) -> int:
    """Print the problems; with ``--count``, their number per folder."""
    problems = find_problems(ROOT, [one for one in arguments if one != "--count"])
    if "--count" in arguments:
        counts = Counter((problem.rule, "/".join(problem.path.split("/")[:2])) for problem in problems)
        for (rule, folder), count in sorted(counts.items()):
            print(f"{rule:8} {count:5} {folder}")
    else:
        for problem in problems:
            print(f"{problem.path}:{problem.line}: {problem.message} ({problem.rule})")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
