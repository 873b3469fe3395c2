"""One thunk as a card."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lazyimg.notebook.thunk import ROWS, thunk_html

Parsed = Callable[[str], ET.Element]
Step = Callable[..., Any]


def rows(root: ET.Element) -> list[tuple[str, ...]]:
    return [tuple("".join(cell.itertext()) for cell in row) for row in root.iter("tr")]


def words(root: ET.Element) -> str:
    return " ".join("".join(e.itertext()) for e in root.iter("div") if "svg" not in ET.tostring(e).decode())


def test_a_card_tells_what_a_thunk_is_holds_and_comes_to(step: Step, parsed: Parsed) -> None:
    """Its name, the first line of its docstring, its own parameters, what is known, and what is pending."""
    thunk = step("dist/", (step("base"),), options={"mode": 1})
    root = parsed(thunk_html(thunk, {"digest": "", "size": "1,234 bytes"}))
    shown = words(root)
    assert "Step Do one step." in shown
    assert "never shown" not in shown
    found = {name: text for name, text in rows(root)}  # noqa: C416 - pairs, which the type does not tell
    assert found["label"] == "dist/"
    assert "mode" in found["options"]
    assert "needs" not in found
    assert (found["digest"], found["size"]) == ("pending", "1,234 bytes")
    assert f"key {thunk.key[:12]}, composed at " in shown
    assert re.search(r"test_thunk\.py:\d+, 2 thunks in its graph", shown)


def test_its_graph_is_below_it(step: Step, parsed: Parsed) -> None:
    """The card of a thunk of ten thousand is as small as another."""
    thunk = step("0")
    for number in range(1, 10_000):
        thunk = step(f"{number}", (thunk,))
    html = thunk_html(thunk)
    root = parsed(html)
    assert len([e for e in root.iter() if e.tag.endswith("}g")]) == 9
    assert len(html) < 20_000
    assert "10,000 thunks in its graph" in words(root)


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({}, "pure"),
        ({"digest": ""}, "pure"),
        ({"digest": "sha256:1", "size": ""}, "pure"),
        ({"digest": "x"}, "known"),
    ],
)
def test_a_thunk_is_drawn_as_known_once_nothing_of_it_is_pending(
    step: Step, parsed: Parsed, known: dict[str, str], kind: str
) -> None:
    """Something known and something pending is pending still."""
    root = parsed(thunk_html(step("a"), known))
    assert [e.get("class") for e in root.iter() if e.tag.endswith("}g")] == [f"lazyimg-{kind}"]


def test_a_thunk_without_origin_or_docstring_has_a_card(step: Any, parsed: Parsed) -> None:
    """What an evaluation made has no line of the user's, and not every class has words."""
    bare = type("Bare", (step,), {"__doc__": None, "__slots__": ()})
    thunk = bare("a")
    object.__setattr__(thunk, "origin", None)
    assert "composed" not in words(parsed(thunk_html(thunk)))
    empty = type("Empty", (step,), {"__doc__": "  \n ", "__slots__": ()})
    assert parsed(thunk_html(empty("a"))) is not None


def test_many_things_known_are_counted(step: Step, parsed: Parsed) -> None:
    """A card stays a card."""
    root = parsed(thunk_html(step("a"), {f"label {n}": "x" for n in range(1_000)}))
    found = rows(root)
    assert len(found) == 1 + ROWS + 1
    assert found[-1] == (f"... and {1_000 - ROWS} more",)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\x1b[2J\u202e\udc80", "</td></table>", "x" * 10**6]
)
def test_no_text_gets_out_of_its_place(step: Step, parsed: Parsed, text: str) -> None:
    """Names, parameters and what is known are escaped and cut."""
    html = thunk_html(step(text, options={text: text}, called=text), {text: text})
    assert parsed(html) is not None
    assert "\x1b" not in html
    assert len(html) < 20_000


def test_a_card_forces_nothing_and_touches_nothing(
    step: Step, effect: Step, untouched: Callable[[], Any]
) -> None:
    """Looking opens no file, though a parameter names one."""
    thunk = step("root", (effect("/etc/passwd"),))
    thunk_html(thunk)  # what is imported on first use is there
    with untouched():
        assert thunk_html(thunk, {"digest": ""})
