"""Fields of frozen values cannot be changed."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from lazyimg.errors import InvalidDocument
from lazyimg.oci.frozen import FrozenDict, frozen_mapping, frozen_texts


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.__setitem__("a", 2),
        lambda m: m.__delitem__("a"),
        lambda m: m.clear(),
        lambda m: m.pop("a"),
        lambda m: m.popitem(),
        lambda m: m.setdefault("b", 1),
        lambda m: m.update(b=1),
        lambda m: m.__ior__({"b": 1}),
    ],
)
def test_every_change_is_refused(change: Callable[[FrozenDict[str, int]], object]) -> None:
    """No method of a dictionary changes a frozen one."""
    frozen = FrozenDict(a=1)
    with pytest.raises(TypeError, match="frozen value"):
        change(frozen)
    assert frozen == {"a": 1}


def test_it_copies_pickles_and_hashes(pickled: Callable[[Any], Any]) -> None:
    """A frozen mapping is its own copy, pickles as itself and hashes by its items, in any order."""
    frozen = FrozenDict(a=1, b=2)
    assert frozen.copy() is frozen
    assert type(pickled(frozen)) is FrozenDict
    assert copy.deepcopy(frozen) == frozen
    assert hash(frozen) == hash(FrozenDict(b=2, a=1))


def test_freezing_copies_once() -> None:
    """What is frozen already is taken as it is; a plain mapping is copied."""
    mine = {"a": 1}
    frozen = frozen_mapping(mine)
    mine["a"] = 2
    assert frozen == {"a": 1}
    assert frozen_mapping(frozen) is frozen


def test_texts_are_a_tuple_of_texts() -> None:
    """A list of texts becomes a tuple; one text, or a list of something else, is a mistake."""
    assert frozen_texts(["a", "b"]) == ("a", "b")
    with pytest.raises(InvalidDocument, match=r"write \['abc'\]"):
        frozen_texts("abc")
    with pytest.raises(InvalidDocument, match="holds 1"):
        frozen_texts([1])  # type: ignore[list-item]  # the mistake itself
