"""Final form of the code objects that Python compiled from an instrumented syntax tree.

Python's compiler cannot make it. The added parts are qualified names, the user's line numbers, the object `RUNTIME`,
and a constant that identifies the unit and function. Instrumented code calls functions of `RUNTIME`. A *unit* is the
compiled source of one cell or module.
"""

from __future__ import annotations

import dis
import inspect
import types
from array import array
from collections.abc import Mapping
from typing import Any

from hitl_nb.engine.compile.line_relocation import relocate_code
from hitl_nb.engine.compile.runtime.runtime import FUNCTION_MARK
from hitl_nb.engine.compile.runtime.runtime import RUNTIME as RUNTIME_OBJECT
from hitl_nb.engine.compile.tree.line_table import LineTableWriter
from hitl_nb.engine.compile.tree.nodes import RUNTIME
from hitl_nb.engine.compile.tree.scopes import InstrumentedFunction, build_qualified_name
from hitl_nb.engine.compile.tree.trees import SourceTree, read_first_number

_LOAD_CONST, _STORE_NAME = dis.opmap["LOAD_CONST"], dis.opmap["STORE_NAME"]
_FIRST_LINE_NAME = "__firstlineno__"


class CodePlaces:
    """Tells from which syntax node each instruction of a code object was compiled.

    `places[i]` is (node number, column) of the instruction at code unit `i` (two bytes of bytecode each, 0-based). The
    line table of the compiler is decoded at the first access, because few code objects are ever looked up.
    """

    __slots__ = ("_compiled_from", "_decoded")

    def __init__(self, code: types.CodeType, table: bytes, first_number: int) -> None:
        """Keep the line table, which is decoded at the first access.

        Args:
            code: The finished code object.
            table: The line table as the compiler made it; it has node numbers in place of lines.
            first_number: Node number of the first line of `table`.
        """
        self._compiled_from = code, table, first_number
        self._decoded: tuple[array[int], bytes] | None = None

    def __getitem__(self, unit: int) -> tuple[int, int]:
        numbers, columns = self._decoded or self._decode_places()
        return numbers[unit], columns[unit]

    def as_bytes(self) -> bytes:
        """Return the node numbers and columns of all instructions as bytes, for a comparison or a hash."""
        numbers, columns = self._decoded or self._decode_places()
        return numbers.tobytes() + columns

    def _decode_places(self) -> tuple[array[int], bytes]:
        code, table, first_number = self._compiled_from
        numbered = code.replace(co_linetable=table, co_firstlineno=first_number)
        lines, _, columns, _ = zip(*numbered.co_positions(), strict=True)
        self._decoded = array("I", [line or 0 for line in lines]), bytes([column or 0 for column in columns])
        return self._decoded


class Postprocessor:
    """Changes the code objects that Python has compiled from an instrumented syntax tree to their final form.

    It sets names and the user's line numbers, and adds the constants that instrumented code needs.

    Args:
        tree: The instrumented syntax tree.
        key: Key of the unit (the compiled source of one cell or module).
        left_native: (qualified name, first line) -> native code of the functions that are not instrumented.

    Attributes:
        finished_codes: One item for each finished function: (its final code, the function, the syntax nodes of its
            instructions).
    """

    def __init__(self, tree: SourceTree, key: str, left_native: Mapping[tuple[str, int], types.CodeType]) -> None:
        self.tree, self.key, self.left_native = tree, key, left_native
        self._loops, self._writer = tree.list_loop_numbers(), LineTableWriter()
        self.finished_codes: list[tuple[types.CodeType, InstrumentedFunction, CodePlaces]] = []

    def finish_code(
        self, code: types.CodeType, function: InstrumentedFunction | None = None, outer: tuple[str, str] = ("", "cell")
    ) -> types.CodeType:
        """Return the final form of a code object, with the user's names and line numbers.

        All code objects inside it are changed in the same way. If the function stays native (not instrumented), its
        native code is returned.

        Args:
            code: Code object as the compiler made it.
            function: The function of the code. None: the function is found by the first line of the code.
            outer: (qualified name, kind) of the code that contains this code. The kind is "cell", "class" or "def", for
                example.
        """
        function = function or self.tree.find_function(code)
        if function is not None:
            name, qualname, kind = function.name, function.qualname, function.kind
        else:
            name, kind = code.co_name, "def"
            qualname = build_qualified_name(name, *outer)
        first_line = self._find_first_line(code, function)
        native = self.left_native.get((qualname, first_line))
        if native is not None and native.co_freevars == code.co_freevars:
            return native
        constants = [self._replace_constant(value, code, qualname, kind) for value in code.co_consts]
        has_start = function is not None and kind != "cell"
        operations, table = relocate_code(
            *(code, self.tree.node_numbers, self._loops, first_line, self._writer), has_start=has_start
        )
        if kind == "class":
            operations = _insert_first_line(operations, code, constants, first_line)
        elif function is not None:
            constants.append((FUNCTION_MARK, self.key, function.number))
        is_outermost = function is not None and function.parent is not None and function.parent.kind == "cell"
        finished = code.replace(
            co_code=operations,
            co_flags=code.co_flags & ~inspect.CO_NESTED if is_outermost else code.co_flags,
            co_consts=tuple(constants),
            co_name=name,
            co_qualname=qualname,
            co_firstlineno=first_line,
            co_linetable=table,
        )
        if function is not None and kind != "class":
            self.finished_codes.append(
                (finished, function, CodePlaces(finished, code.co_linetable, code.co_firstlineno))
            )
        return finished

    def _replace_constant(self, value: Any, code: types.CodeType, qualname: str, kind: str) -> Any:
        if isinstance(value, types.CodeType):
            return self.finish_code(value, None, (qualname, kind))
        if not isinstance(value, str):
            return value
        if value == RUNTIME:
            return RUNTIME_OBJECT
        return qualname if kind == "class" and value == code.co_qualname else value

    def _find_first_line(self, code: types.CodeType, function: InstrumentedFunction | None) -> int:
        number = code.co_firstlineno if function is None else read_first_number(self.tree.nodes[function.number])
        position = self.tree.node_numbers.find_position(number)
        return position[0] if position is not None else 1


def _insert_first_line(operations: bytes, code: types.CodeType, constants: list[Any], first_line: int) -> bytes:
    """Return the instructions of a class body, changed so that the class gets the user's line as `__firstlineno__`.

    The compiler has stored a node number there. The attribute exists since Python 3.13; for older versions the
    instructions are returned unchanged.

    Args:
        operations: Bytes of the instructions.
        code: Code object of the class body.
        constants: Its constants; a constant is changed or appended.
        first_line: The user's line, 1-based.
    """
    if _FIRST_LINE_NAME not in code.co_names:
        return operations
    stored = bytes((_STORE_NAME, code.co_names.index(_FIRST_LINE_NAME)))
    at = next(i for i in range(2, len(operations), 2) if operations[i : i + 2] == stored)
    made = bytearray(operations)
    index = made[at - 1]
    uses = [i for i in dis.get_instructions(code) if i.opcode == _LOAD_CONST and i.arg == index]
    if made[at - 2] == _LOAD_CONST and len(uses) == 1:
        constants[index] = first_line
    elif len(constants) < 256:
        constants.append(first_line)
        made[at - 2], made[at - 1] = _LOAD_CONST, len(constants) - 1
    return bytes(made)
