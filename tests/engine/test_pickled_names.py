"""What agents hold is pickled under names that outlive a move of its file; other formats are refused."""

from __future__ import annotations

import json
import pickle
import pickletools
import subprocess
import sys
import typing
from typing import Any

import msgspec
import pytest
from desk import Desk, effects

import hitl_nb
from hitl_nb import records
from hitl_nb.engine.run.resume import open_saved_state
from hitl_nb.engine.snapshot import signing
from hitl_nb.errors import WrongPython
from hitl_nb.pickled_names import HOMES
from hitl_nb.review.decision import Decision

HOLDING = """
effect('before')
first = hitl.checkpoint('one', title='first')
held = [first, first.action, hitl.passed(), hitl.escalate('why'), hitl.block('why')]
held += [hitl.guardrails.blocklist(['word']), hitl.guardrails.pattern('a+'), hitl.Written]
asked = hitl.proposal('two', title='second')
page = hitl.workspace('Page')
decisions = hitl.checkpoint_all([asked])
effect('after', len(held), held[5]('a word').verdict, first.value, decisions[0].value, page.id != '')
"""

ENGINE_FILES = {
    "hitl_nb.engine.call_keys.keys",
    "hitl_nb.engine.position.frames.frames",
    "hitl_nb.agent_api.checkpoint",
    "hitl_nb.records",
}
"""Files whose classes snapshots name. Whoever moves one, or adds one to this list, raises FORMAT in `signing.py`."""


def files_named(data: bytes) -> set[str]:
    """The modules of this package that pickles in `data` name."""
    found: set[str] = set()
    while data:
        for operation, argument, place in pickletools.genops(data):
            if isinstance(argument, str) and operation.name in ("SHORT_BINUNICODE", "BINUNICODE", "GLOBAL"):
                found.update(part for part in argument.split() if part.startswith("hitl_nb."))
            end = place
        data = data[end + 1 :]
    return found


@pytest.mark.parametrize("name", HOMES)
def test_a_class_is_pickled_under_the_package_s_name(name: str) -> None:
    value = getattr(hitl_nb, name)
    data = pickle.dumps(value)
    assert files_named(data) == set()
    assert pickle.loads(data) is value


RECORDS = [one for one in vars(records).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_a_stored_record_is_pickled_under_the_name_of_its_package(record: type[msgspec.Struct]) -> None:
    data = pickle.dumps(record)
    assert files_named(data) == {"hitl_nb.records"}
    assert pickle.loads(data) is record
    assert set(typing.get_type_hints(record)) >= set(record.__struct_fields__)


def test_a_process_that_has_imported_nothing_finds_them() -> None:
    names = "\n".join(f"c{name}" for name in HOMES)
    code = (
        "import pickle, sys\n"
        "for name in sys.stdin.read().split():\n"
        "    print(pickle.loads(f'chitl_nb\\n{name[1:]}\\n.'.encode()) is not None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=names, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * len(HOMES)


def test_they_are_not_public() -> None:
    assert set(HOMES) & set(hitl_nb.__all__) == {"Decision", "Vote", "Policy", "Written"}
    assert set(dir(hitl_nb)) == set(hitl_nb.__all__)


def test_their_fields_have_types() -> None:
    assert typing.get_type_hints(Decision)["reason"] == str | None


def test_a_snapshot_names_no_file_that_may_move() -> None:
    desk = Desk()
    desk.run(HOLDING)
    desk.answer()
    desk.new_kernel()
    desk.run(HOLDING)
    saved = open_saved_state(desk.ledger, desk.record())
    assert saved is not None
    assert files_named(saved.stream) <= ENGINE_FILES
    assert b"hitl_nb" in saved.stream
    desk.answer()
    desk.new_kernel()
    desk.run(HOLDING)
    assert effects() == ["after(8, 'block', 'one', 'two', True)"]


def save_in_format(monkeypatch: pytest.MonkeyPatch, number: int | None) -> pytest.MonkeyPatch:
    """Everything that is saved has the number of another version, or none."""
    made_by = {"python": signing.PYTHON} | ({} if number is None else {"format": number})
    monkeypatch.setattr(signing, "_BARE_HEADER", json.dumps(made_by).encode())
    monkeypatch.setattr(signing, "FORMAT", number)
    return monkeypatch


@pytest.mark.parametrize("number", [signing.FORMAT - 1, signing.FORMAT + 1])
def test_a_snapshot_of_another_format_is_refused_and_kept(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    desk, source = Desk(), "effect('before')\nd = hitl.checkpoint('x', title='t')\neffect('after', d.value)\n"
    with monkeypatch.context() as patch:
        save_in_format(patch, number)
        desk.run(source)
        desk.answer()
    desk.new_kernel()
    said = rf"format {number}, this one has {signing.FORMAT}\), and nothing in it was executed: install .* --restart"
    for _ in range(2):
        with pytest.raises(WrongPython, match=said):
            desk.run(source)
        assert (effects(), desk.record().status) == ([], "ready")
    with monkeypatch.context() as patch:  # the version that saved it is installed again
        save_in_format(patch, number)
        desk.run(source)
    assert (effects(), desk.record().status) == (["after('x',)"], "finished")


def test_a_snapshot_of_another_format_is_left_behind_by_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, source = Desk(), "effect('before')\nd = hitl.checkpoint('x', title='t')\n"
    with monkeypatch.context() as patch:
        save_in_format(patch, signing.FORMAT - 1)
        desk.run(source)
    desk.new_kernel()
    desk.run(source, restart=True)
    assert effects() == ["before()"]
    assert desk.record().status == "waiting"


STEP = """
@hitl.step
def work(n):
    effect('work', n)
    return RESULT
got = sorted([1], key=lambda n: (work(n), boom()))
"""


@pytest.mark.parametrize("number", [None, signing.FORMAT - 1])
@pytest.mark.parametrize("result", ["n", "[hitl.passed(), n]"])
def test_a_step_s_result_of_another_format_is_refused_and_not_made_again(
    monkeypatch: pytest.MonkeyPatch, result: str, number: int | None
) -> None:
    def seal_as_then(place: str, header: dict[str, Any], body: bytes) -> bytes:
        with monkeypatch.context() as patch:
            save_in_format(patch, number)
            return signing.seal(place, header, body)

    desk, source = Desk(), STEP.replace("RESULT", result)
    with monkeypatch.context() as patch:
        patch.setattr("hitl_nb.agent_api.steps.seal", seal_as_then)
        with pytest.raises(NameError):
            desk.run(source)
    assert effects() == ["work(1,)"]
    desk.new_kernel()
    said = rf"format {number or 0}, this one has {signing.FORMAT}\), and nothing in it was executed: .*--restart"
    with pytest.raises(WrongPython, match=said):
        desk.run(source)
    assert effects() == []
