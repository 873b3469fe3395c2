"""Any value in one line of bounded length."""

from collections import OrderedDict
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.thunk.brief import LINE, Brief

line = Brief().line


class Pair(NamedTuple):
    left: Any
    right: Any


@frozen
class Point:
    x: Any
    y: Any = 0
    secret: str = field(default="s3cret", repr=False)
    masked: str = field(default="s3cret", repr=lambda _: "***")


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        ("a", "'a'"),
        (b"a", "<1 bytes>"),
        (bytearray(b"a" * 61), "<61 bytes>"),
        (memoryview(b"a" * 62), "<62 bytes>"),
        ((), "()"),
        ((1,), "(1,)"),
        ((1, 2, 3, 4, 5), "(1, 2, 3, 4, ...)"),
        ([1, 2, 3, 4, 5], "[1, 2, 3, 4, ...]"),
        (Pair(1, 2), "(1, 2)"),
        ({}, "{}"),
        ({"b": 1, "a": 2}, "{'b': 1, 'a': 2}"),
        (OrderedDict(a=1), "{'a': 1}"),
        (MappingProxyType({"a": 1}), "{'a': 1}"),
        (dict.fromkeys(range(5)), "{0: None, 1: None, 2: None, 3: None, ...}"),
        ({"a": {"b": {"c": {"d": 1}}}}, "{'a': {'b': {'c': {...}}}}"),
        (Point(1), "Point(x=1, y=0, masked=***)"),
        (Point(Point(Point(Point(1)))), None),
    ],
)
def test_values_are_shown_in_short(value: Any, shown: str | None) -> None:
    """The first items, a few levels deep, in their own order, masked where their class masks them."""
    assert shown is None or line(value) == shown
    assert "s3cret" not in line(value)
    assert len(line(value)) <= LINE


def test_a_value_that_cannot_show_itself_does_not_matter() -> None:
    """A repr that raises is replaced."""
    assert line(Broken()).startswith("<Broken instance at ")


def test_large_values_are_not_shown_whole() -> None:
    """A hundred megabytes of bytes, and ten thousand levels of tuples, make one line."""
    deep: Any = ()
    for _ in range(10_000):
        deep = (deep, deep)
    assert len(line(bytes(100_000_000))) < 300
    assert len(line({"k": deep})) <= LINE


VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner) | inner.map(Point)
    ),
)


@given(VALUES)
def test_whatever_the_value_it_is_one_bounded_line(value: Any) -> None:
    """Never more than a line, and never a line break."""
    assert len(line(value)) <= LINE
    assert "\n" not in line(value)
