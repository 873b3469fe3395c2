"""A dictionary that cannot be changed, for the fields of frozen values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    # Each refusal has a signature wider than the one it overrides, and none returns.
    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]  # noqa: PLE0605, RUF100
    clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

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
