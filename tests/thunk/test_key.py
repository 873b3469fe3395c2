"""Keys: equal operation, parameters and inputs, equal key; in every process."""

import io
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum, IntEnum
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import GraphCycle
from lazyimg.thunk.key import Keyed, Opaque, digest_of
from lazyimg.thunk.thunk import ORDER, Thunk


@frozen
class Value(Thunk[Any]):
    value: Any


@frozen
class Other(Thunk[Any]):
    value: Any


@frozen
class Pair(Thunk[Any]):
    left: Any
    right: Any


@frozen
class Later(Thunk[Any]):
    value: int
    before: tuple[Thunk[Any], ...] = field(default=(), metadata=ORDER)


@frozen
class Point:
    x: Any
    y: Any = 0
    remark: str = field(default="", eq=False)


class Level(IntEnum):
    LOW = 1


class Colour(Enum):
    RED = "red"


def key(value: Any) -> str:
    return Value(value).key


SCALARS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    1.5,
    "",
    "1",
    "None",
    b"",
    b"1",
    Level.LOW,
    Colour.RED,
    Path("/a"),
    date(2024, 1, 1),
    datetime(2024, 1, 1, tzinfo=UTC),
    timedelta(seconds=1),
    int,
    (),
    {},
    frozenset(),
    frozenset({1}),
    (1,),
    ((1,),),
    ("1",),
    ("a", "b"),
    ("ab",),
    {"a": 1},
    {"a": "1"},
    {1: "a"},
    Point(1),
    Point(1, 1),
)


def test_values_of_different_type_or_content_have_different_keys() -> None:
    """No two of many similar parameters have one key."""
    assert len({key(value) for value in SCALARS}) == len(SCALARS)


def test_equal_parts_have_equal_keys() -> None:
    """Two thunks made apart, of equal parts, have one key, are equal and hash alike."""
    one, two = (Pair(Value((1, "a")), {"k": Value(b"x")}) for _ in range(2))
    assert one is not two
    assert (one.key, one, hash(one)) == (two.key, two, hash(two))


def test_a_key_is_hexadecimal_and_the_same_when_asked_again() -> None:
    """A key is 64 hexadecimal digits."""
    thunk = Value(1)
    assert len(bytes.fromhex(thunk.key)) == 32
    assert thunk.key is thunk.key


def test_the_operation_is_part_of_the_key() -> None:
    """Two classes with the same fields and values have different keys."""
    assert Value(1) != Other(1)
    assert Value(1).key != Other(1).key


def test_the_name_of_a_field_is_part_of_the_key() -> None:
    """What goes left and what goes right is told apart."""
    assert Pair(1, 2) != Pair(2, 1)
    assert digest_of("op", [("a", 1)]) != digest_of("op", [("b", 1)])


def test_an_input_stands_in_a_key_by_its_own() -> None:
    """Changing a parameter far below changes every key above, and only those."""
    chain: Thunk[Any] = Value(1)
    other: Thunk[Any] = Value(2)
    for _ in range(5):
        chain, other = Pair(chain, 0), Pair(other, 0)
        assert chain != other


def test_the_order_of_a_mapping_is_part_of_its_key_and_its_type_is_not() -> None:
    """The order of a mapping becomes the order of bytes, so it counts; dict or proxy do not."""
    assert key({"a": 1, "b": 2}) != key({"b": 2, "a": 1})
    one = {"a": 1, "b": 2}
    assert key(one) == key(OrderedDict(one)) == key(MappingProxyType(one))


def test_a_list_and_a_tuple_of_equal_items_have_one_key() -> None:
    """Sequences are told apart by what they hold."""
    assert key([1, "a"]) == key((1, "a"))


def test_the_order_of_a_set_is_no_part_of_its_key() -> None:
    """A set of texts, whose order hangs on the hash seed, has one key."""
    names = [f"name {n}" for n in range(50)]
    assert key(frozenset(names)) == key(frozenset(reversed(names)))
    assert key(frozenset(names)) != key(frozenset(names[1:]))


def test_order_only_inputs_are_no_part_of_the_key() -> None:
    """What must come before says nothing of what is computed."""
    assert Later(1, (Value(1),)) == Later(1, (Value(2),)) == Later(1)


def test_a_field_of_a_value_that_does_not_compare_is_no_part_of_the_key() -> None:
    """A remark that ``==`` does not see, the key does not see."""
    assert key(Point(1, remark="a")) == key(Point(1, remark="b"))


def test_paths_count_by_their_text() -> None:
    """A path is its text, whatever flavour of path class carries it."""
    assert key(Path("/a/b")) == key(PurePosixPath("/a/b"))


def test_a_text_that_is_no_unicode_has_a_key() -> None:
    """File names with bytes that are no UTF-8 have keys as well."""
    assert key("\udcff") != key("\udcfe")


class Named(Keyed):
    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def key(self) -> str:
        return self.name


def test_whatever_has_a_key_of_its_own_stands_by_it() -> None:
    """A `Keyed` object that is no thunk is told by its key."""
    assert key(Named("a")) == key(Named("a")) != key(Named("b"))
    with pytest.raises(NotImplementedError):
        _ = Keyed().key


def test_what_has_no_structure_stands_by_a_random_token() -> None:
    """Two wraps of one callable are two things, unless a token says that they are one."""
    assert key(Opaque(print)) != key(Opaque(print))
    assert key(Opaque(print, token="v1")) == key(Opaque(len, token="v1"))
    same = Opaque(io.BytesIO())
    assert key(same) == key(same)


def test_the_repr_of_an_opaque_value_is_its_name() -> None:
    """Nothing of the state of what is wrapped is shown, not even by its own repr."""
    assert repr(Opaque(test_paths_count_by_their_text)) == f"<{test_paths_count_by_their_text.__name__}>"
    assert repr(Opaque({"password": "secret"})) == "<dict>"


class Watched(Mapping[str, Any]):
    """A mapping that notices whoever looks."""

    looked = False

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Any:
        self.looked = True
        return iter(())

    def __len__(self) -> int:
        self.looked = True
        return 0


def test_computing_a_key_does_not_look_inside_what_is_opaque() -> None:
    """A wrapped mapping may read a disk when it is gone through: it is not."""
    watched = Watched()
    assert len(watched) == 0
    assert watched.looked
    watched.looked = False
    assert Value(Opaque(watched)).key
    assert repr(Value(Opaque(watched)))
    assert not watched.looked


@pytest.mark.parametrize("value", [object(), print, io.BytesIO(), {1, 2}, bytearray(b"a"), 1j])
def test_a_parameter_without_structure_is_refused(value: Any) -> None:
    """A TypeError names the type, what to do, the operation, and where it was composed."""
    thunk = Pair(1, Value((value,)))
    with pytest.raises(TypeError, match=f"{type(value).__qualname__}.*Opaque") as caught:
        _ = thunk.key
    (note,) = caught.value.__notes__
    assert note.startswith("in a parameter of Value, composed at ")
    assert "test_key.py:" in note
    assert "Value without key" in repr(thunk)


def test_a_thunk_that_holds_itself_is_refused() -> None:
    """A list that was changed afterwards can close a circle: its key is refused, not computed for ever."""
    held: list[Any] = []
    thunk = Pair(Value(held), Value(1))
    held.append(thunk)
    with pytest.raises(GraphCycle, match=r"depends on itself: .*composed at"):
        _ = thunk.key


def test_a_chain_and_a_diamond_of_great_depth_have_keys() -> None:
    """A chain of 10,000 and a diamond of 60 levels (2^60 paths) are keyed without recursion."""
    chain: Thunk[Any] = Value(0)
    for number in range(10_000):
        chain = Pair(chain, number)
    diamond: Thunk[Any] = Value(0)
    for _ in range(60):
        diamond = Pair(diamond, diamond)
    assert chain.key != diamond.key


def test_thunks_inside_values_are_keyed_without_recursion() -> None:
    """A thunk that stands in a field of a parameter is part of the key too, at any depth."""
    chain: Thunk[Any] = Value(0)
    for number in range(5_000):
        chain = Value({"at": [Point(chain, number)]})
    assert chain.key != Value(0).key


PROGRAM = """
from datetime import date
from pathlib import Path
from lazyimg.thunk.key import Opaque, digest_of
print(digest_of("op", [("a", {"x": 1, "y": (2.5, None, True)}), ("b", frozenset(map(str, range(99)))),
                       ("c", Path("/a")), ("d", date(2024, 1, 1)), ("e", Opaque(print, token="t"))]))
"""


def test_a_key_is_the_same_in_every_process() -> None:
    """Whatever the hash seed, two processes compute one key."""
    keys = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(keys) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_keys_are_equal_exactly_where_values_are_the_same(one: Any, two: Any) -> None:
    """Of any two structured values, the keys are equal if and only if their reprs are."""
    assert (key(one) == key(two)) is (repr(one) == repr(two))
