"""Documents are values that keep their bytes."""

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import pytest

from lazyimg.errors import InvalidDocument
from lazyimg.oci.document import Document
from lazyimg.oci.json_value import same

PRETTY = b'{\n  "b": 1,\n  "a": "\\u003c"\n}\n'


@attrs.frozen(eq=False, repr=False)
class Ordered(Document):
    ORDER: ClassVar[tuple[str, ...]] = ("one", "two", "three")
    LIMIT: ClassVar[int] = 100


def test_an_untouched_document_keeps_its_bytes(pickled: Callable[[Any], Any]) -> None:
    """Parsed, pickled or set to an equal value, a document is still the bytes it came from."""
    document = Document.parse(PRETTY)
    assert document.to_bytes() is PRETTY
    assert document.set("a", "<") is document
    assert document.remove("missing") is document
    assert pickled(document).to_bytes() == PRETTY
    assert Document.parse(PRETTY.decode()).to_bytes() == PRETTY


def test_an_edited_document_is_compact() -> None:
    """An edit writes the document anew, compact, with the source text of what was not edited."""
    document = Document.parse(PRETTY)
    assert document.set("b", 2).to_bytes() == b'{"b":2,"a":"\\u003c"}'
    assert document.set("c", None).to_bytes() == b'{"b":1,"a":"\\u003c","c":null}'
    assert document.remove("b").to_bytes() == b'{"a":"\\u003c"}'
    assert document.to_bytes() == PRETTY


def test_edits_keep_source_texts_inside_values() -> None:
    """What is equal within an edited object or list keeps its place and its text."""
    document = Document.parse(b'{"o":{"z":"\\u003c","y":1.0,"x":[1e2]},"l":["\\u0026","a"]}')
    edited = document.set("o", {"x": [100.0], "new": True, "y": 2, "z": "<"}).set("l", ["b", "&"])
    assert edited.to_bytes() == b'{"o":{"z":"\\u003c","y":2,"x":[1e2],"new":true},"l":["b","\\u0026"]}'
    longer = document.set("l", ["new", 1, "&", "a"])
    assert longer.to_bytes().endswith(b'"l":["new",1,"\\u0026","a"]}')


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ({"two": 2, "x": 0}, "three", ["two", "three", "x"]),
        ({"x": 0, "two": 2}, "three", ["x", "two", "three"]),
        ({"two": 2, "x": 0}, "one", ["one", "two", "x"]),
        ({"one": 1, "x": 0, "three": 3}, "two", ["one", "two", "x", "three"]),
        ({"three": 3, "two": 2}, "two", ["three", "two"]),
        ({"two": 2, "one": 1, "x": 0}, "three", ["two", "one", "three", "x"]),
        ({"one": 1}, "y", ["one", "y"]),
        ({}, "two", ["two"]),
    ],
)
def test_a_known_key_takes_its_place(before: dict[str, Any], key: str, after: list[str]) -> None:
    """A new known key follows all its predecessors, an unknown one comes last, an old one stays."""
    assert list(Ordered.from_value(before).set(key, "new").value) == after


def test_equality_is_by_value_and_class() -> None:
    """Layout and order are nothing; class, and the kinds 1, 1.0 and true, are something."""
    assert Document.parse(b'{"a":1,"b":2}') == Document.parse(b'{"b": 2, "a": 1}')
    assert hash(Document.parse(b'{"a":1,"b":2}')) == hash(Document.parse(b'{"b": 2, "a": 1}'))
    assert Document.parse(b'{"a":1}') != Document.parse(b'{"a":true}')
    assert Document.parse(b'{"a":[1]}') != Document.parse(b'{"a":[1.0]}')
    assert Document.parse(b"{}") != Ordered.parse(b"{}")
    assert Document.parse(b"{}") != {}
    assert Document.parse(b'{"a":1}').set("a", value=True).get("a") is True


def test_same_is_json_equality() -> None:
    """Nested values are the same only if each scalar is of the same kind."""
    assert same({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]})
    assert not same({"a": [1, {"b": 0}]}, {"a": [1, {"b": False}]})
    assert not same([1], [1, 2])


def test_what_comes_out_is_the_callers() -> None:
    """Changing what a document handed out, or was made of, does not change the document."""
    mine = {"a": [1]}
    document = Document.from_value(mine)
    mine["a"].append(2)
    document.get("a").append(3)
    document.value["a"].append(4)
    assert document.get("a") == [1]
    assert document.get("b", "default") == "default"
    assert document.get("b") is None
    assert "a" in document
    assert "b" not in document


def test_it_shows_its_keys() -> None:
    """The representation names the class and keys and no values."""
    assert repr(Document.parse(b'{"a":"secret"}')) == "<Document a>"


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"a"'])
def test_only_objects_are_documents(data: bytes) -> None:
    """JSON that is no object is no document."""
    with pytest.raises(InvalidDocument, match="is no JSON object"):
        Document.parse(data)


def test_only_mappings_make_documents() -> None:
    """A document is made of a mapping alone."""
    with pytest.raises(InvalidDocument, match="is no JSON object"):
        Document.from_value([])  # type: ignore[arg-type]  # the mistake itself


def test_long_documents_are_refused() -> None:
    """More bytes than the limit are refused before they are read."""
    with pytest.raises(InvalidDocument, match="has 101 bytes; more than 100"):
        Ordered.parse(b" " * 101)


def test_bad_text_is_refused() -> None:
    """A text that UTF-8 cannot hold is refused with our error."""
    with pytest.raises(InvalidDocument, match="no UTF-8"):
        Document.parse('{"a":"\ud800"}')


def test_a_chain_of_edits_costs_the_top_level_alone() -> None:
    """10,000 edits of a large document copy its top-level keys, not its contents."""
    layers = [{"digest": str(at)} for at in range(1000)]
    document = Ordered.from_value({"one": layers, "two": 0})
    inside = document._members["one"]
    for at in range(10_000):
        document = document.set("two", at)
    assert document.get("two") == 9999
    assert document._members["one"] is inside
