"""Check the names of functions, classes and files against the naming rules of CONTRIBUTING.md.

Usage: ``python tools/name_lint.py [ROOT]``. Prints one line per problem; exit code 1 if there are any.

Rules:
    participle: No function, class or file is named by one word that is a participle or an adverb (``told``, ``apart``).
        In tests, this holds for functions and methods. TypeScript's accessors are properties and are not checked.
    homonym: No two classes of a language have the same name, apart from a leading underscore or interface ``I``.
    one-letter: No parameter and no field of a class has a name of one letter, other than those in ``SHORT_NAMES``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

IRREGULAR_PARTICIPLES = frozenset(
    [
        *("begun", "born", "broken", "built", "cut", "done", "drawn", "found", "given", "gone", "heard", "held"),
        *("hidden", "kept", "known", "left", "lost", "made", "meant", "put", "read", "said", "seen", "sent", "set"),
        *("shown", "spelled", "spoken", "taken", "told", "written"),
    ]
)
ADVERBS = frozenset(
    ["again", "apart", "before", "behind", "here", "inside", "late", "once", "outside", "soon", "there", "within"]
)
NOUNS = frozenset(
    [
        *(
            "binding",
            "bring",
            "embed",
            "feed",
            "heading",
            "logging",
            "mapping",
            "need",
            "rendering",
            "seed",
            "setting",
            "speed",
        ),
        *("signing", "string", "thing", "timing"),
    ]
)
"""Words in -ed and -ing that are not participles, or are also nouns."""

PROGRAMS = "tests/cases/programs/"
"""Programs of users, which have the names that users give."""

ALLOWED_NAMES: Mapping[str, str] = {
    "approved": "public: `hitl_nb.Decision.approved`",
    "closed": "as in `io.IOBase.closed`",
    "done": "as in `concurrent.futures.Future.done`",
    "locked": "as in `asyncio.Lock.locked`",
    "reviewed": "public: `hitl_nb.integrations.openai_agents.reviewed`, and the same of other frameworks",
    "passed": "public: `hitl_nb.guardrails.passed`",
    "decided": "public: `hitl_nb.decided`",
    "held": "public: `hitl_nb.held`",
    "put": "as in `queue.Queue.put`, `diskcache.Disk.put` and Tornado's handlers",
    "read": "as in `io.IOBase.read`",
    "types.generated": "TypeScript: says that nobody edits the file",
    "unused": "public: `hitl_nb.testing.ScriptedReviewer.unused`",
    "Written": "public: `hitl_nb.Written`",
    "Paused": "public error",
    "Rejected": "public error",
    "Unanswered": "public error",
    "Untrusted": "public error",
}
"""Names that are allowed everywhere, with the reason."""

ALLOWED_HOMONYMS: Mapping[str, str] = {
    "Props": "TypeScript: the props of the component of the same file",
}
"""Class names that may be defined more than once, with the reason."""

SHORT_NAMES = frozenset("abijknxy_")
"""Names for two operands, counters, coordinates, numbers of things, and unused values."""

FIELDS_OF_FORMATS: Mapping[str, str] = {
    "LogHead.h": "stored",
}
"""Fields of one letter that are stored or sent, with the reason."""

SCRIPT_FUNCTION = re.compile(
    r"^\s*(?:export )?(?:default )?(?:async )?function\*?\s+(?P<function>[A-Za-z]\w*)"
    r"|^\s*(?:export )?const (?P<arrow>\w+)(?:: [^=\n]+)? = (?:async )?(?:\([^()\n]*\)|\w+)(?:: [^=\n]+)? =>"
    r"|^ {2}(?:(?:private|protected|public|static|override|async) )*(?P<method>\w+)\([^\n]*\)(?:: [^;\n]+)? \{$",
    re.MULTILINE,
)
"""Functions, functions that are constants, and methods whose head is one line."""

SCRIPT_DECLARATION = re.compile(
    r"^(?:export )?(?:default )?(?:abstract )?(?:async )?(function|class|interface|type)\s+([A-Za-z]\w*)(.*)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class NameProblem:
    """One name that breaks a rule.

    Attributes:
        path: File, relative to the root.
        line: Line number, from 1.
        name: The name.
        rule: Name of the rule.
        detail: Description of the problem, for people.
    """

    path: str
    line: int
    name: str
    rule: str
    detail: str

    def format_line(self) -> str:
        """Format the problem as a line of output."""
        return f"{self.path}:{self.line}: {self.name}: {self.detail} ({self.rule})"


@dataclass(frozen=True)
class ClassDefinition:
    """A class or type, by its name without a leading underscore or interface `I`."""

    path: str
    line: int
    name: str
    plain_name: str
    is_contract: bool = False
    implements: frozenset[str] = frozenset()


def is_participle(name: str) -> bool:
    """Return whether a name is a single participle or adverb. Python's special names, as `__missing__`, are not."""
    bare = name.strip("_")
    if name.startswith("__") or bare in ALLOWED_NAMES or re.search(r"[_-]|.[A-Z]", bare):
        return False
    word = bare.lower()
    if word in IRREGULAR_PARTICIPLES or word in ADVERBS:
        return True
    return len(word) > 4 and word.endswith(("ed", "ing")) and word not in NOUNS


def find_problems(root: Path) -> list[NameProblem]:
    """Check all sources below a root that has `hitl_nb/` and `extension/src/`.

    Args:
        root: Folder of the repository.

    Returns:
        The problems, ordered by path and line.
    """
    problems: list[NameProblem] = []
    python_classes: list[ClassDefinition] = []
    for path in sorted((root / "hitl_nb").rglob("*.py")):
        relative = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        problems += _check_file_name(relative, path.stem)
        problems += _check_python(relative, tree)
        python_classes += _list_python_classes(relative, tree)
    for path in sorted((root / "tests").rglob("*.py")):
        relative = path.relative_to(root).as_posix()
        if not relative.startswith(PROGRAMS):
            problems += _check_functions(relative, ast.parse(path.read_text(encoding="utf-8")))
    script_classes: list[ClassDefinition] = []
    for path in sorted((root / "extension" / "src").rglob("*.ts*")):
        relative = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        problems += _check_file_name(relative, path.stem)
        problems += _check_script(relative, text)
        script_classes += _list_script_classes(relative, text)
    for path in sorted((root / "extension" / "tests").rglob("*.ts*")):
        problems += _check_script_functions(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
    problems += _check_homonyms(python_classes)
    problems += _check_homonyms(script_classes)
    return sorted(problems, key=lambda problem: (problem.path, problem.line, problem.name))


def _check_file_name(path: str, stem: str) -> Iterator[NameProblem]:
    if is_participle(stem):
        yield NameProblem(path, 1, stem, "participle", "a file is named by a noun")


def _check_functions(path: str, tree: ast.Module) -> Iterator[NameProblem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_participle(node.name):
            yield NameProblem(
                path, node.lineno, node.name, "participle", "a function is named by a verb with its object"
            )


def _check_python(path: str, tree: ast.Module) -> Iterator[NameProblem]:
    yield from _check_functions(path, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            if is_participle(node.name):
                yield NameProblem(path, node.lineno, node.name, "participle", "a class is named by a noun")
            yield from _check_fields(path, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _check_parameters(path, node)


def _check_fields(path: str, definition: ast.ClassDef) -> Iterator[NameProblem]:
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            qualified = f"{definition.name}.{name}"
            if _is_too_short(name) and qualified not in FIELDS_OF_FORMATS:
                yield NameProblem(path, statement.lineno, qualified, "one-letter", "a field has a word as its name")


def _check_parameters(path: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[NameProblem]:
    arguments = function.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        if _is_too_short(argument.arg):
            name = f"{function.name}({argument.arg})"
            yield NameProblem(path, argument.lineno, name, "one-letter", "a parameter has a word as its name")


def _is_too_short(name: str) -> bool:
    return len(name) == 1 and name not in SHORT_NAMES


def _list_python_classes(path: str, tree: ast.Module) -> Iterator[ClassDefinition]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield ClassDefinition(path, node.lineno, node.name, node.name.lstrip("_"))


def _check_script(path: str, text: str) -> Iterator[NameProblem]:
    yield from _check_script_functions(path, text)
    for declaration in SCRIPT_DECLARATION.finditer(text):
        keyword, name = declaration[1], declaration[2]
        if keyword != "function" and is_participle(_without_interface_letter(name)):
            yield NameProblem(path, _line_of(text, declaration), name, "participle", f"a {keyword} is named by a noun")


def _check_script_functions(path: str, text: str) -> Iterator[NameProblem]:
    for function in SCRIPT_FUNCTION.finditer(text):
        name = function[function.lastgroup or 0]
        if is_participle(name):
            line = text.count("\n", 0, function.start(function.lastgroup or 0)) + 1
            yield NameProblem(path, line, name, "participle", "a function is named by a verb with its object")


def _list_script_classes(path: str, text: str) -> Iterator[ClassDefinition]:
    for declaration in SCRIPT_DECLARATION.finditer(text):
        keyword, name, rest = declaration[1], declaration[2], declaration[3]
        if keyword == "function":
            continue
        implemented = re.search(r"\bimplements\s+([\w\s,.<>]+)", rest)
        yield ClassDefinition(
            path,
            _line_of(text, declaration),
            name,
            _without_interface_letter(name),
            is_contract=keyword == "interface",
            implements=frozenset(re.findall(r"\w+", implemented[1])) if implemented else frozenset(),
        )


def _without_interface_letter(name: str) -> str:
    return re.sub(r"^I(?=[A-Z])", "", name)


def _line_of(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1


def _check_homonyms(classes: Iterable[ClassDefinition]) -> Iterator[NameProblem]:
    by_name: dict[str, list[ClassDefinition]] = defaultdict(list)
    for definition in classes:
        by_name[definition.plain_name].append(definition)
    for name, definitions in by_name.items():
        if name in ALLOWED_HOMONYMS or len(_distinct_meanings(definitions)) < 2:
            continue
        places = ", ".join(f"{one.path}:{one.line}" for one in definitions)
        for definition in definitions:
            yield NameProblem(
                definition.path, definition.line, definition.name, "homonym", f"the name has several meanings: {places}"
            )


def _distinct_meanings(definitions: list[ClassDefinition]) -> list[ClassDefinition]:
    """Return the definitions without interfaces that another definition implements: both have one meaning."""
    implemented = frozenset[str]().union(*(definition.implements for definition in definitions))
    return [one for one in definitions if not (one.is_contract and one.name in implemented)]


def main(arguments: list[str]) -> int:
    """Print the problems below the root that the arguments name (default: this repository)."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    problems = find_problems(root)
    for problem in problems:
        print(problem.format_line())
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
