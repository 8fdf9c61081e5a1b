"""Operations: a cell or a function as a flat list that can be stopped and resumed anywhere.

A `Program` is a list of `Op`s. Simple statements become one or a few operations that Python itself compiles
and runs; control flow becomes jumps, and blocks that `machine.py` keeps on an explicit stack. So the whole
position of a run is data: an index into the list, and that stack.

`layout.py` and `expressions.py` make the operations; here is what one is, and what follows from their order:
where control may go, and which names are still read behind a position.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable
from types import CodeType

from .bindings import binds
from .taskgroups import names_made

FORMAT = 3
"""Version of the layout. A snapshot names an index into it, so it goes on only under the same number."""

Label = tuple[tuple[str | int, ...], int]


class Op:
    """One operation.

    Attributes:
        kind: what the machine does; see `machine.py`.
        nodes: the statements or the one expression that Python runs, if any.
        target: where it jumps to, resolved to an index.
        name: a variable or temporary that it stores to.
        depth: for "leave": how many blocks stay.
        drops: temporaries that nothing reads behind this operation.
        callee: the temporary with what it calls, if its value is that of one call that its own code makes: a
            checkpoint called so is resumed behind the call.
        line: line of the statement in its file.
        label: path of the statement in the syntax tree, and the operation's number within it.
    """

    __slots__ = (
        *("_binds", "_code", "_digest", "_reads", "_touching", "callee", "depth", "drops", "kind"),
        *("label", "line", "name", "nodes", "target", "targets"),
    )

    def __init__(self, kind: str, nodes: ast.expr | list[ast.stmt] | None, label: Label, line: int) -> None:
        self.kind = kind
        self.nodes = nodes
        self.label = label
        self.line = line
        self.target = -1
        self.targets: list[int] = []
        self.name = ""
        self.depth = 0
        self.drops: list[str] = []
        self.callee = ""
        self._code: CodeType | None = None
        self._digest = ""
        self._reads: set[str] | None = None
        self._touching: list[ast.AST] = []
        self._binds: set[str] | None = None

    def code(self, generate: Callable[[Op], CodeType]) -> CodeType:
        """The compiled code, made at first use."""
        if self._code is None:
            self._code = generate(self)
        return self._code

    def compiled_to(self, code: CodeType) -> bool:
        """Whether `code` is this operation's."""
        return code is self._code

    def contains(self, code: CodeType) -> bool:
        """Whether `code` is this operation's, or that of a comprehension or a lambda in it."""
        todo = [] if self._code is None else [self._code]
        for one in todo:  # grows
            if one is code:
                return True
            todo += [each for each in one.co_consts if isinstance(each, CodeType)]
        return False

    @property
    def digest(self) -> str:
        """What the operation means, as a hash: equal for equal syntax, whatever its place and layout."""
        if not self._digest:
            nodes = self.nodes if isinstance(self.nodes, list) else [] if self.nodes is None else [self.nodes]
            text = "|".join([self.kind, self.name, *(ast.dump(node) for node in nodes)])
            self._digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self._digest

    def reads(self) -> set[str]:
        """Names that it may read, nested scopes included."""
        if self._reads is None:  # every save asks
            self._reads = set()
            for node in (n for root in self.tree() for n in ast.walk(root)):
                if isinstance(node, ast.Name):
                    if not isinstance(node.ctx, ast.Store):
                        self._reads.add(node.id)
                elif isinstance(node, _TOUCHING):
                    self._touching.append(node)
            if self.kind == "group":
                self._reads -= set(names_made(self))
        return self._reads

    def touching(self) -> list[ast.AST]:
        """Attributes, items, calls and imports in it."""
        self.reads()
        return self._touching

    def binds(self) -> set[str]:
        """Names that it may bind, once it was begun."""
        if self._binds is None:  # every save asks
            self._binds = binds(self.tree())
        return self._binds

    def writes(self) -> set[str]:
        """Names that it surely binds."""
        found = {self.name} if self.kind in ("let", "bind") else set[str]()
        if self.kind == "do":
            for node in self.tree():
                if isinstance(node, ast.Assign):
                    found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        return found | set(names_made(self)) if self.kind == "group" else found

    def tree(self) -> list[ast.AST]:
        """The syntax nodes, always as a list."""
        if self.nodes is None:
            return []
        return list(self.nodes) if isinstance(self.nodes, list) else [self.nodes]


_TOUCHING = (ast.Attribute, ast.Subscript, ast.Call, ast.Import, ast.ImportFrom)


class Program:
    """The operations of one cell or function, and the source they came from."""

    def __init__(self, ops: list[Op], source: str, prefix: str) -> None:
        self.ops = ops
        self.source = source
        self.prefix = prefix
        self._index: dict[Label, int] | None = None
        self._live: list[set[str]] | None = None

    def at(self, label: Label) -> int | None:
        """Index of the operation with this label."""
        if self._index is None:
            self._index = {op.label: i for i, op in enumerate(self.ops)}
        return self._index.get(label)

    def successors(self, i: int) -> Iterable[int]:
        """Where control may go after operation `i`, exceptions aside."""
        op = self.ops[i]
        yield from (t for t in (op.target, *op.targets) if t >= 0)
        if op.kind not in ("jump", "leave", "return", "reraise"):
            yield i + 1

    def live(self, starts: Iterable[int]) -> set[str]:
        """Names that may still be read before they are bound again, when control is at `starts`."""
        if self._live is None:
            self._live = self._liveness()
        return {name for i in starts if i < len(self.ops) for name in self._live[i]}

    def _liveness(self) -> list[set[str]]:
        """The textbook backward data-flow analysis, to its fixed point."""
        ops = self.ops
        reads = [op.reads() for op in ops]
        writes = [op.writes() for op in ops]
        live: list[set[str]] = [set() for _ in ops]
        changed = True
        while changed:
            changed = False
            for i in range(len(ops) - 1, -1, -1):
                after = {name for j in self.successors(i) if j < len(ops) for name in live[j]}
                now = reads[i] | (after - writes[i])
                if now != live[i]:
                    live[i] = now
                    changed = True
        return live
