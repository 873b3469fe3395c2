"""Thunks: frozen descriptions, whose fields tell their inputs, and whose depth harms nobody."""

import copy
import sys
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from attrs import field, frozen
from attrs.exceptions import FrozenInstanceError

from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import ORDER, Early, Thunk, brief, thunks_in


@frozen
class Leaf(Thunk[int]):
    number: int

    def evaluate(self, run: Run) -> int:
        assert not run.is_cancelled
        return self.number


@frozen
class Node(Thunk[int]):
    one: Thunk[int]
    many: tuple[Any, ...] = ()
    named: Mapping[str, Thunk[int]] = field(factory=dict)
    before: tuple[Thunk[Any], ...] = field(default=(), metadata=ORDER)
    number: int = 0


@frozen(slots=False)
class Loose(Thunk[int]):
    source: Thunk[int]


@frozen
class Outspoken(Thunk[int]):
    """Says itself how it is shown and compared."""

    number: int

    def __repr__(self) -> str:
        return "own words"

    def __eq__(self, other: object) -> bool:
        return other == "equal to this"

    def __hash__(self) -> int:
        return 7


def chain(cls: type[Any], length: int) -> Thunk[int]:
    thunk: Thunk[int] = Leaf(0)
    for _ in range(length):
        thunk = cls(thunk)
    return thunk


def test_inputs_are_found_in_fields_tuples_and_mappings_in_order_each_once() -> None:
    """Thunks held directly, in (nested) tuples or lists, and as values of mappings are inputs."""
    a, b, c, d = (Leaf(n) for n in range(4))
    node = Node(a, (b, (c, a), [b]), {"x": d, "y": Leaf(0)})
    assert node.inputs == (a, b, c, d)
    assert node.after == ()


def test_order_fields_hold_what_comes_before_and_gives_no_value() -> None:
    """A field with the metadata ORDER holds no input and no parameter."""
    a, b = Leaf(1), Leaf(2)
    node = Node(a, before=(b, b))
    assert (node.inputs, node.after) == ((a,), (b,))
    assert "before" not in node.parameters
    assert list(node.parameters) == ["one", "many", "named", "number"]


def test_a_thunk_is_frozen() -> None:
    """No field of a thunk can be set."""
    with pytest.raises(FrozenInstanceError):
        Leaf(1).number = 2  # type: ignore[misc]


def test_a_thunk_is_equal_to_nothing_else() -> None:
    """Comparing with another kind of thing is left to that thing."""
    assert Leaf(1) != 1
    assert Leaf(1) == Leaf(1)
    assert Leaf(1).__eq__(1) is NotImplemented


def test_evaluating_is_for_subclasses_to_say() -> None:
    """A thunk that does not say how it is evaluated is refused by name."""
    with pytest.raises(NotImplementedError, match="Node does not say"):
        Node(Leaf(1)).evaluate(Run(None, {}, lambda *_: None))


def test_an_early_value_is_never_evaluated() -> None:
    """An early value comes from its producer alone."""
    with pytest.raises(AssertionError, match="published by its producer"):
        Early(Leaf(1)).evaluate(Run(None, {}, lambda *_: None))


def test_defaults_of_a_thunk() -> None:
    """A thunk is pure, no more urgent than another, and named for its class."""
    leaf = Leaf(1)
    assert (leaf.effectful, leaf.urgency, leaf.name) == (False, 0, "Leaf")


def test_a_repr_names_fields_and_shows_inputs_by_name_and_key() -> None:
    """One level of the graph is shown."""
    leaf = Leaf(1)
    node = Node(leaf, (leaf,), {"x": leaf})
    short = f"<Leaf {leaf.key[:8]}>"
    assert repr(leaf) == "Leaf(number=1)"
    assert repr(node) == f"Node(one={short}, many=({short},), named={{'x': {short}}}, number=0)"


@pytest.mark.parametrize(
    "wrap",
    [
        Node,
        lambda thunk: Node(Leaf(0), (thunk, thunk)),
        lambda thunk: Node(Leaf(0), ([thunk, thunk],)),
        lambda thunk: Node(Leaf(0), (), {"a": thunk, "b": thunk}),
        lambda thunk: Node(Leaf(0), (Holder(thunk),)),
    ],
    ids=["directly", "in a tuple", "in a list", "in a mapping", "in a value"],
)
def test_a_repr_does_not_grow_with_the_graph(wrap: Any) -> None:
    """However a thunk is held, at depth 10,000 the repr is as long as at depth 2, and needs no recursion."""
    thunk: Thunk[int] = Leaf(0)
    for _ in range(10_000):
        thunk = wrap(thunk)
    assert len(repr(thunk)) < 300


@frozen
class Holder:
    thunk: Thunk[Any]


@pytest.mark.parametrize("cls", [Node, Loose], ids=["with slots", "without slots"])
def test_what_attrs_generates_never_recurses_over_a_graph(cls: type[Any]) -> None:
    """A user's plain frozen class compares, hashes and shows itself by key, at any depth."""
    one, two = chain(cls, 10_000), chain(cls, 10_000)
    assert one == two
    assert hash(one) == hash(two)
    assert len({one, two, chain(cls, 9_999)}) == 2
    assert repr(one) == repr(two)


def test_what_a_class_says_itself_is_kept() -> None:
    """Only generated methods are taken back; those that a class writes stay."""
    thunk = Outspoken(1)
    assert (repr(thunk), thunk == "equal to this", hash(thunk)) == ("own words", True, 7)


def test_a_copy_of_a_thunk_is_the_thunk() -> None:
    """A frozen value needs no second one: copy and deepcopy of a deep graph give the same object."""
    thunk = chain(Node, 10_000)
    assert copy.copy(thunk) is thunk
    assert copy.deepcopy(thunk) is thunk
    assert copy.deepcopy([thunk])[0] is thunk


def test_a_changed_copy_has_a_key_of_its_own() -> None:
    """``attrs.evolve`` gives a thunk whose key fits its fields."""
    leaf = Leaf(1)
    assert leaf.key
    assert attrs.evolve(leaf, number=2) == Leaf(2)


def test_a_graph_that_is_deeper_than_the_stack_is_let_go_of() -> None:
    """Deallocating a chain far deeper than the recursion limit does not end the process."""
    thunk = chain(Node, 20 * sys.getrecursionlimit())
    assert thunk.inputs
    del thunk


def test_thunks_in_a_value_are_found() -> None:
    """Texts and numbers hold none."""
    leaf = Leaf(1)
    assert list(thunks_in((1, "a", {"k": [leaf, (leaf,)]}))) == [leaf, leaf]
    assert list(thunks_in("text")) == []


def test_brief_shows_a_thunk_by_name_and_key() -> None:
    """A thunk is never shown by its own repr where something else holds it."""
    assert brief(Leaf(1)) == f"<Leaf {Leaf(1).key[:8]}>"
    assert brief((Outspoken(1),)) == f"(<Outspoken {Outspoken(1).key[:8]}>,)"
