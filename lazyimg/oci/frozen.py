"""What the fields of frozen values hold: a dictionary and tuples that cannot be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from lazyimg.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A `dict` that refuses every change, pickles, and hashes if its values do.

    Example:
        >>> FrozenDict(a=1)["a"]
        1
        >>> {**FrozenDict(a=1), "b": 2}
        {'a': 1, 'b': 2}
    """

    __slots__ = ()

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("this mapping belongs to a frozen value: make a new one instead")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # a frozen mapping may be hashed
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self),)

    def copy(self) -> FrozenDict[K, V]:
        """Return this very mapping: it cannot change."""
        return self


def frozen_mapping(mapping: Mapping[K, V]) -> FrozenDict[K, V]:
    """Return ``mapping`` as a frozen copy; a converter for attrs fields."""
    return mapping if isinstance(mapping, FrozenDict) else FrozenDict(mapping)


def frozen_texts(values: Iterable[str]) -> tuple[str, ...]:
    """Return ``values`` as a tuple of texts; a converter for attrs fields.

    Raises:
        InvalidDocument: one is no text, or ``values`` is itself one text: its letters were not meant.
    """
    if isinstance(values, str | bytes):
        raise InvalidDocument(f"a list of texts is needed, not one: write [{values[:80]!r}]")
    made = tuple(values)
    for value in made:
        if not isinstance(value, str):
            raise InvalidDocument(f"a list of texts holds {value!r:.80}")
    return made
