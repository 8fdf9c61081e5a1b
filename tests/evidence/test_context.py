"""What becomes of each value of `context`: its block, its text in the JSON, its limits, and hostile values."""

from __future__ import annotations

import datetime as dt
import io
import pickle
import subprocess
import sys
import warnings
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

import hitl_nb as hitl
from hitl_nb.evidence.block_sizes import MAX_BLOCKS_BYTES
from hitl_nb.evidence.context import convert_context
from hitl_nb.evidence.json_blocks import context_blocks, list_blocks
from hitl_nb.evidence.picture_formats import check_picture, check_svg
from hitl_nb.kinds.questions import build_question
from hitl_nb.records import (
    ChartBlock,
    DiffBlock,
    FactBlock,
    ImageBlock,
    LinkBlock,
    MarkdownBlock,
    Question,
    TableBlock,
    TreeBlock,
)
from tests.evidence.pictures import SCRIPTED_SVG, png


def show(value: Any) -> Any:
    """The block of one value that is more than JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (block,) = convert_context({"it": value}).blocks
    return block


def show_json(value: Any) -> Any:
    """The block of one value that is JSON; no block is stored for it."""
    found = convert_context({"it": value})
    assert found.blocks == found.blobs == ()
    (block,) = context_blocks(found.context)
    return block


# --- JSON, as ever --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ann", "Ann"),
        (12.5, "12.5"),
        (5.0, "5.0"),
        (True, "true"),
        (None, None),
        (dt.date(2026, 11, 30), "2026-11-30"),
        (Decimal("9.90"), "9.90"),
        (float("nan"), "NaN"),
        (12345678901234567890, "12345678901234567890"),
    ],
)
def test_a_short_value_is_a_fact(value: Any, text: str | None) -> None:
    assert show_json(value) == FactBlock(name="it", value=text)


def test_a_text_of_several_lines_is_markdown() -> None:
    assert show_json("one\ntwo") == MarkdownBlock(name="it", text="one\ntwo")
    assert context_blocks("# All\nof it") == (MarkdownBlock(name="", text="# All\nof it"),)


def test_a_context_that_is_only_json_is_stored_as_before() -> None:
    context = {"name": "Ann", "lines": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}], "when": dt.date(2026, 1, 2)}
    before = build_question("x", title="t", context=context).context
    assert before == {"name": "Ann", "lines": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}], "when": "2026-01-02"}
    assert convert_context(context) == (before, (), ())
    assert convert_context("*Hello*") == ("*Hello*", (), ())
    assert convert_context(None) == (None, (), ())


def test_objects_with_the_same_keys_are_a_table_and_others_a_tree() -> None:
    table = show_json([{"sku": "A", "n": 1, "more": [1]}, {"more": None, "n": 2.5, "sku": "B"}])
    assert [(column.name, column.numeric) for column in table.columns] == [
        ("sku", False),
        ("n", True),
        ("more", False),
    ]
    assert table.rows == (("A", "1", "[1]"), ("B", "2.5", None))
    assert show_json([{"a": 1}, {"b": 1}]) == TreeBlock(name="it", value=[{"a": 1}, {"b": 1}])
    assert show_json({"a": {"b": [1, 2]}}) == TreeBlock(name="it", value={"a": {"b": [1, 2]}})


def test_integers_that_javascript_cannot_hold_are_exact_in_a_tree() -> None:
    assert show_json({"id": 2**53, "n": 2**53 - 1}).value == {"id": "9007199254740992", "n": 2**53 - 1}


def test_a_large_tree_is_cut() -> None:
    block = show_json({"a": ["x" * 1000] * 500, "b": 1})
    assert block.cut
    assert 190_000 < len(str(block.value)) < 260_000
    assert not show_json({"a": ["x" * 1000] * 100}).cut
    wide = show_json({"a": [[i] for i in range(100_000)]})
    assert wide.cut
    assert len(str(wide.value)) < 900_000


def test_a_deep_tree_is_refused() -> None:
    nested: Any = 1
    for _ in range(300):
        nested = [nested]
    with pytest.raises(ValueError, match="nested deeper than 200 levels"):
        convert_context({"it": nested, "picture": hitl.markdown("x")})


def test_a_long_text_is_cut() -> None:
    block = show(hitl.markdown("x" * 300_000))
    assert block.cut
    assert len(block.text) == 200_000
    assert context_blocks("y" * 300_000)[0] == MarkdownBlock(name="", text="y" * 200_000, cut=True)


# --- tables ---------------------------------------------------------------------------------------------------------


def test_a_pandas_frame_is_a_table() -> None:
    pd, np = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    frame = pd.DataFrame(
        {
            "paid": np.array([0.1, float("nan")], dtype="float32"),
            "n": pd.array([1, None], dtype="Int64"),
            "at": pd.to_datetime(["2026-11-23", None]),
            ("a", "b"): ["x", float("nan")],
            "yes": [True, False],
        }
    )
    block = show(frame)
    assert [(column.name, column.numeric) for column in block.columns] == [
        ("paid", True),
        ("n", True),
        ("at", False),
        ("a / b", False),
        ("yes", False),
    ]
    assert block.rows == (("0.1", "1", "2026-11-23 00:00:00", "x", "True"), (None, None, None, None, "False"))
    assert (block.total_rows, block.total_columns) == (2, 5)


def test_an_index_with_a_meaning_is_the_first_column() -> None:
    pd = pytest.importorskip("pandas")
    block = show(pd.DataFrame({"n": [1, 2]}, index=pd.Index(["p", "q"], name="who")))
    assert [column.name for column in block.columns] == ["who", "n"]
    assert block.rows == (("p", "1"), ("q", "2"))
    assert block.total_columns == 2
    assert show(pd.Series([1, 2], name="n")).rows == (("1",), ("2",))
    assert show(pd.Index(["p", "q"])).rows == (("p",), ("q",))


def test_a_polars_frame_is_a_table() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"n": [1.5, None], "s": ["x", "y"], "l": [[1], [2]]})
    block = show(frame)
    assert [(column.name, column.numeric) for column in block.columns] == [("n", True), ("s", False), ("l", False)]
    assert block.rows == (("1.5", "x", "[1]"), (None, "y", "[2]"))
    assert show(pl.Series("n", [1])).rows == (("1",),)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_ten_thousand_columns_are_cut(library: str) -> None:
    frame = pytest.importorskip(library).DataFrame({f"c{i}": range(3) for i in range(10_000)})
    block = show(frame)
    assert len(block.columns) == len(block.rows[0]) == 40
    assert (block.total_rows, block.total_columns) == (3, 10_000)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_of_ten_million_rows_is_cut_before_it_is_copied(library: str) -> None:
    tracemalloc, np = pytest.importorskip("tracemalloc"), pytest.importorskip("numpy")
    frame = pytest.importorskip(library).DataFrame({"n": np.arange(10_000_000, dtype="int64")})
    tracemalloc.start()
    try:
        block = show(frame)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(block.rows), block.total_rows) == (200, 10_000_000)
    assert peak < 8_000_000  # the frame has 80 MB


class Raising:
    """Has no text."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def test_cells_that_cannot_be_written_are_named_and_long_ones_are_cut() -> None:
    pd = pytest.importorskip("pandas")
    block = show(pd.DataFrame({"it": [Raising(), "x" * 5000, "half \ud800"]}))
    assert block.rows[0] == ("(Raising, which cannot be shown: RuntimeError)",)
    assert block.rows[1] == ("x" * 1000 + "…",)
    assert block.rows[2] == ("half ?",)


def test_a_value_whose_repr_raises_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match=r"context\['it'\] is a Raising"):
        convert_context({"it": Raising()})


# --- pictures -------------------------------------------------------------------------------------------------------


def test_a_figure_is_a_chart() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(4, 3), dpi=100)
    axes.plot([1, 2, 3])
    found = convert_context({"plot": hitl.image(figure, alt="Refunds"), "axes": hitl.image(axes, alt="Refunds")})
    first, second = found.blocks
    assert isinstance(first, ChartBlock)
    assert (first.name, first.alt, first.media_type, first.width, first.height) == (
        "plot",
        "Refunds",
        "image/png",
        400,
        300,
    )
    assert first.sha256 == second.sha256
    assert len(found.blobs) == 1  # equal pictures are stored once
    assert found.context == {"plot": "(chart: Refunds)", "axes": "(chart: Refunds)"}
    huge = pyplot.figure(figsize=(100, 50), dpi=100)
    assert show(huge).width == 2000
    pyplot.close("all")


def test_a_pil_image_is_saved_and_a_large_one_is_reduced() -> None:
    pil = pytest.importorskip("PIL.Image")
    block = show(pil.new("RGB", (30, 20)))
    assert (type(block), block.width, block.height, block.reduced_from) == (ImageBlock, 30, 20, "")
    large = show(pil.new("CMYK", (4000, 3000)))
    assert (large.width, large.height, large.reduced_from) == (2000, 1500, "4000 x 3000")


def test_a_noisy_pil_image_becomes_a_jpeg_within_the_limit() -> None:
    pil, np = pytest.importorskip("PIL.Image"), pytest.importorskip("numpy")
    noise = np.random.default_rng(1).integers(0, 255, (1500, 1500, 3), dtype="uint8")
    block = show(pil.fromarray(noise))
    assert block.media_type == "image/jpeg"
    assert block.size < 4_000_000


def test_bytes_of_pictures_are_images_and_other_bytes_are_not(tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")
    for name, media_type in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")):
        made = io.BytesIO()
        pil.new("RGB", (30, 20)).save(made, name)
        block = show(made.getvalue())
        assert (type(block), block.media_type, block.width, block.height) == (ImageBlock, media_type, 30, 20)
        assert show(bytearray(made.getvalue())) == block
    assert show_json(b"hello") == TreeBlock(name="it", value={"base64": "aGVsbG8="})
    made = io.BytesIO()
    pil.new("RGB", (3, 2)).save(made, "GIF")
    with pytest.raises(ValueError, match="not a PNG, JPEG or WebP picture"):
        hitl.image(made.getvalue(), alt="x")
    (tmp_path / "a.png").write_bytes(png(3, 2))
    (tmp_path / "a.svg").write_text(SCRIPTED_SVG)
    assert show(hitl.image(tmp_path / "a.png", alt="x")).width == 3
    assert show(hitl.image(tmp_path / "a.svg", alt="x")).media_type == "image/svg+xml"


def test_a_picture_of_too_many_pixels_or_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"context\['it'\] is a picture of 10,000 x 10,000 pixels"):
        show(png(10_000, 10_000))
    with pytest.raises(ValueError, match="4,000,0"):
        show(png() + b"\0" * 4_000_000)
    pil = pytest.importorskip("PIL.Image")
    bomb = pil.open(io.BytesIO(png(9_000, 9_000)))  # its pixels are never decoded
    with pytest.raises(ValueError, match="9,000 x 9,000 pixels"):
        show(bomb)


def test_a_missing_description_is_warned_of_at_the_author_s_line() -> None:
    with pytest.warns(UserWarning, match=r"context\['it'\] has no alt text") as told:
        convert_context({"it": png()})
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="has no alt text") as told:
        hitl.image(png())
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert_context({"it": hitl.image(png(), alt="A red dot")})


class Display:
    """Displays itself in one way, with one content."""

    def __init__(self, content: Any) -> None:
        self.content = content


class Png(Display):
    def _repr_png_(self) -> Any:
        return self.content


class Svg(Display):
    def _repr_svg_(self) -> Any:
        return self.content


class Html(Display):
    def _repr_html_(self) -> Any:
        return self.content


def test_an_object_that_displays_a_picture_is_a_chart() -> None:
    assert show(Png(png(3, 2))).width == 3
    assert show(Png((png(3, 2), {"width": 10}))).width == 3
    block = show(Svg(SCRIPTED_SVG))
    assert (type(block), block.media_type) == (ChartBlock, "image/svg+xml")
    assert isinstance(show(Svg('<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C" "x.dtd">\n<svg/>')), ChartBlock)


def test_svg_with_entities_and_what_is_no_svg_are_refused() -> None:
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><svg>&b;</svg>'
    with pytest.raises(ValueError, match="entities"):
        show(Svg(bomb))
    with pytest.raises(ValueError, match="not an SVG"):
        show(Svg("<html><script>alert(1)</script></html>"))
    with pytest.raises(ValueError, match="above the limit"):
        show(Svg("<svg>" + " " * 4_000_000 + "</svg>"))


def test_html_alone_is_refused_with_what_to_use() -> None:
    with pytest.raises(TypeError, match=r"context\['it'\] is a Html.*hitl\.image.*hitl\.markdown.*a DataFrame"):
        convert_context({"it": Html("<b>x</b>")})
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match="collect"):
        convert_context({"it": pl.LazyFrame({"a": [1]})})


def test_an_altair_chart_is_drawn_or_says_what_is_missing() -> None:
    class Chart:
        def save(self, file: Any, format: str) -> None:  # noqa: A002 - Altair's name
            if not self.ready:
                raise ValueError("vl-convert-python is not installed")
            assert format == "png"
            file.write(png(3, 2))

        ready = True

    Chart.__module__ = "altair.vegalite.v5.api"
    assert show(Chart()).width == 3
    Chart.ready = False
    with pytest.raises(TypeError, match=r"vl-convert-python.*hitl\.image"):
        show(Chart())


def test_what_already_became_json_still_does() -> None:
    @dataclass
    class Order:
        id: int

        def _repr_html_(self) -> str:
            return "<b>order</b>"

    assert show_json(Order(5)) == TreeBlock(name="it", value={"id": 5})


# --- links, changes, Markdown ---------------------------------------------------------------------------------------


def test_a_link_has_its_host() -> None:
    block = show(hitl.link("https://shop.example.com:8080/o/1?x=1#y", "Order 1"))
    assert block == LinkBlock(
        name="it", url="https://shop.example.com:8080/o/1?x=1#y", text="Order 1", host="shop.example.com"
    )
    assert hitl.link("http://a.example").text == "http://a.example"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.com",
        "example.com",
        "https://",
        "https://exa mple.com",
        "https://example.com/\u202egnp.exe",
        "https://ex\u0430mple.com",
        "https://example.com\\@evil.com",
        "https://google.com@evil.com",
        "https://u:p@evil.com",
        "https://[bad",
        "https://example.com/" + "x" * 2001,
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        hitl.link(url)


def test_changes_have_both_versions() -> None:
    found = convert_context({"it": hitl.diff("a\nb", "a\nc"), "n": hitl.diff({"a": 1}, {"a": 2})})
    assert found.blocks == (
        DiffBlock(name="it", before="a\nb", after="a\nc"),
        DiffBlock(name="n", before='{\n  "a": 1\n}', after='{\n  "a": 2\n}'),
    )
    assert "-b\n+c" in found.context["it"]
    assert show(hitl.diff("x" * 300_000, "y")).cut


def test_facts_beside_other_values_become_blocks_in_their_order() -> None:
    found = convert_context({"who": "Ann", "text": hitl.markdown("# Hi"), "tree": {"a": [1]}})
    assert found.context == {"who": "Ann", "text": "# Hi", "tree": {"a": [1]}}
    assert [type(block) for block in found.blocks] == [FactBlock, MarkdownBlock, TreeBlock]


def test_hidden_characters_are_kept_in_the_record() -> None:
    """They are spelled out where they are shown."""
    assert show(hitl.markdown("a\u202eb\u200b")).text == "a\u202eb\u200b"
    assert show(hitl.markdown("half \ud800")).text == "half ?"


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="it must be markdown"):
        convert_context(hitl.markdown("x"))
    with pytest.raises(TypeError, match="text is an int"):
        hitl.markdown(5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"x is a str; hitl\.image takes"):
        hitl.image("photo.png", alt="x")


def test_shown_values_can_be_saved_with_the_agent() -> None:
    for one in (hitl.markdown("x"), hitl.link("https://a.example"), hitl.diff("a", "b"), hitl.image(png(), alt="x")):
        data = pickle.dumps(one)
        assert pickle.loads(data) == one
        assert b"hitl_nb.evidence.shown_values" not in data  # the file may move


def test_stored_blocks_win_and_old_records_have_those_of_their_context() -> None:
    question = Question(title="t", kind="text", value="x", context={"a": "(table)"})
    assert list_blocks(question) == (FactBlock(name="a", value="(table)"),)
    table = TableBlock(name="a", columns=(), rows=(), total_rows=0, total_columns=0)
    question = Question(title="t", kind="text", value="x", context={"a": "(table)"}, evidence=(table,))
    assert list_blocks(question) == (table,)


def test_no_heavy_library_is_imported() -> None:
    code = (
        "import sys, hitl_nb as hitl; from hitl_nb.evidence.context import convert_context;"
        "convert_context({'a': 1, 'b': hitl.markdown('x'), 'c': hitl.link('https://a.example')});"
        "print([n for n in ('pandas', 'polars', 'matplotlib', 'PIL', 'numpy', 'altair') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("start", "is_svg"),
    [
        (b"<svg>", True),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a --> <!-- b -->\n<!DOCTYPE svg PUBLIC 'x'>\n<svg/>", True),
        (b"<!--" + b"--><!--" * 500, False),
        (b" " * 9_000, False),
        (b"<html><svg>", False),
    ],
)
def test_an_svg_is_known_by_its_first_element(start: bytes, is_svg: bool) -> None:
    """One pattern for all that may come before it took exponential time for the comments."""
    if is_svg:
        assert check_svg(start, "it").media_type == "image/svg+xml"
    else:
        with pytest.raises(ValueError, match="it is not an SVG picture"):
            check_svg(start, "it")


def test_a_picture_must_say_its_size() -> None:
    frame = b"\xff\xc0\x00\x11\x08" + b"\xff\xff" * 2 + b"\x03" + b"\0" * 9
    for junk in (b"", b"\0\1"):
        with pytest.raises(ValueError, match="65,535 x 65,535 pixels"):
            check_picture(b"\xff\xd8\xff\xe0\x00\x02" + junk + frame, "it")
    with pytest.raises(ValueError, match="does not say its size"):
        check_picture(b"\xff\xd8\xff\xe0\x00\x10" + b"\0" * 20, "it")
    with pytest.raises(ValueError, match="does not say its size"):
        check_picture(png(0, 0), "it")


def test_changed_line_ends_are_changes() -> None:
    shown = convert_context({"it": hitl.diff("a\r\nb", "a\nb")})
    assert "-a\r\n" in shown.context["it"]


# --- All values together --------------------------------------------------------------------------------------------


def test_later_values_are_shortened_when_all_are_too_large_together() -> None:
    frame = pd.DataFrame({f"c{n}": ["ü" * 900] * 200 for n in range(20)})
    lines = "\n".join(str(n) for n in range(40_000))
    found = convert_context(
        {"first": frame[:20], **{f"t{n}": frame for n in range(5)}, "text": hitl.markdown(lines)}
        | {"diff": hitl.diff(lines, lines + "x"), "tree": {"a": ["x" * 1000] * 100}, "fact": 1}
    )
    first, second, *_, last, text, diff, tree, fact = found.blocks
    assert isinstance(first, TableBlock)
    assert isinstance(second, TableBlock)
    assert isinstance(last, TableBlock)
    assert len(first.rows) == 20
    assert 20 < len(second.rows) < 200
    assert (len(last.rows), last.total_rows) == (0, 200)
    assert text == MarkdownBlock(name="text", text=getattr(text, "text", ""), cut=True)
    assert isinstance(diff, DiffBlock)
    assert diff.cut
    assert isinstance(tree, TreeBlock)
    assert tree.cut
    assert fact == FactBlock(name="fact", value="1")
    assert len(msgspec.json.encode(found.blocks)) < MAX_BLOCKS_BYTES * 1.01


def test_what_fits_is_shown_whole() -> None:
    frame = pd.DataFrame({"c": ["x" * 900] * 200})
    found = convert_context({f"t{n}": frame for n in range(20)})
    assert [len(block.rows) for block in found.blocks if isinstance(block, TableBlock)] == [200] * 20


def test_too_many_pictures_are_refused() -> None:
    pictures = {f"p{n}": hitl.image(png(), alt="a") for n in range(21)}
    with pytest.raises(ValueError, match="more than 20 pictures"):
        convert_context(pictures)
    pictures.pop("p0")
    assert len(convert_context(pictures).blocks) == 20
