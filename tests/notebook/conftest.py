"""Thunks that must never be evaluated, and a look at what a drawing is made of."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import field, frozen

from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import ORDER, Thunk


@frozen
class Step(Thunk[Any]):
    """Do one step.

    More than the first line is never shown.
    """

    label: str
    needs: tuple[Any, ...] = ()
    before: tuple[Any, ...] = field(default=(), metadata=ORDER)
    options: Mapping[str, Any] = field(factory=dict)
    called: str | None = None

    def evaluate(self, run: Run) -> Any:
        raise AssertionError(f"{self.label} was forced by {run}")

    @property
    def name(self) -> str:
        return "Step" if self.called is None else self.called


@frozen
class Effect(Step):
    """Touch the world."""

    effectful = True


@pytest.fixture
def step() -> type[Step]:
    """A pure thunk that fails whoever forces it."""
    return Step


@pytest.fixture
def effect() -> type[Effect]:
    """The same, effectful."""
    return Effect


ALLOWED = {"div", "style", "svg", "g", "title", "rect", "text", "path", "span", "i", "b"} | {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
SVG = "{http://www.w3.org/2000/svg}"


def _parsed(html: str) -> ET.Element:
    """What a reader's browser sees, after checking that it is well formed and asks for nothing."""
    root = ET.fromstring(html)  # noqa: S314 - our own text
    for element in root.iter():
        tag = element.tag.removeprefix(SVG)
        assert tag in ALLOWED
        assert not {name for name in element.attrib if name.startswith("on")}
        assert not {"href", "src", "id"} & set(element.attrib)
        assert "url(" not in "".join(element.attrib.values())
        if tag == "style":
            assert not {"url(", "@import", "expression"} & set((element.text or "").split())
            assert "url" not in (element.text or "")
    return root


@pytest.fixture
def parsed() -> Callable[[str], ET.Element]:
    """Parse a drawing and refuse scripts, handlers, references and identifiers in it."""
    return _parsed


_watched: list[str] | None = None
_EFFECTS = ("open", "os.", "socket.", "subprocess.", "shutil.", "tempfile.", "import")


def _hook(event: str, _: Any) -> None:
    if _watched is not None and event.startswith(_EFFECTS):
        _watched.append(event)


sys.addaudithook(_hook)


@contextmanager
def _untouched() -> Iterator[None]:
    global _watched  # noqa: PLW0603 - an audit hook cannot be removed, only told to look away
    _watched = []
    try:
        yield
        assert _watched == []
    finally:
        _watched = None


@pytest.fixture
def untouched() -> Callable[[], Any]:
    """A block in which no file, socket or process may be touched."""
    return _untouched
