"""A graph of any depth to and from pickle."""

import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from attrs import field, frozen

from lazyimg.thunk.key import Opaque
from lazyimg.thunk.pickling import pack, unpack
from lazyimg.thunk.thunk import ORDER, Thunk


@frozen
class Leaf(Thunk[int]):
    _number: int


class Size(NamedTuple):
    width: int
    height: Any


def frozen_mapping(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


@frozen
class Node(Thunk[int]):
    source: Any
    named: Mapping[str, Any] = field(factory=dict, converter=frozen_mapping)
    before: tuple[Thunk[Any], ...] = field(default=(), metadata=ORDER, kw_only=True)
    doubled: int = field(init=False, default=2)


def returned(thunk: Thunk[Any]) -> Any:
    return pickle.loads(pickle.dumps(thunk))  # noqa: S301 - our own bytes


def test_a_thunk_comes_back_with_its_fields_its_key_and_its_origin() -> None:
    """What comes back is equal, and says where it was composed."""
    thunk = Node(Leaf(1), {"a": Leaf(2), "b": 3}, before=(Leaf(4),))
    back = returned(thunk)
    assert back == thunk
    assert back.origin == thunk.origin
    assert back.source.origin == thunk.source.origin
    assert (back.named, back.before) == (thunk.named, thunk.before)
    assert isinstance(back.named, MappingProxyType)


@pytest.mark.parametrize(
    "held",
    [lambda t: t, lambda t: (t, t), lambda t: [t, t], lambda t: {"a": t, "b": [t]}, lambda t: Size(1, (t,))],
    ids=["directly", "in a tuple", "in a list", "in a mapping", "in a named tuple"],
)
def test_a_chain_of_ten_thousand_comes_back_however_its_links_are_held(held: Any) -> None:
    """Neither depth nor the 2^10,000 paths through shared nodes matter."""
    thunk: Thunk[int] = Leaf(0)
    for _ in range(10_000):
        thunk = Node(held(thunk))
    data = pickle.dumps(thunk)
    assert len(data) < 5_000_000
    assert pickle.loads(data).key == thunk.key  # noqa: S301 - our own bytes


def test_a_diamond_of_sixty_levels_comes_back_sharing() -> None:
    """A node that two hold is one node afterwards as well."""
    thunk: Thunk[int] = Leaf(0)
    for _ in range(60):
        thunk = Node((thunk, thunk))
    back = returned(thunk)
    assert back == thunk
    assert back.source[0] is back.source[1]
    assert len(pack(thunk)) == 61


def test_a_node_shared_across_levels_is_one_record() -> None:
    """What is held here and further below comes back as one node."""
    leaf = Leaf(1)
    back = returned(Node((leaf, Node((Node(leaf), leaf)))))
    assert back.source[0] is back.source[1].source[1] is back.source[1].source[0].source
    assert len(pack(back)) == 4


def test_equal_nodes_made_apart_come_back_as_one() -> None:
    """What has one key is one record."""
    back = returned(Node((Leaf(1), Leaf(1))))
    assert back.source[0] is back.source[1]


def test_containers_keep_their_types() -> None:
    """A named tuple stays one, with and without thunks in it, and a list a list."""
    back = returned(Node((Size(1, 2), Size(1, Leaf(1)), [1], [Leaf(1)])))
    plain, held, numbers, thunks = back.source
    assert (plain.width, held.width, held.height) == (1, 1, Leaf(1))
    assert (type(numbers), type(thunks)) == (list, list)


def test_an_opaque_value_comes_back_with_its_token() -> None:
    """Two processes that exchange a graph agree on its key though its token was random."""
    thunk = Node(Opaque(len))
    assert returned(thunk).key == thunk.key


def test_packing_puts_inputs_first_and_the_root_last() -> None:
    """Each record names only earlier ones."""
    records = pack(Node(Node(Leaf(1)), before=(Leaf(2),)))
    assert [cls.__name__ for cls, *_ in records][-1] == "Node"
    assert unpack(records) == Node(Node(Leaf(1)))
