"""Evidence without JupyterLab: in the static HTML of a cell's output, and in the ipywidgets panel."""

from __future__ import annotations

import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import ipywidgets
import nbformat
import pytest
from nbconvert import HTMLExporter

import hitl_nb as hitl
from hitl_nb.errors import StoreCorrupt
from hitl_nb.evidence.context import convert_context
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.notebook.panel.panel import ProposalPanel
from hitl_nb.records import Proposal, Snapshot
from hitl_nb.review.static_html import proposals_bundle, proposals_html
from hitl_nb.storage.memory import MemoryStore
from tests.evidence.pictures import SCRIPTED_SVG, png


class Page(HTMLParser):
    """The tags of HTML with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def find_tags(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def ask(context: Any) -> tuple[Ledger, Proposal]:
    ledger = Ledger(MemoryStore())
    _, claim = ledger.runs.open(agent="a", notebook="n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = convert_context(context)
    asked = build_question("x", title="Refund", context=shown.context, evidence=shown.blocks)
    return ledger, ledger.runs.pause(claim, Snapshot(envelope=b"s"), [asked], blobs=shown.blobs).proposals[0]


@pytest.fixture
def svg(tmp_path: Path) -> Any:
    (tmp_path / "x.svg").write_text(SCRIPTED_SVG)
    return hitl.image(tmp_path / "x.svg", alt="Drawn")


def make_context(svg: Any) -> dict[str, Any]:
    pd = pytest.importorskip("pandas")
    return {
        "dot": hitl.image(png(), alt='A "red" <dot>'),
        "drawn": svg,
        "orders": pd.DataFrame({"id\u202e": ["<b>1</b>", None], "paid": [1.5, 2.5]}),
        "who": "Ann <script>1</script>",
        "phone": None,
        "receipt": hitl.link("https://shop.example/r?a=1&b=2", "Receipt <i>"),
        "letter": hitl.diff("Dear Ann", "Dear Bo"),
        "raw": {"a": {"b": ["deep"]}},
        "summary": hitl.markdown("# Hi\n<script>2</script>"),
    }


def test_static_html_has_facts_tables_and_pictures(svg: Any) -> None:
    ledger, proposal = ask(make_context(svg))
    page = Page(proposals_bundle("a", 1, [proposal], "", ledger.proposals.read_picture)["text/html"])
    assert [one["src"][:22] for one in page.find_tags("img") if one["src"]] == [
        "data:image/png;base64,",
        "data:image/svg+xml;bas",
    ]
    assert page.find_tags("img")[0]["alt"] == 'A "red" <dot>'
    assert page.find_tags("a")[0]["href"] == "https://shop.example/r?a=1&b=2"
    assert page.find_tags("a")[0]["rel"] == "noopener noreferrer nofollow"
    for text in ("Ann <script>1</script>", "Receipt <i> (shop.example)", "Dear AnnBo", '"deep"', "id⟨U+202E⟩"):
        assert text in page.text
    assert not {"script", "b", "i", "svg", "iframe"} & {tag for tag, _ in page.tags}
    assert page.text.index("Ann") < page.text.index("orders")  # facts come first


def test_changes_are_shown_by_word_and_of_json_by_path() -> None:
    letter = hitl.diff("Hello\n\nDear <b>Ann</b>, thanks", "Hello\n\nDear <b>Bo</b>, thanks")
    order = hitl.diff({"paid": 1299, "note": "one\ntwo"}, {"paid": 1199, "note": "one\ntwo"})
    same = hitl.diff("x", "x")
    _, proposal = ask({"letter": letter, "order": order, "same": same, "tree": {"a": {"text": "one\ntwo"}}})
    html = proposals_html([proposal])
    page = Page(html)
    assert "Dear <b>AnnBo</b>, thanks" in page.text
    assert [len(page.find_tags(tag)) for tag in ("del", "ins", "b")] == [2, 2, 0]
    for text in ("1 paragraph without changes.", "paid  1299 1199", "no changes"):
        assert text in page.text
    for sign in ("@@", "+++", "---", "\\n", "as proposed"):
        assert sign not in page.text


def test_pictures_that_are_not_read_or_too_large_are_described() -> None:
    ledger, proposal = ask({"dot": hitl.image(png(), alt="A dot")})
    assert "(a picture, which is not in this output: A dot)" in Page(proposals_html([proposal])).text
    large = png() + b"\0" * 1_000_000
    ledger, proposal = ask({"big": hitl.image(large, alt="Big"), "dot": hitl.image(png(), alt="A dot")})
    page = Page(proposals_html([proposal], ledger.proposals.read_picture))
    assert "not in this output: Big" in page.text
    assert [one["alt"] for one in page.find_tags("img")] == ["A dot"]


def test_the_proposals_of_an_output_share_its_room_for_pictures() -> None:
    ledger = Ledger(MemoryStore())
    _, claim = ledger.runs.open(agent="a", notebook="n")
    shown = [convert_context({"p": hitl.image(png() + bytes(400_000 + n), alt=f"P{n}")}) for n in range(3)]
    asked = [build_question("x", title="Refund", context=one.context, evidence=one.blocks) for one in shown]
    blobs = [blob for one in shown for blob in one.blobs]
    found = ledger.runs.pause(claim, Snapshot(envelope=b"s"), asked, blobs=blobs).proposals
    page = Page(proposals_html(found, ledger.proposals.read_picture))
    assert [one["alt"] for one in page.find_tags("img")] == ["P0", "P1"]
    assert "not in this output: P2" in page.text


def test_a_large_table_says_its_size() -> None:
    pd = pytest.importorskip("pandas")
    _, proposal = ask({"t": pd.DataFrame({f"c{i}": range(1000) for i in range(60)})})
    page = Page(proposals_html([proposal]))
    assert "50 of 1,000 rows, 20 of 60 columns" in page.text
    assert len(page.find_tags("tr")) == 51


def test_a_context_of_json_is_shown_without_stored_blocks() -> None:
    _, proposal = ask({"who": "Ann", "lines": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}]})
    page = Page(proposals_html([proposal]))
    assert "null" not in page.text
    assert [len(page.find_tags(tag)) for tag in ("table", "td")] == [2, 5]
    _, text = ask("# All\n<b>of</b> it")
    assert "# All\n<b>of</b> it" in Page(proposals_html([text])).text


def test_an_exported_notebook_has_the_pictures_inside(svg: Any) -> None:
    ledger, proposal = ask(make_context(svg))
    bundle = proposals_bundle("a", 1, [proposal], "", ledger.proposals.read_picture)
    cell = nbformat.v4.new_code_cell("%%agent a", outputs=[nbformat.v4.new_output("display_data", bundle)])
    page = Page(HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))[0])
    assert sum((one.get("src") or "").startswith("data:image/") for one in page.find_tags("img")) == 2
    assert "id⟨U+202E⟩" in page.text


def test_the_panel_has_html_and_pictures(svg: Any) -> None:
    ledger, proposal = ask(make_context(svg))
    panel = ProposalPanel(ledger, [proposal], reviewer="ann", on_decided=lambda: None)

    def widgets(widget: Any) -> Any:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from widgets(child)

    found = list(widgets(panel.widget))
    (image,) = [one for one in found if isinstance(one, ipywidgets.Image)]
    assert (image.value, image.format) == (png(), "png")
    page = Page("".join(one.value for one in found if isinstance(one, ipywidgets.HTML) and "<style>" not in one.value))
    assert [(one["src"] or "")[:26] for one in page.find_tags("img")] == ["data:image/svg+xml;base64,"]
    assert "Ann <script>1</script>" in page.text
    assert "id⟨U+202E⟩" in page.text
    assert not {"script", "b", "i", "svg"} & {tag for tag, _ in page.tags}
    panel.close()


def test_a_picture_that_is_missing_in_the_store_is_named_and_stops_nothing() -> None:
    proposal = ask({"dot": hitl.image(png(), alt="A red dot")})[1]

    def read_picture(proposal_id: str, sha: str) -> tuple[str, bytes]:
        raise StoreCorrupt(f"the picture {sha[:4]} is missing")

    page = Page(proposals_html([proposal], read_picture=read_picture))
    assert "cannot be read: A red dot. the picture" in page.text
    assert page.find_tags("img") == []
